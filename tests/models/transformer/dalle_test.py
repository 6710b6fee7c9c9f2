import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import DALLE
from keras_genseq.models import DiscreteVAE
from keras_genseq.models.transformer.dalle import paper_attention_types
from keras_genseq.ops.masks import IMAGE_ATTENTION
from keras_genseq.ops.masks import image_attention_mask
from keras_genseq.ops.random import row_uniform
from keras_genseq.tokenizers import WordTokenizer
from tests.conformance.instances import awake
from tests.conformance.instances import counted_traces
from tests.conformance.instances import without_values

WORDS = ["a", "b", "c"]
GRID = (4, 3)
TEXT = 3


def make_model(**kwargs):
    keras.utils.set_random_seed(0)
    vae = DiscreteVAE((8, 6, 1), 5, filters=(4, 4), embedding_dim=3, seed=0)
    options = {
        "text_length": TEXT,
        "num_layers": 4,
        "hidden_dim": 8,
        "num_heads": 2,
        "attention_types": IMAGE_ATTENTION,
        "kernel_size": 3,
        "tokenizer": WordTokenizer(WORDS),
        "seed": 0,
        **kwargs,
    }
    model = awake(DALLE(vae, **options), 0.8)
    rng = np.random.default_rng(3)
    for network, scale in ((vae.encoder, 1.0), (vae.decoder, 0.5)):
        for weight in network.weights:
            weight.assign(scale * rng.normal(size=weight.shape))
    return model


@functools.cache
def guided_model():
    return make_model(caption_dropout=0.2)


def images(count):
    rng = np.random.default_rng(0)
    return rng.random((count, 8, 6, 1)).astype("float32")


def tokens(count):
    return np.random.default_rng(1).integers(0, 5, (count, *GRID), "int32")


