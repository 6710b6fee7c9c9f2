"""CycleGAN: the losses of the paper, its pools, both directions, any size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import CycleGAN

SMALL = {
    "num_blocks": 1,
    "filters": 2,
    "discriminator_filters": 2,
    "receptive_field": 16,
    "seed": 1,
}


def make_cyclegan(image_shape=(8, 12, 1), **kwargs):
    keras.utils.set_random_seed(2)
    return CycleGAN(image_shape, **{**SMALL, **kwargs})


def images(size, *shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((size, *shape)).astype("float32")


def batch_of(model, size=2):
    data = [images(size, *s, seed=i) for i, s in enumerate(model.shapes)]
    return model.seeded_batch(tuple(map(tf.constant, data)), step=0)


def train(model, x, y, steps=1, rate=0.0):
    if not model.compiled:
        # A step takes less time than tracing it.
        model.compile(
            generator_optimizer=keras.optimizers.SGD(rate),
            discriminator_optimizer=keras.optimizers.SGD(rate),
            run_eagerly=True,
        )
    data = tf.data.Dataset.from_tensors((x, y)).repeat(steps)
    return model.fit(data, verbose=0).history


def test_networks_of_the_paper():
    with keras.StatelessScope(initialize_variables=False):
        model = CycleGAN.from_preset("cyclegan_256")
        for generator in model.group_networks["generator"]:
            assert generator.count_params() == 11_378_179
        for discriminator in model.group_networks["discriminator"]:
            assert discriminator.count_params() == 2_764_737


def test_losses_are_those_of_the_paper():
    model = make_cyclegan(identity_weight=0.5, cycle_weight=10.0)
    batch = batch_of(model)
    x, y = batch["x"], batch["y"]
    run = {
        name: lambda z, n=name: 2.0 * np.array(getattr(model, n)(z)) - 1.0
        for name in ("generator_xy", "generator_yx")
    }
    judge_x, judge_y = (
        lambda z, d=d: np.array(d(z)).reshape(2, -1)
        for d in (model.discriminator_x, model.discriminator_y)
    )
    fake_y, fake_x = model.generator_xy(x), model.generator_yx(y)

    def l1(a, b):
        return np.abs(a - (2.0 * np.array(b) - 1.0)).mean((1, 2, 3))

    cycle = l1(run["generator_yx"](fake_y), x)
    cycle = cycle + l1(run["generator_xy"](fake_x), y)
    identity = l1(run["generator_xy"](y), y) + l1(run["generator_yx"](x), x)
    game = ((judge_y(fake_y) - 1.0) ** 2).mean(1)
    game += ((judge_x(fake_x) - 1.0) ** 2).mean(1)
    g_losses, _ = model.generator_loss(batch)
    expected = game + 10.0 * cycle + 5.0 * identity
    np.testing.assert_allclose(g_losses, expected, rtol=1e-5)
    d_losses, terms = model.discriminator_loss(batch)
    expected = 0.0
    for judge, real, fake in ((judge_x, x, fake_x), (judge_y, y, fake_y)):
        expected += 0.5 * ((judge(real) - 1.0) ** 2).mean(1)
        expected += 0.5 * (judge(fake) ** 2).mean(1)
    np.testing.assert_allclose(d_losses, expected, rtol=1e-5)
    is_real = (judge_x(x) > 0.5).mean(1) + (judge_y(y) > 0.5).mean(1)
    np.testing.assert_allclose(terms["real_accuracy"], is_real / 2, rtol=1e-6)


def test_generators_that_change_nothing_lose_nothing_but_the_game():
    model = make_cyclegan()
    run, generators = model.run, model.group_networks["generator"]
    model.run = lambda network, x, **kwargs: (
        x if network in generators else run(network, x, **kwargs)
    )
    batch = batch_of(model)
    with_weights, terms = model.generator_loss(batch)
    for name in ("cycle_x", "cycle_y", "identity_loss"):
        np.testing.assert_array_equal(terms[name], 0.0)
    model.cycle_weight = 0.0
    np.testing.assert_array_equal(model.generator_loss(batch)[0], with_weights)


def test_the_weight_of_cycles_is_linear():
    model = make_cyclegan(identity_weight=0.0)
    batch, found = batch_of(model), []
    for weight in (0.0, 1.0, 3.0):
        model.cycle_weight = weight
        g_losses, terms = model.generator_loss(batch)
        found.append(np.array(g_losses))
    cycle = np.array(terms["cycle_x"] + terms["cycle_y"])
    assert cycle.min() > 0.1 and "identity_loss" not in terms
    np.testing.assert_allclose(found[1] - found[0], cycle, rtol=1e-4)
    np.testing.assert_allclose(found[2] - found[0], 3 * cycle, rtol=1e-4)


def test_a_loss_of_two_images_is_that_of_each():
    model = make_cyclegan()
    batch = batch_of(model)
    for loss in (model.generator_loss, model.discriminator_loss):
        together = np.array(loss(batch)[0])
        alone = [
            float(loss({k: v[i : i + 1] for k, v in batch.items()})[0][0])
            for i in range(2)
        ]
        np.testing.assert_allclose(together, alone, rtol=1e-4)


def test_discriminators_learn_from_the_pools():
    model = make_cyclegan(pool_size=4)
    x, y = images(2, 8, 12, 1), images(2, 8, 12, 1, seed=1)
    train(model, x, y, steps=1)
    kept = [np.array(v) for v in model.pools["fake_y"].state.variables]
    np.testing.assert_array_equal(kept[1], [1, 1, 0, 0])
    np.testing.assert_allclose(kept[0][:2], model(x), atol=1e-6)
    seen = []
    loss = model.discriminator_loss
    model.discriminator_loss = lambda batch, **kwargs: (
        seen.append(batch["fake_y"]) or loss(batch, **kwargs)
    )
    for variable in model.pools["fake_y"].state.variables:
        # As if it had been full of black images.
        variable.assign(tf.ones_like(variable) * (variable.shape.rank == 1))
    train(model, x, y, steps=6)
    is_black = [not np.array(image).any() for b in seen for image in b]
    assert 0 < sum(is_black) < len(is_black)


def test_a_batch_in_parts_is_the_whole_batch():
    x, y = images(3, 8, 12, 1), images(3, 8, 12, 1, seed=1)
    weights = []
    for parts in (1, 2):
        # Instance normalizations of few pixels magnify what float32 rounds.
        model = make_cyclegan(pool_size=2, dtype="float64")
        model.compile(
            generator_optimizer=keras.optimizers.SGD(0.1),
            discriminator_optimizer=keras.optimizers.SGD(0.1),
            run_eagerly=True,
            gradient_accumulation_steps=parts,
        )
        before = model.get_weights()
        train(model, x, y)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert any((a != b).any() for a, b in zip(before, weights[1], strict=True))


@pytest.mark.slow
def test_replicas_train_with_pools_of_their_own(two_replicas):
    x, y = images(4, 8, 12, 1), images(4, 8, 12, 1, seed=1)
    with two_replicas.scope():
        model = make_cyclegan(pool_size=8)
        model.compile(
            generator_optimizer=keras.optimizers.SGD(0.0),
            discriminator_optimizer=keras.optimizers.SGD(0.0),
            jit_compile=False,
        )
    train(model, x, y)
    kept, is_taken = (
        np.array(v.numpy()) for v in model.pools["fake_y"].state.variables
    )
    np.testing.assert_array_equal(is_taken, [1, 1, 0, 0, 1, 1, 0, 0])
    fakes = np.array(model.generator_xy(x))
    np.testing.assert_allclose(kept[[0, 1, 4, 5]], fakes, atol=1e-5)


def test_validation_does_not_touch_the_pools():
    model = make_cyclegan(pool_size=4)
    x, y = images(2, 8, 12, 1), images(2, 8, 12, 1, seed=1)
    train(model, x, y)
    before = [np.array(v) for v in model.pools["fake_x"].state.variables]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert {"loss", "g_loss", "d_loss", "cycle_x", "cycle_y"} <= logs.keys()
    after = [np.array(v) for v in model.pools["fake_x"].state.variables]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_domains_may_differ_in_sizes_and_channels(tmp_path):
    model = make_cyclegan(
        (8, 12, 1), target_shape=(12, 8, 3), identity_weight=0.0, pool_size=3
    )
    x, y = images(5, 8, 12, 1), images(5, 12, 8, 3)
    history = train(model, x, y, steps=2, rate=0.01)
    assert np.isfinite(history["loss"]).all()
    assert model.translate(x).shape == (5, 8, 12, 3)
    assert model.translate(y, target_domain=0).shape == (5, 12, 8, 1)
    assert model.reconstruct(y, target_domain=0).shape == y.shape
    for image, domain in ((x, 0), (y, 1)):
        logits = model.discriminate(image, domain=domain)["logits"]
        assert logits.shape[0] == 5
    for target in (0, [0, 1, 1, 1, 1]):
        with pytest.raises(ValueError, match="X have 1 channels, those of Y 3"):
            model.translate(x, target_domain=target)
    model.export(tmp_path / "model")
    served = tf.saved_model.load(tmp_path / "model").signatures["translate"]
    for image, target in ((x, 1), (y, 0)):
        answer = served(
            x=tf.constant(image), target_domain=tf.fill([5], target)
        )["x"]
        expected = model.translate(image, target_domain=target)
        np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_each_image_is_translated_to_its_domain():
    model = make_cyclegan()
    x = images(4, 8, 12, 1)
    mixed = np.array(model.translate(x, target_domain=[1, 0, 0, 1]))
    to_y, to_x = np.array(model.generator_xy(x)), model.generator_yx(x)
    np.testing.assert_allclose(mixed[[0, 3]], to_y[[0, 3]], atol=1e-6)
    np.testing.assert_allclose(mixed[1:3], np.array(to_x)[1:3], atol=1e-6)
    assert np.abs(to_y - to_x).max() > 1e-3
    back = model.generator_yx(model.generator_xy(x))
    np.testing.assert_allclose(model.reconstruct(x), back, atol=1e-6)


def test_realness_is_the_mean_over_patches():
    x = images(3, 8, 12, 1)
    for loss, squash in (
        ("least_squares", lambda logits: logits.clip(0.0, 1.0)),
        ("hinge", lambda logits: 1.0 / (1.0 + np.exp(-logits))),
    ):
        model = make_cyclegan(adversarial_loss=loss)
        answer = model.discriminate(x, domain=[0, 1, 1])
        logits = np.array(answer["logits"])
        expected = np.array(model.discriminator_y(x))[1:, :, :, 0]
        np.testing.assert_allclose(logits[1:], expected, atol=1e-6)
        np.testing.assert_allclose(
            answer["realness"], squash(logits).mean((1, 2)), atol=1e-6
        )


@pytest.mark.parametrize("size", [(8, 8), (24, 12), (16, 40)])
def test_any_size_that_is_a_multiple_of_4(size):
    model = make_cyclegan()
    x = images(2, *size, 1)
    np.testing.assert_allclose(model.translate(x), model(x), atol=1e-6)


def test_tiles_take_any_size():
    model = make_cyclegan()
    x = images(2, 16, 8, 1)
    # One tile of the whole image.
    np.testing.assert_allclose(
        model.translate(x, tile_size=16), model.translate(x), atol=1e-6
    )
    odd = images(2, 21, 34, 1)
    answer = model.translate(odd, target_domain=[0, 1], tile_size=16, overlap=4)
    assert answer.shape == odd.shape and answer.std() > 0.0
    corner = model.translate(odd[:1, :16, :16], target_domain=0)
    np.testing.assert_allclose(
        answer[0, :5, :12], np.array(corner)[0, :5, :12], atol=1e-5
    )
    out = np.zeros_like(odd)
    again = model.translate(
        odd, target_domain=[0, 1], tile_size=16, overlap=4, out=out
    )
    assert again is out
    np.testing.assert_allclose(out, answer, atol=1e-6)


def test_a_unet_translates_and_learns():
    model = make_cyclegan((16, 8, 1), generator="unet", num_blocks=3)
    x, y = images(2, 16, 8, 1), images(2, 16, 8, 1, seed=1)
    history = train(model, x, y, steps=2, rate=0.01)
    assert np.isfinite(history["loss"]).all()
    assert model.translate(x).shape == x.shape
    with pytest.raises(ValueError, match="multiples of 8, from 8 on"):
        model.translate(images(1, 12, 8, 1))


@pytest.mark.parametrize(
    "kwargs, words",
    [
        ({"image_shape": (10, 12, 1)}, "multiples of 4, from 8 on"),
        ({"image_shape": (4, 12, 1)}, "multiples of 4, from 8 on"),
        ({"target_shape": (8, 9, 1)}, "Received: target_shape="),
        ({"target_shape": (8, 8, 3)}, "set `identity_weight` to 0"),
        ({"receptive_field": 70}, "images from 24 pixels on"),
        ({"receptive_field": 50}, "`receptive_field` must be one of"),
        ({"generator": "vit"}, "`generator` must be one of"),
        ({"pool_size": -1}, "`pool_size` must be"),
    ],
)
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError, match=words):
        make_cyclegan(**kwargs)


def test_bad_images_are_named():
    model = make_cyclegan()
    for x, words in (
        (images(1, 10, 12, 1), "multiples of 4"),
        (images(1, 4, 12, 1), "from 8 on"),
        (images(1, 8, 12, 3), r"\(batch_size, height, width, 1\)"),
    ):
        with pytest.raises(ValueError, match=words):
            model.translate(x)
    x = images(1, 8, 12, 1)
    with pytest.raises(ValueError, match="at most 1"):
        model.translate(x, target_domain=2)
    for batch in (x[0], x[:0]):
        with pytest.raises(ValueError, match="and at least one row"):
            model.translate(batch, tile_size=8)
    with pytest.raises(ValueError, match="one value per row"):
        model.translate(x, tile_size=8, target_domain=[0, 1])
    with pytest.raises(ValueError, match="`tile_size` must be a multiple of 4"):
        model.translate(x, tile_size=10)
    with pytest.raises(ValueError, match="`overlap` must be an int from 0"):
        model.translate(x, tile_size=8, overlap=5)
    model.compile()
    with pytest.raises(ValueError, match="images of two domains: give pairs"):
        model.fit(x, verbose=0)
    with pytest.raises(ValueError, match=r"`y` must have shape \(batch"):
        model.fit(x, images(1, 12, 12, 1), verbose=0)
