"""Recipes that meet data which are not their own."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from training.data import dataset as datasets
from training.data import model_inputs
from training.data.arrays import image_examples
from training.data.arrays import vector_examples
from training.fitting import prepared
from training.resolve import build_model
from training.resolve import resolve
from training.resolve import steps_per_epoch

GREY = np.random.default_rng(0).random((40, 17, 23, 1), "float32")


def images(x=GREY, classes=None, name="images:mine"):
    """A data set of images, 80 / 10 / 10."""
    labels = None if classes is None else np.arange(len(x)) % classes
    cuts = [len(x) * 8 // 10, len(x) * 9 // 10]
    parts = zip(
        np.split(x, cuts),
        [None] * 3 if labels is None else np.split(labels, cuts),
        strict=True,
    )
    splits = [image_examples(*part) for part in parts]
    return datasets.Dataset(
        name=name,
        kind="images",
        splits=dict(zip(datasets.SPLITS, splits, strict=True)),
        num_classes=classes,
        element_shape=x.shape[1:],
        description="Mine.",
    )


def vectors(x):
    parts = np.split(x, [len(x) * 8 // 10, len(x) * 9 // 10])
    return datasets.Dataset(
        name="npz:mine",
        kind="vectors",
        splits={
            name: vector_examples(part)
            for name, part in zip(datasets.SPLITS, parts, strict=True)
        },
        num_classes=None,
        element_shape=x.shape[1:],
        description="Mine.",
    )


def text(content):
    parts = np.split(np.array(list(content)), [len(content) * 9 // 10] * 2)
    parts = [parts[0], parts[2], parts[2]]
    return datasets.Dataset(
        name="text:mine.txt",
        kind="text",
        splits={
            name: tf.data.Dataset.from_tensors({"text": "".join(part)})
            for name, part in zip(datasets.SPLITS, parts, strict=True)
        },
        num_classes=None,
        element_shape=None,
        description="Mine.",
    )


def series(sizes, columns=1):
    x = np.random.default_rng(0).normal(size=(sum(sizes), columns))
    parts = np.split(x, np.cumsum(sizes)[:2])
    return datasets.Dataset(
        name="series:mine.csv",
        kind="series",
        splits={
            name: tf.data.Dataset.from_tensors({"x": part})
            for name, part in zip(datasets.SPLITS, parts, strict=True)
        },
        num_classes=None,
        element_shape=None,
        description="Mine.",
        columns=tuple(f"c{i}" for i in range(columns)),
        scale=datasets.Scale(x.mean(0), x.std(0)),
    )


def fitted(name, dataset, *assignments):
    recipe = resolve(name, "demo", (f"data={dataset.name}", *assignments))
    recipe, dataset = prepared(recipe, dataset)
    return recipe, dataset, " ".join(dataset.notes)


def test_the_recipes_own_data_change_nothing():
    recipe = resolve("vae", "demo", ("epochs=3",))
    assert recipe.replaced is None
    assert prepared(recipe, images())[0] is recipe
    described = resolve("vae", "demo", ("data=images:mine",)).describe()
    own = resolve("vae", "demo").describe()
    assert described == {**own, "data": "images:mine"}


def test_grey_pixels_are_no_random_bits():
    recipe, dataset, notes = fitted("vae", images())
    assert "discretized logistic in place of Bernoulli" in notes
    assert build_model(recipe, dataset).likelihood == "discretized_logistic"
    assert recipe.data.augment is None
    for split in ("train", "valid"):
        x = next(iter(model_inputs(dataset.splits[split]))).numpy()
        assert 0.2 < x.std() < 0.4 and len(np.unique(x)) > 100
    _, _, notes = fitted("vae", images(np.round(GREY)))
    assert "Bernoulli" not in notes
    recipe, _, notes = fitted("vae", images(), "model.likelihood=bernoulli")
    assert recipe.model.arguments["likelihood"] == "bernoulli"
    assert "Bernoulli" not in notes


def test_pixel_models_take_shape_and_levels_from_the_images():
    x = np.repeat(GREY, 3, axis=-1)
    recipe, dataset, notes = fitted("pixel_rnn", images(x))
    assert "colors: 256 levels in place of 0 and 1" in notes
    model = build_model(recipe, dataset)
    assert model.image_shape == (17, 23, 3) and model.num_categories == 256
    x = next(iter(model_inputs(dataset.splits["test"]))).numpy()
    np.testing.assert_allclose(x * 255, np.round(x * 255), atol=1e-4)


def test_folders_are_the_domains_of_a_translator():
    recipe, dataset, notes = fitted("stargan", images(classes=3))
    assert "resized from 17x23 to 16x16" in notes
    model = build_model(recipe, dataset)
    assert model.image_shape == (16, 16, 1)
    assert (model.num_domains, model.labels) == (3, "classes")
    # As many as the sides allow, where the recipe's own data have 3.
    assert model.num_halvings == 4
    given = fitted("stargan", images(classes=3), "model.num_halvings=2")[0]
    assert given.model.arguments["num_halvings"] == 2
    with pytest.raises(ValueError, match="give folders as classes"):
        fitted("stargan", images())


def domains(a, b):
    sets = {"a": images(a), "b": images(b)}
    return datasets.Dataset(
        name="domains:mine",
        kind="domains",
        splits={
            split: {name: each.splits[split] for name, each in sets.items()}
            for split in datasets.SPLITS
        },
        num_classes=None,
        element_shape={n: each.element_shape for n, each in sets.items()},
        description="Mine.",
    )


def test_domains_of_other_channels_have_no_identity_loss():
    x = GREY[:, :16, :20]
    recipe, _, notes = fitted("cyclegan", domains(x, x.repeat(3, -1)))
    assert recipe.model.arguments["identity_weight"] == 0.0
    assert "One domain is grey, one has colors: no identity loss" in notes
    with pytest.raises(ValueError, match=r"`--data '?domains:mine\?size=16'?`"):
        fitted("cyclegan", domains(x, GREY))


def test_binary_models_say_what_becomes_of_grey():
    _, dataset, notes = fitted("nade", images())
    assert "pixels become 1 above 0.5, else 0" in notes
    x = next(iter(model_inputs(dataset.splits["test"]))).numpy()
    assert x.shape == (17 * 23,) and set(np.unique(x)) == {0.0, 1.0}
    assert (
        build_model(
            *prepared(
                resolve("nade_uci", "paper", ("data=images:mine",)), images()
            )
        ).input_dim
        == 17 * 23
    )


def test_large_images_are_no_vectors_of_thousands_of_values():
    x = np.repeat(np.tile(GREY, (1, 3, 3, 1)), 3, axis=-1)
    recipe, dataset, notes = fitted("made", images(x))
    assert "resized from 51x69 to 19x26" in notes
    assert build_model(recipe, dataset).input_dim == 19 * 26 * 3


@pytest.mark.parametrize(
    "name, shape",
    [
        ("dcgan", (16, 16)),
        ("progressive_gan", (16, 16)),
        ("infogan", (16, 24)),
        ("key_patch_gan", (16, 16)),
        ("vit", (16, 24)),
        ("multi_scale_pixel_rnn", (16, 24)),
        ("vae", (17, 23)),
    ],
)
def test_sides_are_those_that_the_model_takes(name, shape):
    recipe, dataset, notes = fitted(name, images(classes=2))
    assert build_model(recipe, dataset).image_shape == (*shape, 1)
    assert ("resized from 17x23" in notes) == (shape != (17, 23))


def test_patches_grow_with_images():
    large = images(np.tile(GREY, (1, 3, 2, 1)), classes=2)
    recipe, dataset, notes = fitted("vit", large)
    assert "Patches of 4x4 pixels in place of 2x2" in notes
    assert build_model(recipe, dataset).image_shape == (52, 48, 1)
    recipe, _, _ = fitted("vit", large, "model.patch_size=2")
    assert recipe.model.arguments["patch_size"] == 2


@pytest.mark.parametrize("rows, columns, size", [(2, 1, 1), (3, 2, 2)])
def test_patches_of_a_stem_are_as_large_in_pixels(rows, columns, size):
    x = images(np.tile(GREY, (1, rows, columns, 1)), classes=2)
    recipe, _, notes = fitted("vit_hybrid", x)
    assert recipe.model.arguments["patch_size"] == size
    assert ("Patches of 4x4 pixels in place of 2x2" in notes) == (size == 2)


def test_levels_are_spread_as_many_as_there_are():
    for x, levels in ((np.round(GREY * 255) / 255, 256), (GREY, None)):
        recipe, _, notes = fitted("rnade", vectors(x.reshape(40, -1)))
        found = [t.arguments.get("num_levels") for t in recipe.data.transforms]
        assert found == ([levels, None] if levels else [None])
        assert ("256 levels" if levels else "left as they are") in notes


@pytest.mark.parametrize("name", ["vit", "classifier", "stargan"])
def test_one_class_is_nothing_to_tell_apart(name):
    with pytest.raises(ValueError, match=r"all examples .* are of one\. Give"):
        fitted(name, images(classes=1))
    with pytest.raises(ValueError, match="class"):
        fitted(name, images())
    assert fitted("vae", images(classes=1))[1].num_classes == 1


def test_vectors_of_real_numbers_stay_as_they_are():
    x = np.random.default_rng(0).normal(5.0, 30.0, (40, 3)).astype("float32")
    _, dataset, words = fitted("rnade", vectors(x))
    inputs = model_inputs(dataset.splits["train"]).as_numpy_iterator()
    np.testing.assert_array_equal(np.stack([*inputs]), x[:32])
    assert "Values are real numbers: left as they are." in words
    assert "Values are whole numbers" in fitted("rnade", vectors(x.round()))[2]
    x[:, 1] = 4.0
    assert "do not vary: 1, the first is 1" in fitted("rnade", vectors(x))[2]
    for name in ("nade", "made", "deep_nade", "nade_uci"):
        with pytest.raises(ValueError, match="train rnade --data npz:mine"):
            fitted(name, vectors(x))


def test_what_belongs_to_the_recipes_own_data_is_left_out():
    recipe, _, notes = fitted("nade", images())
    assert recipe.data.out_of_distribution is None
    assert "8x8x1 images do not compare with yours, 17x23x1" in notes
    _, _, notes = fitted("nade", vectors(GREY[:, 0, :, 0]))
    assert "do not compare with yours, vectors of 23." in notes
    recipe, _, notes = fitted("nade", images(GREY[:, :8, :8]))
    assert recipe.data.out_of_distribution == "photographs"
    recipe = resolve("nade", "paper", ("data=images:mine",))
    recipe, dataset = prepared(recipe, images())
    assert recipe.data.probe_data is None and recipe.evaluation.paper == {}
    assert "`tfds:mnist` belongs to the recipe's own" in " ".join(dataset.notes)
    recipe, _, _ = fitted("nade", images(), "out_of_distribution=digits")
    assert recipe.data.out_of_distribution == "digits"


def test_batches_are_no_larger_than_the_data_and_budgets_are_in_updates():
    recipe, _, notes = fitted("vae", images(GREY[:12]))
    assert recipe.schedule.global_batch_size == 4
    assert "Batches of 4 in place of 32: there are 9 training" in notes
    schedule = recipe.schedule
    updates = 9 // 4 * schedule.passes_per_epoch * schedule.epochs
    # 40 batches of the digits, 200 times.
    assert updates == 8000 and schedule.epochs == 200
    many = images(np.repeat(GREY[:, :4, :4], 200, axis=0))
    recipe, _, _ = fitted("vae", many)
    assert recipe.schedule.epochs == 40
    recipe, _, notes = fitted("vae", many, "epochs=7")
    assert recipe.schedule.epochs == 7 and "Budget" not in notes
    few, _, _ = fitted("vae", images(GREY[:12]), "epochs=7")
    assert few.schedule.passes_per_epoch == schedule.passes_per_epoch


@pytest.mark.parametrize("count, size", [(40, 16), (12, 4)])
def test_few_images_make_a_classifier(count, size):
    recipe, _, notes = fitted("classifier", images(GREY[:count], classes=2))
    assert recipe.schedule.global_batch_size == size
    assert f"Batches of {size} in place of" in notes


def test_semi_supervised_labels_fit_the_classes():
    x = np.repeat(GREY, 2, axis=0)
    recipe, dataset, notes = fitted("aae_semi_supervised", images(x, 3))
    assert "63 labels, 21 of each class" in notes
    assert build_model(recipe, dataset).num_categories == 3


def test_short_texts_make_fewer_streams():
    recipe, _, notes = fitted("char_lstm", text("to be or not " * 70))
    assert "The text is short: " in notes
    schedule = recipe.schedule
    assert schedule.global_batch_size < 32
    assert schedule.epochs == 50
    # Three epochs of 54 updates are no training.
    recipe, _, notes = fitted("char_lstm", text("to be or not " * 9500))
    assert recipe.schedule.epochs == 38 and "38 epochs of 54" in notes
    with pytest.raises(ValueError, match="`char_lstm` learns the characters"):
        fitted("word_lstm", text("天地玄黄" * 100))


def pairs(count):
    rows = [f"word {i} and word {i * i}" for i in range(count)]
    examples = tf.data.Dataset.from_tensor_slices(
        {"source": rows, "target": [row.upper() for row in rows]}
    )
    return datasets.Dataset(
        name="pairs:mine.tsv",
        kind="pairs",
        splits={
            "train": examples.skip(10),
            "valid": examples.take(5),
            "test": examples.skip(5).take(5),
        },
        num_classes=None,
        element_shape=None,
        description="Mine.",
    )


def test_few_pairs_make_batches_of_fewer_tokens():
    given = ("tokenizer.vocabulary_size=300", "epochs=2")
    recipe, dataset, notes = fitted("translate_multi30k", pairs(60), *given)
    assert "tokens in place of 1024: there are 50 training pairs" in notes
    assert steps_per_epoch(recipe, dataset) >= 4
    whole = recipe.replace(tokens_per_batch=100_000)
    with pytest.raises(ValueError, match="do not fill a batch of 100000 tok"):
        steps_per_epoch(whole, dataset)


def test_a_counted_text_has_room_for_its_contexts():
    rng = np.random.default_rng(0)
    letters = "".join(map(chr, 0x4E00 + rng.integers(0, 60, 40_000)))
    recipe, dataset, notes = fitted("markov_text", text(letters))
    room = recipe.model.arguments["max_contexts"]
    assert room > 60_000 and f"Room for {room:,} contexts" in notes
    assert dataset.size("train") >= recipe.schedule.global_batch_size


def test_horizons_and_orders_fit_the_series():
    dataset = series((56, 8, 16), columns=30)
    recipe, dataset, notes = fitted("ar_series", dataset)
    assert recipe.evaluation.horizons == (1, 4, 8)
    assert "1, 4, 8 steps ahead: the test split has 16" in notes
    assert recipe.model.arguments["order"] == 1
    recipe, _, _ = fitted("latent_ar", series((56, 8, 16)))
    assert recipe.evaluation.history == 32
    recipe, _, _ = fitted(
        "latent_ar", series((56, 8, 16)), "horizons=(1,2)", "history=5"
    )
    assert recipe.evaluation.horizons == (1, 2)
    assert recipe.evaluation.history == 5


@pytest.mark.parametrize(
    "name, dataset, words",
    [
        ("vae", text("abc" * 40), "learns images, but .* holds text. .*char_l"),
        ("pixel_rnn", vectors(GREY.reshape(40, -1)), "vectors.*train rnade"),
        ("char_lstm", images(), "learns text.*holds images.*train vae"),
        ("adding_problem", series((70, 10, 20)), "tasks of memory.*latent_ar"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_kinds_are_refused_with_the_command_that_works(
    name, dataset, words
):
    with pytest.raises(ValueError, match=words):
        fitted(name, dataset)


def test_captions_are_images():
    dataset = images()
    splits = {
        name: split.map(lambda e: {**e, "captions": tf.constant(["a cat"])})
        for name, split in dataset.splits.items()
    }
    dataset = dataclasses.replace(dataset, kind="captions", splits=splits)
    _, dataset, notes = fitted("gan", dataset)
    assert dataset.kind == "images" and "Captions left out" in notes
    assert set(dataset.splits["train"].element_spec) == {"image"}