@pytest.mark.parametrize("kind", IMAGE_ATTENTION)
def test_a_layer_hears_what_its_mask_shows_and_nothing_else(kind):
    model = make_model(num_layers=1, attention_types=(kind,))
    transformer = model.transformer
    ids = transformer.text_ids(tf.constant([[1, 2, 0]]))
    x = tf.convert_to_tensor(transformer.embed(ids, tokens(1)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = transformer.outputs_of(x)
    heard = np.abs(tape.jacobian(outputs, x)[0, :, :, 0]).sum((1, 3)) > 0
    expected = np.tri(15, dtype=bool)
    image = image_attention_mask(kind, GRID, 3)[:-1, :-1]
    expected[TEXT + 1 :, TEXT + 1 :] = image
    np.testing.assert_array_equal(heard, expected)


def test_no_logits_hear_what_comes_later():
    model = guided_model()
    x, y = tokens(1), np.array([[1, 2, 3]], "int32")
    plain = model(x, y)[0].numpy()
    for place in range(12):
        other = x.copy()
        other[0, place // 3, place % 3] = (
            other[0, place // 3, place % 3] + 1
        ) % 5
        changed = np.abs(model(other, y)[0].numpy() - plain).max(1) > 0
        assert not changed[: TEXT + place + 1].any()
        assert changed[TEXT + place + 1 :].all()
    # And every position of the image hears every word.
    for place in range(TEXT):
        other = y.copy()
        other[0, place] = other[0, place] % 3 + 1
        changed = np.abs(model(x, other)[0].numpy() - plain).max(1) > 0
        assert not changed[: place + 1].any() and changed[TEXT:].all()


def test_vocabularies_are_kept_apart():
    logits = guided_model()(tokens(2), np.zeros((2, TEXT), "int32")).numpy()
    # The start, five tokens of images, three words, three paddings.
    is_possible = np.isin(np.arange(12), range(1, 6))
    assert (logits[:, TEXT:, ~is_possible] == -1e9).all()
    assert (np.abs(logits[:, TEXT:, is_possible]) < 100).all()
    is_possible = np.arange(12) >= 6
    assert (logits[:, :TEXT, ~is_possible] == -1e9).all()
    assert (np.abs(logits[:, :TEXT, is_possible]) < 100).all()


def test_each_position_has_its_own_padding():
    ids = guided_model().transformer.text_ids(tf.constant([[2, 0, 0]]))
    assert ids.numpy().tolist() == [[7, 10, 11]]


def whole_passes(model, captions, uniforms, guidance=None):
    """Draws tokens by whole passes over the stream, one for each token."""
    count, x = len(captions), np.zeros((len(captions), *GRID), "int32")
    run = tf.function(model)
    for place in range(12):
        logits = run(x, captions)[:, TEXT + place].numpy()[:, 1:6]
        if guidance is not None:
            empty = run(x, np.zeros_like(captions))[:, TEXT + place]
            empty = empty.numpy()[:, 1:6]
            logits = empty + guidance * (logits - empty)
        p = np.exp(logits - logits.max(1, keepdims=True))
        below = np.cumsum(p / p.sum(1, keepdims=True), axis=1)
        drawn = (below < uniforms[:, place, None]).sum(1)
        x.reshape(count, -1)[:, place] = drawn
    return x


@pytest.mark.parametrize("guidance", [None, 3.0])
def test_cached_equals_uncached_token_for_token(guidance):
    # A layer of each kind of attention.
    model = guided_model()
    captions = np.array([[1, 2, 0], [3, 0, 0], [0, 0, 0]], "int32")
    seeds = np.array([3, 4, 5], "int32")
    drawn = model.generate_tokens(captions, seed=seeds, guidance=guidance)
    uniforms = np.asarray(row_uniform(seeds, 12))
    expected = whole_passes(model, captions, uniforms, guidance)
    np.testing.assert_array_equal(drawn, expected)
    assert len(np.unique(drawn)) > 1


def test_guidance_of_one_is_none_and_of_nothing_has_no_caption():
    model = guided_model()
    options = {"num_images": 3, "seed": 1}
    plain = model.generate("a b", **options)
    np.testing.assert_array_equal(
        plain, model.generate("a b", guidance=[1, 1, 1.0], **options)
    )
    nothing = model.generate_tokens("a b", guidance=0.0, **options)
    empty = model.generate_tokens("", **options)
    np.testing.assert_array_equal(nothing, empty)
    assert (nothing != model.generate_tokens("a b", **options)).numpy().any()
    with pytest.raises(ValueError, match="make it with `caption_dropout=`"):
        make_model().generate("a", guidance=2.0)


def test_an_image_depends_on_its_seed_and_caption_alone():
    model = guided_model()
    seeds = [5, 6, 7]
    together = model.generate(["a", "b c", "a"], seed=seeds)
    assert together.shape == (3, 8, 6, 1)
    for i, caption in enumerate(["a", "b c", "a"]):
        alone = model.generate([caption], seed=seeds[i : i + 1])
        np.testing.assert_allclose(alone[0], together[i], atol=1e-6)
    assert (together[0] != together[2]).numpy().any()
    assert model.generate("a", num_images=2, seed=3).shape == (1, 2, 8, 6, 1)


def test_requests_do_not_trace_again():
    names = []
    with counted_traces(names):
        model = make_model()
        model.generate(["a", "b"], seed=0, temperature=0.5, top_k=2)
        count = len(names)
        assert count
        model.generate(["c", ""], seed=9, temperature=0.7, top_k=1)
    assert len(names) == count


def test_a_given_upper_part_stays_and_what_is_below_does_not_matter():
    model = guided_model()
    x = images(2)
    spoiled = x.copy()
    spoiled[:, 4:] = 1.0 - spoiled[:, 4:]
    request = {"captions": ["a", "b"], "seed": 2}
    kept = [2, 2]
    first = model.complete(x, kept_rows=kept, **request).numpy()
    again = model.complete(spoiled, kept_rows=kept, **request).numpy()
    np.testing.assert_array_equal(first, again)
    other = model.complete(x, kept_rows=kept, captions=["a", "b"], seed=3)
    assert (other != first).numpy().any()
    whole = model.complete(x, kept_rows=4, **request)
    np.testing.assert_allclose(
        whole, model.discrete_vae.reconstruct(x), atol=1e-5
    )
    assert np.ptp(whole) > 1e-3


def test_losses_weigh_seven_to_one_and_begin_at_uniform():
    keras.utils.set_random_seed(0)
    vae = DiscreteVAE((8, 6, 1), 50, filters=(4, 4), embedding_dim=3)
    model = DALLE(
        vae, vocabulary_size=40, text_length=TEXT, hidden_dim=32, num_layers=1
    )
    y = np.array([[1, 2, 3], [30, 0, 0]], "int32")
    losses, terms = model.example_losses(tokens(2), y, training=False)
    text, image = (
        terms[name].numpy()[:, 0] / terms[name].numpy()[:, 1]
        for name in ("text_nats", "image_nats")
    )
    np.testing.assert_allclose(losses, text / 8 + 7 * image / 8, rtol=1e-6)
    assert text.mean() == pytest.approx(np.log(39 + 3), abs=0.1)
    assert image.mean() == pytest.approx(np.log(50), abs=0.1)


def test_hidden_captions_are_not_learned():
    model = guided_model()
    seeds = np.arange(100, dtype="int32")
    y = np.repeat([[1, 2, 3]], 100, axis=0).astype("int32")
    x = tokens(1).repeat(100, axis=0)
    losses, terms = model.example_losses(x, y, training=True, seeds=seeds)
    counts = terms["text_nats"].numpy()[:, 1]
    is_hidden = counts == 0.0
    assert 5 < is_hidden.sum() < 40
    _, empty = model.example_losses(x[:1], 0 * y[:1], training=False)
    image = 0.875 * empty["image_nats"].numpy()[0, 0] / 12
    np.testing.assert_allclose(losses[is_hidden], image, rtol=1e-5)
    assert np.ptp(losses[~is_hidden]) < 1e-5


def test_learns_images_or_tokens_of_texts_or_ids():
    model = make_model(attention_types=("row",), num_layers=1)
    model.compile("adam")
    x, codes = images(4), model.discrete_vae.encode_tokens(images(4))
    several = [["a", "b"], ["a"], ["b c", ""], ["c"]]
    ids = np.array([[1, 0], [2, 3], [3, 0], [1, 2]], "int32")
    texts = ["a", "b c", "c", "a b"]
    losses = [
        model.test_on_batch(data, captions)[0]
        for data in (x, codes)
        for captions in (texts, ids)
    ]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)
    before = [w.numpy() for w in model.discrete_vae.weights]
    model.fit(x, several, verbose=0)
    for value, weight in zip(before, model.discrete_vae.weights, strict=True):
        np.testing.assert_array_equal(value, weight.numpy())


def test_wrong_captions_and_images_are_refused():
    model = guided_model()
    for captions, words in (
        (["a b c a"], "at most 3 tokens a row"),
        (["x"], "does not know"),
        ([[4]], "token ids from 1 to 3"),
        ([[1.0]], "must hold texts, or integers"),
    ):
        with pytest.raises(ValueError, match=words):
            model.generate(captions)
    with pytest.raises(ValueError, match="a row for each row"):
        model.score(images(2), ["a"])
    model.compile("adam")
    with pytest.raises(ValueError, match="a row for each row of `x`"):
        model.fit(images(2), ["a"], verbose=0)
    with pytest.raises(ValueError, match="must have shape"):
        model.fit(images(2)[:, :4], ["a", "b"], verbose=0)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"kernel_size": 4}, "must be odd"),
        ({"attention_types": ("row",)}, "for each of 4 layers"),
        ({"attention_types": ("rows",) * 4}, "must name one of"),
        ({"caption_dropout": 1.0}, r"must be in \[0, 1\)"),
        ({"vocabulary_size": 9}, "leave `vocabulary_size` out"),
    ],
)
def test_wrong_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        make_model(**arguments)


