"""GAN, GAN-CLS, GAN-INT, GAN-INT-CLS: losses, mismatches, frozen encoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import CharCNNRNN
from keras_genseq.models import TextToImageGAN

ENCODER = {
    "image_shape": [3],
    "filters": [4],
    "text_dim": 3,
    "max_sequence_length": 12,
    "initial_range": 1.0,
}
CAPTIONS = ["left", "right", "up there", "down", "none"]


def make_gan(**kwargs):
    keras.utils.set_random_seed(2)
    options = {
        "text_encoder": ENCODER,
        "latent_dim": 3,
        "filters": 4,
        "discriminator_filters": 4,
        "text_units": 3,
        "residual": False,
        "seed": 1,
    }
    return TextToImageGAN((8, 8, 1), **{**options, **kwargs})


def data(size=5, labels=None):
    rng = np.random.default_rng(0)
    x = rng.random((size, 8, 8, 1)).astype("float32")
    captions = [[CAPTIONS[i % 5], ""] for i in range(size)]
    labels = np.arange(size) if labels is None else np.array(labels)
    return x, {"captions": np.array(captions, object), "label": labels}


def batch_of(model, size=5, labels=None):
    x, y = data(size, labels)
    return model.seeded_batch((tf.constant(x), y), step=0)


def bce(logits, is_real):
    return np.logaddexp(0.0, -np.array(logits) if is_real else np.array(logits))


def logits_of(model, x, h, training=True):
    return model.discriminator_logits(x, h, training)


def test_discriminator_losses_are_those_of_the_paper():
    model = make_gan(mismatch_weight=0.3)
    batch = batch_of(model)
    z = model.sample_latents(batch["seeds"])
    fake = model.generate_images(z, batch["condition"], True)
    parts = [
        logits_of(model, *pair)
        for pair in (
            (batch["real"], batch["condition"]),
            (batch["real"], batch["wrong"]),
            (fake, batch["condition"]),
        )
    ]
    d_losses, terms = model.discriminator_loss(batch)
    expected = bce(parts[0], True)
    expected = expected + 0.3 * bce(parts[1], False)
    expected = expected + 0.7 * bce(parts[2], False)
    np.testing.assert_allclose(d_losses, expected, rtol=1e-4)
    np.testing.assert_allclose(terms["wrong_logit"], parts[1], rtol=1e-4)
    plain = make_gan(matching_aware=False)
    batch = batch_of(plain)
    assert "wrong" not in batch
    d_losses, _ = plain.discriminator_loss(batch)
    expected = bce(parts[0], True) + bce(parts[2], False)
    np.testing.assert_allclose(d_losses, expected, rtol=1e-4)


def test_a_discriminator_that_cannot_tell_loses_two_log_two():
    for weight in (0.0, 0.3, 1.0):
        model = make_gan(mismatch_weight=weight)
        for variable in model.discriminator.trainable_variables:
            variable.assign(tf.zeros_like(variable))
        batch = batch_of(model)
        d_losses, _ = model.discriminator_loss(batch)
        np.testing.assert_allclose(d_losses, 2.0 * np.log(2.0), rtol=1e-6)
        g_losses, _ = model.generator_loss(batch)
        np.testing.assert_allclose(g_losses, 2.0 * np.log(2.0), rtol=1e-6)


@pytest.mark.parametrize("share, weight", [(1.0, 0.5), (0.3, 0.0)])
def test_interpolation_at_an_end_or_of_no_weight_is_the_plain_loss(
    share, weight
):
    plain, _ = make_gan(interpolate=False).generator_loss(
        batch_of(make_gan(interpolate=False))
    )
    model = make_gan(interpolation_share=share, interpolation_weight=weight)
    g_losses, _ = model.generator_loss(batch_of(model))
    np.testing.assert_array_equal(g_losses, (1.0 + weight) * plain)


def test_the_other_end_is_the_plain_loss_of_the_partners():
    model = make_gan(interpolation_share=0.0)
    batch = batch_of(model)
    assert not np.allclose(batch["partner"], batch["condition"])
    swapped = {**batch, "condition": batch["partner"]}
    g_losses, _ = model.generator_loss(batch)
    model.interpolate = False
    expected = sum(model.generator_loss(b)[0] for b in (batch, swapped))
    np.testing.assert_allclose(g_losses, expected, rtol=1e-6)
    # Half way between two captions is neither of them.
    model.interpolate, model.interpolation_share = True, 0.5
    assert not np.allclose(model.generator_loss(batch)[0], g_losses)


def test_mismatches_are_of_other_classes_and_change_from_step_to_step():
    model = make_gan()
    labels = [0, 0, 1, 1, 2]
    z = np.array(model.text_encoder.encode(CAPTIONS))
    seen = set()
    for step in range(12):
        x, y = data(labels=labels)
        batch = model.seeded_batch((tf.constant(x), y), step)
        assert np.all(batch["has_wrong"])
        for i, wrong in enumerate(np.array(batch["wrong"])):
            j = int(np.abs(z - wrong).sum(1).argmin())
            np.testing.assert_allclose(z[j], wrong, atol=1e-5)
            assert labels[j] != labels[i]
            seen.add((i, j))
        partners = np.array(batch["partner"])
        assert (np.abs(partners - z).sum(1) > 1e-4).all()
    assert len(seen) == 3 + 3 + 3 + 3 + 4


def test_a_share_of_mismatches_is_the_nearest_caption_of_another_class():
    labels = [0, 0, 1, 1, 2]
    x, y = data(labels=labels)
    models = [make_gan(nearest_mismatches=nearest) for nearest in (1.0, 0.5)]
    share = 0.0
    for step in range(20):
        every, some = (
            m.seeded_batch((tf.constant(x), y), step) for m in models
        )
        z = np.array(every["condition"])
        gaps = np.square(z[:, None] - z[None, :]).sum(-1)
        gaps[np.equal.outer(labels, labels)] = np.inf
        np.testing.assert_array_equal(every["wrong"], z[gaps.argmin(1)])
        assert np.all(every["has_wrong"])
        is_nearest = np.all(some["wrong"] == every["wrong"], axis=1)
        # By chance any is the nearest, too: of three or four.
        share += is_nearest.mean() / 20
    assert 0.5 < share < 0.85
    one_class = make_gan(nearest_mismatches=1.0)
    batch = batch_of(one_class, labels=[4] * 5)
    assert not np.any(batch["has_wrong"])


def test_the_same_words_of_another_image_are_not_the_nearest_mismatch():
    model = make_gan(nearest_mismatches=1.0)
    x, _ = data()
    captions = ["left", "left", "right", "right", "left"]
    z = np.array(model.text_encoder.encode(captions))
    batch = model.seeded_batch((tf.constant(x), captions), 0)
    np.testing.assert_allclose(
        batch["wrong"], z[[2, 2, 0, 0, 2]], rtol=1e-5, atol=1e-6
    )
    # Where all say the same, any of another image is taken, as ever.
    batch = model.seeded_batch((tf.constant(x), ["left"] * 5), 0)
    np.testing.assert_array_equal(batch["has_wrong"], True)


@pytest.mark.parametrize("residual", [False, True])
def test_layer_normalization_judges_a_pair_without_the_rest_of_its_batch(
    residual,
):
    for normalization, is_alone in (("layer", True), ("batch", False)):
        model = make_gan(
            discriminator_normalization=normalization, residual=residual
        )
        batch = batch_of(model)
        pair = batch["real"], batch["condition"]
        together = logits_of(model, *pair)
        apart = logits_of(model, *(each[:2] for each in pair))
        assert np.ptp(together) > 1e-5
        assert np.allclose(together[:2], apart, atol=1e-6) == is_alone


def test_layer_normalization_begins_with_hes_deviations():
    for normalization, he in (("layer", True), ("batch", False)):
        network = make_gan(discriminator_normalization=normalization)
        kernels = [
            np.array(w)
            for w in network.discriminator.trainable_variables
            if w.shape.rank == 4
        ]
        assert kernels
        for kernel in kernels:
            expected = np.sqrt(2.0 / np.prod(kernel.shape[:3])) if he else 0.02
            np.testing.assert_allclose(kernel.std(), expected, rtol=0.35)


def test_without_classes_every_other_image_is_a_mismatch():
    model = make_gan()
    x, y = data()
    one, other = (
        model.seeded_batch((tf.constant(x), each), 0)["wrong"]
        for each in (y, y["captions"])
    )
    np.testing.assert_array_equal(one, other)


def test_a_batch_of_one_class_is_noticed_and_said():
    model = make_gan()
    batch = batch_of(model, labels=[4] * 5)
    d_losses, terms = model.discriminator_loss(batch)
    np.testing.assert_array_equal(terms["mismatched"], 0.0)
    model.matching_aware = False
    plain, _ = model.discriminator_loss(batch)
    np.testing.assert_array_equal(d_losses, plain)
    model.matching_aware = True
    compiled(model)
    with pytest.warns(UserWarning, match="no mismatching captions"):
        model.fit(*data(labels=[4] * 5), batch_size=5, verbose=0)


def compiled(model, rate=0.1):
    model.compile(
        **{
            f"{group}_optimizer": keras.optimizers.SGD(rate)
            for group in model.group_networks
        },
        run_eagerly=True,
    )
    return model


def test_each_turn_moves_its_network_alone_and_never_the_encoder():
    model = compiled(make_gan(style_encoder=True))
    parts = {
        "generator": model.generator,
        "discriminator": model.discriminator,
        "style_encoder": model.style_network,
    }
    encoder = [w.numpy() for w in model.text_encoder.weights]
    batch = batch_of(model)
    for group in parts:
        before = {
            name: [v.numpy() for v in part.trainable_variables]
            for name, part in parts.items()
        }
        model.update_group(group, batch)
        for name, part in parts.items():
            moved = [
                (a != v.numpy()).any()
                for a, v in zip(
                    before[name], part.trainable_variables, strict=True
                )
            ]
            assert any(moved) == (name == group), (group, name)
    model.fit(*data(), batch_size=5, epochs=2, verbose=0)
    assert model.text_encoder.trainable_variables == []
    for kept, weight in zip(encoder, model.text_encoder.weights, strict=True):
        np.testing.assert_array_equal(kept, weight.numpy())


def test_the_style_encoder_regresses_the_noise():
    model = make_gan(style_encoder=True)
    batch = batch_of(model)
    z = model.sample_latents(batch["seeds"])
    guess = np.array(
        model.style_network(model.images_of_latents(z, batch["condition"]))
    )
    losses, _ = model.style_encoder_loss(batch, training=False)
    expected = np.square(np.array(z) - guess).mean(1)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    x, _ = data(2)
    styled = model.transfer_style(x, ["left", "up there"])
    expected = model.images_of_latents(
        model.encode(x), model.text_encoder.encode(["left", "up there"])
    )
    np.testing.assert_allclose(styled, expected, atol=1e-5)


def test_the_encoder_of_the_user_is_copied_and_taken_over():
    encoder = CharCNNRNN(
        (8, 8, 1),
        filters=(4,),
        text_dim=3,
        max_sequence_length=12,
        image_filters=(2,),
    )
    model, other = make_gan(text_encoder=encoder), make_gan()
    expected = np.array(encoder.encode(CAPTIONS))
    assert not np.allclose(other.text_encoder.encode(CAPTIONS), expected)
    taken, remarks = other.load_from(encoder)
    assert taken == len(encoder.text_network.weights) and not remarks
    for variable in encoder.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    for each in (model, other):
        z = np.array(each.text_encoder.encode(CAPTIONS))
        np.testing.assert_allclose(z, expected, rtol=1e-5)
    wider = CharCNNRNN((4,), filters=(4,), text_dim=4, max_sequence_length=12)
    with pytest.raises(ValueError, match="has other sizes"):
        model.load_from(wider)


def test_words_change_images_of_one_noise_and_no_words_make_one_too():
    model = make_gan(ema_decay=0.9)
    for variable in model.averaged_generator.variables:
        if "moving" not in variable.name:
            variable.assign(tf.random.stateless_normal(variable.shape, (1, 2)))
    one, two, none = np.array(
        model.generate(["left", "right", ""], seed=np.int32([3, 3, 3]))
    )
    assert np.ptp(one) > 0.1 and np.abs(one - two).max() > 1e-2
    assert np.isfinite(none).all()
    again = np.array(model.generate(["right"], seed=np.int32([3])))
    np.testing.assert_allclose(again[0], two, atol=1e-6)
    zeros = model.images_of_latents(
        np.ones((1, 3), "float32"), np.zeros((1, 3))
    )
    assert np.isfinite(zeros).all()


def test_what_it_cannot_do_is_said():
    model = make_gan()
    x, _ = data()
    assert not hasattr(model, "sample")
    with pytest.raises(ValueError, match="has no style encoder"):
        model.encode(x)
    with pytest.raises(ValueError, match="has no style encoder"):
        model.transfer_style(x, CAPTIONS)
    with pytest.raises(ValueError, match="hears captions, not classes"):
        make_gan(num_classes=3)
    with pytest.raises(ValueError, match="must be in \\[0, 1\\]"):
        make_gan(mismatch_weight=1.5)
    with pytest.raises(ValueError, match="`nearest_mismatches` must be in"):
        make_gan(nearest_mismatches=1.5)
    with pytest.raises(ValueError, match="`discriminator_normalization` must"):
        make_gan(discriminator_normalization="group")
    with pytest.raises(ValueError, match=r"must be a `CharCNNRNN`.*'runs/x'"):
        TextToImageGAN(x.shape[1:], text_encoder="runs/x")
    compiled(model)
    with pytest.raises(ValueError, match="learns captions of images"):
        model.fit(x)
