"""The key-patch GAN: its losses, who learns of what, any number of parts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import KeyPatchGAN
from keras_genseq.models.adversarial.key_patch_gan import part_distances
from keras_genseq.models.base.training_seeds import VALIDATION_STEP
from keras_genseq.ops.key_parts import cut_out
from keras_genseq.ops.key_parts import detect_key_parts
from keras_genseq.ops.key_parts import mask_of_boxes
from tests.conformance.instances import awake

SMALL = {"filters": 2, "code_dim": 3, "latent_dim": 2, "flip": False, "seed": 1}
GENERATOR = ("encoder", "mask_decoder", "image_decoder")


def make_model(**kwargs):
    keras.utils.set_random_seed(2)
    return awake(KeyPatchGAN((8, 8, 1), **{**SMALL, **kwargs}), 0.3)


def images(size, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((size, 8, 8, 1)).astype("float32")


def batch_of(model, size=4, step=0, boxes=None):
    x = tf.constant(images(size))
    return model.seeded_batch((x, boxes), step=step)


def patches_of(size, count):
    rng = np.random.default_rng(7)
    return rng.random((size, count, 8, 8, 1)).astype("float32")


def sgd(model, rate=0.0):
    model.compile(
        generator_optimizer=keras.optimizers.SGD(rate),
        discriminator_optimizer=keras.optimizers.SGD(rate),
        run_eagerly=True,
    )
    return model


def softplus(x):
    return np.log1p(np.exp(np.array(x, "float64")))


def test_a_batch_holds_parts_mask_and_another_image():
    model = make_model()
    batch = batch_of(model)
    x = images(4)
    boxes = detect_key_parts(x, 3)
    np.testing.assert_array_equal(batch["real"], x)
    np.testing.assert_array_equal(batch["other"], np.roll(x, -1, axis=0))
    np.testing.assert_allclose(batch["patches"], cut_out(x, boxes))
    np.testing.assert_array_equal(batch["mask"], mask_of_boxes(boxes, 8, 8))
    assert np.array(batch["validity"]).all()


def test_losses_are_those_of_the_paper():
    model = make_model(spatial_weight=0.5, appearance_weight=0.25)
    batch = batch_of(model)
    y, o, m = (np.array(batch[k]) for k in ("real", "other", "mask"))
    z = model.sample_latents(batch["seeds"])
    fake, fake_mask = map(
        np.array,
        model.assembled(batch["patches"], batch["validity"], z, True),
    )
    g_losses, terms = model.generator_loss(batch)
    spatial = np.abs(fake_mask - m).sum((1, 2, 3))
    seen = fake_mask * (2 * fake - 1) - m * (2 * y - 1)
    appearance = np.abs(seen).sum((1, 2, 3))
    logits = model.discriminator_logits(fake, training=True)
    expected = softplus(-logits) + 0.5 * spatial + 0.25 * appearance
    np.testing.assert_allclose(g_losses, expected, rtol=1e-5)
    np.testing.assert_allclose(terms["spatial_loss"], spatial / 64, rtol=1e-5)
    np.testing.assert_allclose(
        terms["appearance_loss"], appearance / 64, rtol=1e-5
    )
    d_losses, _ = model.discriminator_loss(batch)

    def judge(x):
        return model.discriminator_logits(x, training=True)

    expected = softplus(-judge(y)) + softplus(judge(fake))
    for composite in (m * o + (1 - m) * y, m * y + (1 - m) * o):
        expected += softplus(judge(composite))
    np.testing.assert_allclose(d_losses, expected, rtol=1e-5)


def test_masks_may_be_learned_by_their_cross_entropy():
    model = make_model(mask_loss="cross_entropy", appearance_weight=0.0)
    batch = batch_of(model)
    z = model.sample_latents(batch["seeds"])
    fake, fake_mask = model.assembled(
        batch["patches"], batch["validity"], z, True
    )
    m, p = np.array(batch["mask"]), np.array(fake_mask)
    entropy = -(m * np.log(p) + (1 - m) * np.log(1 - p)).sum((1, 2, 3))
    logits = model.discriminator_logits(fake, training=True)
    g_losses, terms = model.generator_loss(batch)
    expected = softplus(-logits) + 0.64 * entropy
    np.testing.assert_allclose(g_losses, expected, rtol=1e-5)
    np.testing.assert_allclose(terms["spatial_loss"], entropy / 64, rtol=1e-5)


def test_what_is_right_costs_nothing():
    batch = batch_of(make_model())
    y, m = batch["real"], batch["mask"]
    for distance in part_distances(y, m, y, m):
        np.testing.assert_array_equal(distance, 0.0)
    # What is outside of the parts does not matter to their appearance.
    other = m * y + (1.0 - m) * batch["other"]
    np.testing.assert_array_equal(part_distances(other, m, y, m)[1], 0.0)
    assert np.array(part_distances(batch["other"], m, y, m)[1]).max() > 0.1


def test_without_weights_it_is_a_plain_gan():
    model = make_model(spatial_weight=0.0, appearance_weight=0.0)
    batch = batch_of(model)
    z = model.sample_latents(batch["seeds"])
    fake, _ = model.assembled(batch["patches"], batch["validity"], z, True)
    logits = model.discriminator_logits(fake, training=True)
    np.testing.assert_allclose(
        model.generator_loss(batch)[0], softplus(-logits), rtol=1e-5
    )
    # Composites with the image itself are that image.
    same = {**batch, "other": batch["real"]}
    real = model.discriminator_loss(batch)[1]["real_logit"]
    composite = model.discriminator_loss(same)[1]["composite_logit"]
    np.testing.assert_allclose(composite, real, rtol=1e-5)


@pytest.mark.parametrize(
    "term, learning",
    [
        ("spatial_loss", ("encoder", "mask_decoder")),
        ("appearance_loss", GENERATOR),
        ("g_loss", GENERATOR),
        ("d_loss", ("discriminator",)),
    ],
)
def test_gradients_reach_exactly_the_networks_that_they_should(term, learning):
    # Two halvings: the encoder has a batch normalization, too.
    keras.utils.set_random_seed(2)
    model = KeyPatchGAN((16, 16, 1), **SMALL)
    if term == "g_loss":
        # Of the game alone.
        model.spatial_weight = model.appearance_weight = 0.0
    awake(model, 0.3)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.random((3, 16, 16, 1)).astype("float32"))
    batch = model.seeded_batch((x, None), step=0)
    networks = {name: getattr(model, name) for name in model.networks}
    group = model.group_networks
    with tf.GradientTape() as tape:
        if term == "d_loss":
            value = tf.reduce_mean(model.discriminator_loss(batch)[0])
        else:
            losses, terms = model.generator_loss(batch)
            value = tf.reduce_mean({**terms, "g_loss": losses}[term])
    weights = {n: w.trainable_variables for n, w in networks.items()}
    reached = set()
    for name, grads in tape.gradient(value, weights).items():
        if any(g is not None and np.abs(g).max() > 1e-9 for g in grads):
            reached.add(name)
    if term == "g_loss":
        # It passes through the judge, which its group does not train.
        assert "discriminator" in reached
        reached.remove("discriminator")
        assert networks["discriminator"] not in group["generator"]
    assert reached == set(learning)


def test_weights_fall_to_their_share():
    model = make_model(decay_steps=10, final_share=0.04)
    found = []
    for step in (0, 5, 10, 25):
        model.updates.assign(step)
        found.append(float(batch_of(model)["fall"][0]))
    np.testing.assert_allclose(found, [1.0, 0.2, 0.04, 0.04], rtol=1e-5)


def test_the_order_of_parts_does_not_matter():
    model = make_model()
    patches, validity = patches_of(3, 4), np.ones((3, 4), bool)
    validity[1, 2:] = False
    x = model.assemble(patches, validity, seed=5)
    order = [2, 0, 3, 1]
    again = model.assemble(patches[:, order], validity[:, order], seed=5)
    for name in ("x", "mask"):
        np.testing.assert_allclose(x[name], again[name], atol=1e-6)
        assert np.ptp(x[name]) > 1e-2
    # The sum counts a part as often as it is there.
    twice = model.assemble(patches[:, [0, 0, 1, 2]], seed=5)["mask"]
    once = model.assemble(patches[:, :3], seed=5)["mask"]
    assert np.abs(twice - once).max() > 1e-4


def test_a_part_that_is_not_there_does_not_matter():
    model = make_model()
    patches = patches_of(3, 3)
    validity = np.array([[True, True, False]] * 3)
    x = model.assemble(patches, validity, seed=5)["x"]
    two = model.assemble(patches[:, :2], seed=5)["x"]
    np.testing.assert_allclose(x, two, atol=1e-6)
    patches[:, 2] = 0.5
    again = model.assemble(patches, validity, seed=5)["x"]
    np.testing.assert_array_equal(again, x)
    assert np.abs(x - model.assemble(patches, seed=5)["x"]).max() > 1e-4


def test_noise_is_that_of_the_seed():
    model, patches = make_model(), patches_of(2, 2)
    patches[1] = patches[0]
    x = np.array(model.assemble(patches, seed=[4, 4])["x"])
    np.testing.assert_allclose(x[0], x[1], atol=1e-6)
    other = np.array(model.assemble(patches, seed=[4, 5])["x"])
    np.testing.assert_allclose(other[0], x[0], atol=1e-6)
    assert np.abs(other[1] - x[1]).max() > 1e-3


def test_detected_parts_can_be_assembled():
    model, x = make_model(), images(5)
    found = model.detect_parts(x)
    np.testing.assert_array_equal(found["boxes"], detect_key_parts(x, 3))
    np.testing.assert_allclose(
        found["patches"], cut_out(x, found["boxes"]), atol=1e-6
    )
    z = tf.zeros((5, 2))
    expected, _ = model.assembled(
        found["patches"], np.ones((5, 3), bool), z, False
    )
    np.testing.assert_allclose(model(x), expected, atol=1e-6)


def test_boxes_of_the_data_are_taken():
    model = sgd(make_model())
    boxes = np.array([[[1, 2, 3, 4], [0, 0, 0, 0]]] * 4, "int32")
    batch = batch_of(model, boxes=tf.constant(boxes))
    np.testing.assert_array_equal(batch["mask"][..., 0].numpy()[:, 2:6, 1:4], 1)
    assert float(tf.reduce_sum(batch["mask"])) == 4 * 12
    np.testing.assert_array_equal(batch["validity"], [[True, False]] * 4)
    seen = []
    batch_of_model = model.batch_of
    model.batch_of = lambda x, y: seen.append(y) or batch_of_model(x, y)
    x = images(4)
    for data in (x, tf.data.Dataset.from_tensors(x)):
        model.fit(data, shuffle=False, verbose=0)
        np.testing.assert_array_equal(seen.pop(), detect_key_parts(x, 3))
    model.fit(x, boxes, batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_array_equal(seen.pop(), boxes)


def test_a_hidden_part_covers_and_shows_nothing():
    model = make_model(part_dropout=0.6)
    batches = [batch_of(model, size=8, step=step) for step in range(4)]
    shown = np.concatenate([b["validity"] for b in batches])
    assert (shown.sum(1) >= 1).all()
    assert 0.3 < shown.mean() < 0.7
    boxes = np.array(detect_key_parts(images(8), 3))
    boxes = boxes * np.array(batches[0]["validity"])[..., None]
    np.testing.assert_array_equal(
        batches[0]["mask"], mask_of_boxes(boxes, 8, 8)
    )
    # What stands in for it is no patch of its own.
    for patches, row in zip(
        np.array(batches[0]["patches"]), batches[0]["validity"], strict=True
    ):
        first = patches[np.argmax(row)]
        for patch in patches[~np.array(row)]:
            np.testing.assert_array_equal(patch, first)
    validation = batch_of(model, size=8, step=VALIDATION_STEP)
    assert np.array(validation["validity"]).all()


def test_images_are_mirrored_with_their_boxes():
    model = make_model(flip=True)
    boxes = tf.constant([[[1, 2, 3, 4]]] * 16)
    batch = batch_of(model, size=16, boxes=boxes)
    real, mask = np.array(batch["real"]), np.array(batch["mask"])
    plain = mask_of_boxes(np.array([[[1, 2, 3, 4]]]), 8, 8)[0]
    flips = [(a == b[:, ::-1]).all() for a, b in zip(real, images(16))]  # noqa: B905
    assert 3 < sum(flips) < 13
    for i, is_flipped in enumerate(flips):
        step = -1 if is_flipped else 1
        np.testing.assert_array_equal(real[i], images(16)[i, :, ::step])
        np.testing.assert_array_equal(mask[i], plain[:, ::step])
        # The patch is mirrored as the image is.
        patch = batch["patches"][i, 0].numpy()
        expected = cut_out(images(16)[i : i + 1], boxes[:1])[0, 0]
        np.testing.assert_allclose(patch[:, ::step], expected, atol=1e-6)
    validation = batch_of(model, size=16, step=VALIDATION_STEP, boxes=boxes)
    np.testing.assert_array_equal(validation["real"], images(16))


def test_groups_learn_at_their_own_rates_and_the_average_follows():
    model = make_model(ema_decay=0.5, part_dropout=0.3)
    model.compile(
        generator_optimizer=keras.optimizers.SGD(0.0),
        discriminator_optimizer=keras.optimizers.SGD(0.1),
        run_eagerly=True,
    )
    before = {n: w.get_weights() for n, w in model.networks.items()}
    kernels = {n: w.trainable_variables for n, w in model.networks.items()}
    model.fit(images(4), batch_size=4, verbose=0)
    after = {n: w.get_weights() for n, w in model.networks.items()}
    assert not kernels["averaged_encoder"]

    def moved(name):
        pairs = zip(before[name], after[name], strict=True)
        return any((a != b).any() for a, b in pairs)

    assert moved("discriminator")
    np.testing.assert_array_equal(after["encoder"][0], before["encoder"][0])
    # The first average takes most of what the network is.
    np.testing.assert_allclose(
        after["averaged_encoder"][0],
        0.9 * after["encoder"][0] + 0.1 * before["averaged_encoder"][0],
        rtol=1e-5,
    )
    patches = patches_of(2, 3)
    x = model.assemble(patches, seed=1)["x"]
    for network in model.group_networks["generator"]:
        network.set_weights([0 * w for w in network.get_weights()])
    np.testing.assert_array_equal(model.assemble(patches, seed=1)["x"], x)


def test_parts_of_a_batch_are_the_whole_batch():
    weights = []
    for parts in (1, 2):
        model = make_model()
        model.compile(
            discriminator_optimizer=keras.optimizers.SGD(0.1),
            run_eagerly=True,
            gradient_accumulation_steps=parts,
        )
        # Their normalizations would mix what stands in a part of a batch.
        model._fakes = lambda batch, training: (batch["patches"][:, 0], None)
        model.update_group("discriminator", batch_of(model, size=5))
        weights.append(model.discriminator.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_another_image_is_the_next_one_of_the_global_batch(two_replicas):
    with two_replicas.scope():
        model = make_model()
    x = images(5)
    data = two_replicas.experimental_distribute_dataset(
        tf.data.Dataset.from_tensors(x)
    )
    (share,) = data
    found = two_replicas.run(
        lambda x: model.seeded_batch((x, None), 0)["other"], args=(share,)
    )
    others = tf.concat(two_replicas.experimental_local_results(found), axis=0)
    np.testing.assert_array_equal(others, np.roll(x, -1, axis=0))


@pytest.mark.parametrize(
    "kwargs, words",
    [
        ({"image_shape": (12, 12, 1)}, "4 times a power of two"),
        ({"image_shape": (8, 16, 1)}, "must be square"),
        ({"num_parts": 0}, "`num_parts` must be"),
        ({"num_parts": 6}, "`max_parts` must be at least"),
        ({"final_share": 0.0}, "`final_share` must be in"),
        ({"part_dropout": 1.0}, "`part_dropout` must be in"),
        ({"ema_decay": 1.0}, "`ema_decay` must be None or in"),
        ({"spatial_weight": -1.0}, "`spatial_weight` must be"),
        ({"mask_loss": "l2"}, "`mask_loss` must be one of"),
        ({"adversarial_loss": "plain"}, "`adversarial_loss` must be one of"),
    ],
)
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError, match=words):
        KeyPatchGAN(**{"image_shape": (8, 8, 1), **SMALL, **kwargs})


def test_bad_parts_are_named():
    model = make_model()
    patches = patches_of(2, 3)
    for bad, validity, words in (
        (patches[:, 0], None, r"\(batch_size, num_parts, 8, 8, 1\)"),
        (patches[:, :, :4], None, "as `detect_parts` does"),
        (patches[:0], None, "no rows"),
        (patches + 1.0, None, r"values in \[0, 1\]"),
        ((255 * patches).astype("uint8"), None, "must hold floats"),
        (patches_of(2, 6), None, "at most 5 parts"),
        (patches, np.ones((2, 2), bool), "for each of the `patches`"),
        (patches, np.ones((2, 3)), "must hold booleans"),
        (patches, np.zeros((2, 3), bool), "at least one part of each image"),
    ):
        with pytest.raises(ValueError, match=words):
            model.assemble(bad, validity)
    sgd(model)
    box = np.array([[[1, 2, 3, 4]]] * 2, "int32")
    for boxes, words in (
        (box[0], "left, top, width and height"),
        (box[:, :0], "left, top, width and height"),
        (box / 8.0, "only boxes of parts: integers"),
        (box + [6, 0, 0, 0], "must lie inside of their images"),
        (box - [2, 0, 0, 0], "must lie inside of their images"),
        (box[:1], "a row of boxes for each image"),
        (box * [1, 1, 0, 1], "at least one box with an area"),
    ):
        with pytest.raises(ValueError, match=words):
            model.fit(images(2), boxes, verbose=0)