def test_layers_come_in_the_papers_order():
    assert paper_attention_types(8) == (
        *("row", "column", "row", "row", "row", "column", "row"),
        "convolutional",
    )
    assert paper_attention_types(64).count("column") == 16


def test_the_paper_has_twelve_billion_weights_of_these_shapes():
    with without_values():
        # All layers have one shape; tracing 64 of them takes a minute.
        model = DALLE.from_preset("dall_e", num_layers=2)
        logits = model(
            keras.Input((32, 32), dtype="int32"),
            keras.Input((256,), dtype="int32"),
        )
    assert model.transformer.num_steps == 1280
    # The start, 8,192 tokens, 16,384 words and 256 paddings.
    assert logits.shape == (None, 1280, 24_833)
    d = 3968
    blocks = 64 * (12 * d * d + 13 * d)
    embeddings = (24_833 + 256 + 64) * d + 2 * d
    heads = (24_833 - 1) * (d + 1)
    expected = blocks + embeddings + heads
    assert DALLE.presets["dall_e"].num_parameters == expected


def test_a_model_that_comes_back_trains_no_discrete_vae():
    model = guided_model()
    again = DALLE.from_config(model.get_config())
    for each in (model, again):
        assert len(each.trainable_variables) == len(
            each.transformer.trainable_variables
        )
