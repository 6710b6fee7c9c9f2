import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import VisionTransformer

SIZES = {
    "num_layers": 2,
    "hidden_dim": 8,
    "num_heads": 2,
    "head_initializer": "glorot_uniform",
}


def make(image_shape=(8, 12, 1), patch_size=4, num_classes=3, **kwargs):
    keras.utils.set_random_seed(0)
    options = {**SIZES, **kwargs}
    return VisionTransformer(image_shape, patch_size, num_classes, **options)


def images(count, *shape):
    shape = shape or (8, 12, 1)
    return np.random.default_rng(0).random((count, *shape)).astype("float32")


def spread(model, scale=0.5):
    """Gives all weights a size at which each of them matters."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype):
            weight.assign(scale * rng.normal(size=weight.shape))
    return model


def expected_count(config):
    """The sheet's formula: P^2 C D + D + D + (N+1) D + L [...] + 2 D + DK + K.

    One block has 4 (D^2 + D) for attention, 2 D M + M + D for the feed-forward
    network and 4 D for its normalizations.
    """
    height, width, channels = config["image_shape"]
    p, d = config["patch_size"], config["hidden_dim"]
    layers, m, k = config["num_layers"], 4 * d, config["num_classes"]
    n = (height // p) * (width // p)
    block = 4 * (d * d + d) + 2 * d * m + m + d + 4 * d
    return (
        p * p * channels * d
        + d
        + d
        + (n + 1) * d
        + layers * block
        + 2 * d
        + d * k
        + k
    )


@pytest.mark.parametrize("name", VisionTransformer.presets)
def test_presets_have_the_parameters_of_the_papers_sizes(name):
    preset = VisionTransformer.presets[name]
    assert expected_count(preset.config) == preset.num_parameters


def test_the_count_is_that_of_a_built_model():
    config = {"image_shape": (12, 8, 3), "patch_size": 4, "num_classes": 5}
    config |= {"num_layers": 3, "hidden_dim": 6, "num_heads": 2}
    model = VisionTransformer(**config)
    assert model.count_params() == expected_count(config)
    mean = VisionTransformer(**config, pooling="mean")
    # One position and the class token less.
    assert model.count_params() - mean.count_params() == 2 * 6


def plain_forward(model, x):
    """The paper's equations in NumPy, for the pooling by the class token."""
    height, width, _ = x.shape[1:]
    p, d = model.patch_size[0], model.hidden_dim
    rows = []
    for r in range(0, height, p):
        for c in range(0, width, p):
            patch = 2.0 * x[:, r : r + p, c : c + p] - 1.0
            rows.append(patch.reshape(len(x), -1))
    z = np.stack(rows, 1) @ model.patches.kernel.numpy().reshape(-1, d)
    z = z + model.patches.bias.numpy()
    token = np.tile(model.class_token.token.numpy(), (len(x), 1, 1))
    z = np.concatenate([token, z], 1) + model.positions.embeddings.numpy()

    def norm(layer, z):
        mean, var = z.mean(-1, keepdims=True), z.var(-1, keepdims=True)
        scaled = (z - mean) / np.sqrt(var + 1e-6)
        return scaled * layer.gamma.numpy() + layer.beta.numpy()

    def gelu(z):
        return np.asarray(keras.ops.gelu(z, approximate=False))

    for block in model.blocks:
        a, h = block.self_attention, norm(block.self_attention_norm, z)
        q, k, v = (
            np.einsum("btf,fhd->bhtd", h, getattr(a, f"{n}_kernel").numpy())
            + getattr(a, f"{n}_bias").numpy()[None, :, None]
            for n in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        heads = np.einsum("bhtd,hdf->btf", weights @ v, a.output_kernel.numpy())
        z = z + heads + a.output_bias.numpy()
        f, h = block.feed_forward, norm(block.feed_forward_norm, z)
        inner = gelu(h @ f.inner.kernel.numpy() + f.inner.bias.numpy())
        z = z + inner @ f.outer.kernel.numpy() + f.outer.bias.numpy()
    y = norm(model.final_norm, z)[:, 0]
    return y @ model.head.kernel.numpy() + model.head.bias.numpy()


def test_is_the_papers_equations():
    model = spread(make())
    x = images(3)
    np.testing.assert_allclose(
        model(x), plain_forward(model, x), rtol=1e-4, atol=1e-4
    )


def test_patches_without_positions_are_a_set():
    model = spread(make())
    x = images(2)
    # The patches of the left and of the right swap places.
    swapped = np.concatenate([x[:, :, 8:], x[:, :, 4:8], x[:, :, :4]], 2)
    assert np.abs(model(x) - model(swapped)).max() > 1e-2
    positions = model.positions.embeddings.numpy()
    order = [0, 3, 2, 1, 6, 5, 4]
    expected = model(x)
    model.positions.embeddings.assign(positions[order])
    np.testing.assert_allclose(model(swapped), expected, atol=1e-4)
    model.positions.embeddings.assign(0.0 * positions)
    np.testing.assert_allclose(model(x), model(swapped), atol=1e-4)


def test_the_first_loss_is_that_of_chance():
    model = make(num_classes=7, head_initializer="zeros")
    model.compile()
    logs = model.evaluate(
        images(14), np.arange(14) % 7, verbose=0, return_dict=True
    )
    assert logs["loss"] == pytest.approx(np.log(7.0), abs=1e-5)


def test_gradients_reach_the_token_every_position_and_every_patch():
    model = spread(make())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(model(images(4))))
    token, positions, kernel = tape.gradient(
        loss,
        [
            model.class_token.token,
            model.positions.embeddings,
            model.patches.kernel,
        ],
    )
    assert np.abs(token).max() > 0.0
    assert (np.abs(positions).max(-1) > 0.0).all()
    assert (np.abs(kernel).max(-1) > 0.0).all()


