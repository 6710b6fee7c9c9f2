import math

import keras
import numpy as np
import pytest

from keras_genseq.models import InfoGAN

SHAPE = (8, 8, 1)


def make_infogan(**kwargs):
    options = {
        "latent_dim": 2,
        "categories": (3,),
        "num_continuous": 1,
        "filters": (4, 6),
        "hidden_units": 16,
        "code_units": 8,
        "seed": 1,
        **kwargs,
    }
    return InfoGAN(SHAPE, **options)


def test_preset_has_the_papers_parameters():
    networks = InfoGAN.from_preset("infogan_mnist").networks
    trainable = {
        name: sum(math.prod(w.shape) for w in network.trainable_weights)
        for name, network in networks.items()
    }
    assert trainable == {
        "generator": 6_652_481,
        "trunk": 6_558_144,
        "discriminator": 6_558_144 + 1_025,
        "code_reader": 131_456 + 1_548,
    }


def test_codes_are_drawn_evenly_and_independently():
    model = make_infogan(categories=(3, 2), num_continuous=2)
    latents = np.array(model.sample_latents(np.arange(6_000, dtype="int32")))
    assert latents.shape == (6_000, 2 + 3 + 2 + 2)
    first, second, numbers = (
        np.array(part) for part in model.split_code(latents[:, 2:])
    )
    for one_hot in (first, second):
        np.testing.assert_array_equal(one_hot.sum(1), np.ones(6_000))
        size = one_hot.shape[1]
        np.testing.assert_allclose(one_hot.mean(0), 1 / size, atol=0.03)
    assert np.abs(numbers).max() < 1.0
    np.testing.assert_allclose(numbers.mean(0), [0.0, 0.0], atol=0.03)
    np.testing.assert_allclose(numbers.var(0), 1.0 / 3.0, atol=0.02)
    columns = np.column_stack([first[:, 0], second[:, 0], numbers])
    correlation = np.corrcoef(columns.T) - np.eye(4)
    assert np.abs(correlation).max() < 0.05


def test_the_bound_is_that_worked_out_by_hand():
    model = make_infogan(categories=(4,), num_continuous=1)
    code = np.array([[0, 1, 0, 0, 0.5]], "float32")
    sure = np.array([[-50, 50, -50, -50]], "float32")
    even = np.zeros((1, 4), "float32")
    mean = np.array([[0.5]], "float32")
    best, numbers = model.information(code, ([sure], mean))
    assert float(best[0]) == pytest.approx(math.log(4.0))
    assert float(numbers[0]) == pytest.approx(
        math.log(2.0) - 0.5 * math.log(2.0 * math.pi)
    )
    nothing, farther = model.information(code, ([even], mean + 2.0))
    assert float(nothing[0]) == pytest.approx(0.0, abs=1e-6)
    assert float(numbers[0] - farther[0]) == pytest.approx(2.0)


def test_the_bound_never_exceeds_the_entropy_of_the_code():
    model = make_infogan()
    model.compile()
    logs = model.evaluate(
        np.zeros((64, *SHAPE), "float32"), verbose=0, return_dict=True
    )
    # Q has learnt nothing: it is at or below 0.
    assert logs["mutual_information"] < 0.1


def striped_images(count):
    """Three kinds of images, with a little noise."""
    rng = np.random.default_rng(0)
    x = 0.1 * rng.random((count, *SHAPE))
    kinds = np.arange(count) % 3
    x[kinds == 0, :4] += 0.8
    x[kinds == 1, :, :4] += 0.8
    x[kinds == 2, 4:] += 0.8
    return x.astype("float32"), kinds


@pytest.mark.slow
def test_images_come_to_show_their_codes():
    model = make_infogan(hidden_units=32)
    adam = [keras.optimizers.Adam(rate, beta_1=0.5) for rate in (3e-3, 1e-3)]
    model.compile(generator_optimizer=adam[0], discriminator_optimizer=adam[1])
    x, _ = striped_images(192)
    model.fit(x, batch_size=64, epochs=160, verbose=0)
    # The moments that batch normalizations have kept come to be those of the
    # last weights, with which images are drawn.
    for optimizer in adam:
        optimizer.learning_rate = 1e-4
    logs = model.fit(x, batch_size=64, epochs=60, verbose=0).history
    assert logs["mutual_information"][-1] > 0.9 * math.log(3.0)
    assert logs["mutual_information"][-1] <= math.log(3.0)
    seeds = np.arange(60, dtype="int32")
    code = np.array(model.sample_latents(seeds))[:, 2:5]
    codes = model.encode(model.sample(60, seed=seeds))
    probabilities, numbers = codes["probabilities"], codes["numbers"]
    read = np.array(probabilities).argmax(1)
    assert (read == code.argmax(1)).mean() > 0.9
    assert numbers.shape == (60, 1)


def moved(network, before):
    return [
        bool((a != b).any())
        for a, b in zip(before, network.get_weights(), strict=True)
    ]


def test_the_judge_learns_to_read_codes_and_never_to_be_deceived():
    model = make_infogan()
    model.compile()
    batch = model.seeded_batch((striped_images(12)[0],), step=0)
    names = ("generator", "trunk", "code_reader", "discriminator")
    before = {n: model.networks[n].get_weights() for n in names}
    model.update_group("generator", batch)
    assert any(moved(model.generator, before["generator"]))
    for name in names[1:]:
        assert not any(moved(model.networks[name], before[name]))
    before = {n: model.networks[n].get_weights() for n in names}
    model.update_group("discriminator", batch)
    assert not any(moved(model.generator, before["generator"]))
    for name in names[1:]:
        assert any(moved(model.networks[name], before[name]))


def test_the_trunk_hears_of_the_code_what_the_weight_says():
    model = make_infogan(information_weight=0.5, continuous_weight=0.25)
    batch = model.seeded_batch((striped_images(12)[0],), step=0)
    d_losses, d_terms = model.discriminator_loss(batch)
    logits = [d_terms["real_logit"], d_terms["fake_logit"]]
    game = model.loss_pair.discriminator(*logits)
    gain = 0.5 * d_terms["mutual_information"]
    gain += 0.25 * d_terms["continuous_information"]
    np.testing.assert_allclose(d_losses, game - gain, atol=1e-5)
    # On the same draw the generator is paid the same for its codes.
    g_losses, g_terms = model.generator_loss(batch)
    paid = model.loss_pair.generator(logits[1]) - gain
    np.testing.assert_allclose(g_losses, paid, atol=1e-5)
    assert g_terms.keys() == {"mutual_information", "continuous_information"}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"categories": (), "num_continuous": 0}, "no code to inform about"),
        ({"categories": (0,)}, "`categories` must be positive"),
        ({"num_classes": 3}, "finds classes by itself"),
    ],
    ids=str,
)
def test_names_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_infogan(**arguments)
    with pytest.raises(ValueError, match="multiples of 4"):
        InfoGAN((10, 8, 1))
