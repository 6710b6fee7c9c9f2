import keras
import numpy as np
import pytest

from keras_genseq.models import DCGAN


def make_dcgan(image_shape=(8, 8, 1), **kwargs):
    return DCGAN(image_shape, 3, **{"filters": 4, "seed": 1, **kwargs})


def test_preset_has_the_papers_layers():
    networks = DCGAN.from_preset("dcgan_64").networks
    shapes = {
        name: [
            layer.output.shape[1:]
            for layer in network.layers
            if isinstance(layer, (keras.layers.ReLU, keras.layers.LeakyReLU))
        ]
        for name, network in networks.items()
    }
    maps = [(32, 32, 128), (16, 16, 256), (8, 8, 512), (4, 4, 1024)]
    assert shapes == {"generator": maps[::-1], "discriminator": maps}
    trainable = {
        name: sum(np.prod(w.shape) for w in network.trainable_weights)
        for name, network in networks.items()
    }
    # The sheet counts no biases; ours has that of the logit.
    assert trainable == {"generator": 18_855_040, "discriminator": 17_232_769}


@pytest.mark.parametrize("side", [8, 16, 32])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_size_and_number_of_channels(side, channels):
    model = make_dcgan((side, side, channels))
    x = np.array(model.sample(2, seed=0))
    assert x.shape == (2, side, side, channels)
    assert x.min() >= 0.0 and x.max() <= 1.0 and x.std() > 0.0
    assert model.discriminate(x)["logits"].shape == (2,)


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 16, 1), (4, 4, 1)], ids=str)
def test_names_a_size_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"8, 16, 32, 64, .* Resize or pad"):
        make_dcgan(shape)


def test_weights_begin_as_in_the_paper():
    model = make_dcgan((32, 32, 3), filters=32)
    for network in model.networks.values():
        for weight in network.trainable_weights:
            value, name = weight.numpy(), weight.path.rsplit("/", 1)[-1]
            mean, deviation = {
                "kernel": (0.0, 0.02),
                "gamma": (1.0, 0.02),
            }.get(name, (0.0, 0.0))
            assert value.mean() == pytest.approx(mean, abs=0.01)
            assert value.std() == pytest.approx(deviation, rel=0.3)


def test_learns_that_all_images_are_light_on_the_left():
    model = make_dcgan(filters=8, ema_decay=0.9)
    adam = [keras.optimizers.Adam(2e-3, beta_1=0.5) for _ in range(2)]
    model.compile(generator_optimizer=adam[0], discriminator_optimizer=adam[1])
    rng = np.random.default_rng(0)
    x = np.zeros((64, 8, 8, 1), "float32")
    x[:, :, :4] = 0.9
    x += 0.1 * rng.random(x.shape)
    x = np.clip(x, 0, 1).astype("float32")
    model.fit(x, batch_size=32, epochs=60, verbose=0)
    mean = np.array(model.sample(50, seed=0)).mean((0, 1, 3))
    assert mean[:4].min() > 0.6 and mean[4:].max() < 0.4


def test_a_conditional_model_sees_classes_as_maps():
    model = make_dcgan(num_classes=3)
    generator, discriminator = (
        model.networks[name] for name in ("generator", "discriminator")
    )
    assert [i.shape for i in generator.inputs] == [(None, 3), (None, 3)]
    first = next(
        layer
        for layer in discriminator.layers
        if isinstance(layer, keras.layers.Conv2D)
    )
    assert first.kernel.shape == (5, 5, 1 + 3, 4)
    x = model.sample(2, seed=[1, 1], condition=[0, 2])
    assert np.abs(x[0] - x[1]).max() > 1e-4
    assert model.discriminate(x, condition=1)["logits"].shape == (2,)