def test_without_noise_training_is_inference():
    model, x = spread(make()), images(3)
    np.testing.assert_array_equal(model(x, training=True), model(x))
    noisy = make(dropout=0.3, attention_dropout=0.2, stochastic_depth=0.5)
    noisy.set_weights(model.get_weights())
    np.testing.assert_array_equal(noisy(x), model(x))
    assert np.abs(noisy(x, training=True) - model(x)).max() > 1e-2


def test_stochastic_depth_rises_with_the_depth():
    model = make(num_layers=3, stochastic_depth=0.4)
    rates = [block.stochastic_depth for block in model.blocks]
    assert rates == pytest.approx([0.0, 0.2, 0.4])


@pytest.mark.parametrize("pooling", ["token", "mean"])
def test_attention_is_made_of_shares(pooling):
    model = spread(make(pooling=pooling))
    x = images(3)
    maps = model.attention_maps(x).numpy()
    tokens = 6 + (pooling == "token")
    assert maps.shape == (3, 2, 2, tokens, tokens)
    np.testing.assert_allclose(maps.sum(-1), 1.0, atol=1e-5)
    rollout = model.rollout(x).numpy()
    assert rollout.shape == (3, 2, 3) and rollout.min() >= 0.0
    layers = 0.5 * (maps.mean(2) + np.eye(tokens))
    expected = layers[:, 1] @ layers[:, 0]
    if pooling == "token":
        expected = expected[:, 0, 1:]
    else:
        expected = expected.mean(1)
        np.testing.assert_allclose(rollout.sum((1, 2)), 1.0, atol=1e-5)
    np.testing.assert_allclose(
        rollout.reshape(3, 6), expected.reshape(3, 6), atol=1e-5
    )


def test_mean_pooling_means_over_all_patches():
    model = spread(make(pooling="mean"))
    x = images(3)
    assert model.class_token is None
    assert model.positions.embeddings.shape == (6, 8)
    np.testing.assert_allclose(
        model.encode(x) @ model.head.kernel + model.head.bias,
        model(x),
        atol=1e-4,
    )


def test_a_representation_is_squashed_and_encoded():
    model = spread(make(representation_dim=5))
    z = model.encode(images(3)).numpy()
    assert z.shape == (3, 5) and np.abs(z).max() <= 1.0


def test_a_stem_takes_the_place_of_pixels():
    model = make((16, 24, 3), 2, stem={"filters": 8, "num_blocks": (1,)})
    assert model.stride == (8, 8) and model.positions.grid_shape == (2, 3)
    again = VisionTransformer.from_config(model.get_config())
    x = images(2, 16, 24, 3)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(x), model(x))
    with pytest.raises(ValueError, match="here 8x8 pixels"):
        make((16, 20, 3), 2, stem={"filters": 8, "num_blocks": (1,)})


def test_weights_of_another_size_and_head_are_made_to_fit():
    small = spread(make((8, 8, 1), num_classes=5))
    large = make((12, 16, 1), num_classes=3, head_initializer="zeros")
    taken, remarks = large.load_from(small)
    assert taken == len(large.weights) - 2
    assert ["was made to fit" in r for r in remarks].count(True) == 1
    np.testing.assert_array_equal(
        large.positions.embeddings, small.positions.resized((3, 4))
    )
    np.testing.assert_array_equal(
        large.positions.embeddings[0], small.positions.embeddings[0]
    )
    np.testing.assert_array_equal(large.head.kernel, np.zeros((8, 3)))
    # What the small one makes of large images, the large one makes, too.
    x = images(2, 12, 16, 1)
    np.testing.assert_allclose(
        large.encode(x), small.features_of(tf.constant(x)), atol=1e-5
    )


def test_positions_of_another_pooling_stay_behind():
    model = make(pooling="mean")
    before = model.positions.embeddings.numpy()
    model.load_from(make((8, 8, 1), pooling="token"))
    np.testing.assert_array_equal(model.positions.embeddings, before)


def test_learns_images_by_heart():
    rng = np.random.default_rng(0)
    x = rng.random((64, 8, 8, 1)).astype("float32")
    y = rng.integers(0, 4, 64)
    keras.utils.set_random_seed(0)
    model = VisionTransformer(
        (8, 8, 1), 2, 4, num_layers=2, hidden_dim=32, num_heads=4
    )
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(x, y, batch_size=64, epochs=150, verbose=0)
    found = model.classify(x)["probabilities"].numpy().argmax(1)
    np.testing.assert_array_equal(found, y)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"image_shape": (8, 10, 1)}, "here 4x4 pixels"),
        ({"pooling": "max"}, "`pooling` must be one of"),
        ({"num_heads": 3}, "`num_heads` must divide `hidden_dim`"),
        ({"num_layers": 0}, "num_layers"),
        ({"stochastic_depth": 1.5}, r"must be in \[0, 1\]"),
    ],
)
def test_names_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_images_of_another_shape_are_refused_by_its_uses():
    with pytest.raises(ValueError, match=r"shape \(batch_size, 8, 12, 1\)"):
        make().classify(images(2, 8, 8, 1))
