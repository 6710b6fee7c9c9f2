"""StarGAN: the losses of the paper, its turns, its labels, any size."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_genseq.models import StarGAN
from training.checkpoints import CheckpointStore
from training.optimizers import ConstantThenLinear

SMALL = {
    "num_blocks": 1,
    "filters": 2,
    "discriminator_filters": 2,
    "seed": 1,
}
JOINT = {"num_domains": [3, 4], "labels": ["attributes", "classes"]}


def make_stargan(num_domains=3, image_shape=(8, 12, 1), **kwargs):
    keras.utils.set_random_seed(2)
    return StarGAN(image_shape, num_domains, **{**SMALL, **kwargs})


def images(size, *shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((size, *shape)).astype("float32")


def awake(model):
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.3)
    return model


def batch_of(model, size=4):
    """A batch of images of classes 0, 1, 2, ..."""
    labels = tf.range(size) % model.num_domains
    x = tf.constant(images(size, *model.image_shape))
    return model.seeded_batch((x, labels), 0)


def train(model, x, y, steps, rate=0.01, **options):
    if not model.compiled:
        model.compile(
            generator_optimizer=keras.optimizers.SGD(rate),
            discriminator_optimizer=keras.optimizers.SGD(rate),
            **{"run_eagerly": True, **options},
        )
    data = tf.data.Dataset.from_tensors((x, y)).repeat(steps)
    return model.fit(data, verbose=0).history


def values(network):
    return [np.array(w) for w in network.weights]


def moved(before, after):
    return any((a != b).any() for a, b in zip(before, after, strict=True))


def l1(a, b):
    return 2.0 * np.abs(np.array(a) - np.array(b)).mean((1, 2, 3))


def cross_entropy(logits, classes):
    log_probs = np.array(ops.log_softmax(logits))
    return -log_probs[np.arange(len(classes)), np.array(classes)]


def test_losses_are_those_of_the_paper():
    model = awake(make_stargan(image_shape=(8, 8, 1), num_halvings=2))
    batch = batch_of(model)
    x, labels, targets = batch["x"], batch["labels"], batch["targets"]
    source, target = ops.argmax(labels, -1), ops.argmax(targets, -1)
    fake = model.generator([x, targets])
    real_map, real_logits = model.discriminator(x)
    fake_map, fake_logits = model.discriminator(fake)
    assert real_map.shape == (4, 2, 2, 1)
    g_losses, terms = model.generator_loss(batch)
    back = l1(model.generator([fake, labels]), x)
    np.testing.assert_allclose(terms["reconstruction"], back, rtol=1e-5)
    expected = -np.mean(fake_map, (1, 2, 3)) + 10.0 * back
    expected += cross_entropy(fake_logits, target)
    np.testing.assert_allclose(g_losses, expected, rtol=1e-4)
    d_losses, _ = model.discriminator_loss(batch, training=False)
    expected = np.mean(fake_map, (1, 2, 3)) - np.mean(real_map, (1, 2, 3))
    expected += cross_entropy(real_logits, source)
    np.testing.assert_allclose(d_losses, expected, rtol=1e-4)
    # What training adds is the penalty alone, ten times.
    with_penalty, _ = model.discriminator_loss(batch)
    added = np.array(with_penalty) - np.array(d_losses)
    assert added.min() > 0.0
    model.gradient_penalty_weight = 20.0
    twice, _ = model.discriminator_loss(batch)
    np.testing.assert_allclose(twice - d_losses, 2.0 * added, rtol=1e-3)


def test_the_penalty_of_a_linear_critic_is_known():
    model = make_stargan(image_shape=(8, 8, 1), num_halvings=2)
    slope = 0.05
    # Patches whose sum is `slope` times the sum of pixels in [-1, 1].
    model.discriminator = lambda x, **_: (
        slope * tf.nn.avg_pool2d(2.0 * x - 1.0, 4, 4, "VALID") * 16.0,
        None,
    )
    batch = batch_of(model)
    fake = model.generator([batch["x"], batch["targets"]])
    penalty = model._penalty(batch["x"], fake, batch["seeds"])
    np.testing.assert_allclose(penalty, (8 * slope - 1.0) ** 2, rtol=1e-4)


def test_a_generator_that_changes_nothing_reconstructs():
    model = make_stargan()
    batch = batch_of(model)
    run = model.run
    model.run = lambda network, x, *labels, **kwargs: (
        x if network is model.generator else run(network, x, *labels, **kwargs)
    )
    with_weight, terms = model.generator_loss(batch)
    np.testing.assert_array_equal(terms["reconstruction"], 0.0)
    model.reconstruction_weight = 0.0
    np.testing.assert_array_equal(model.generator_loss(batch)[0], with_weight)


def test_a_loss_of_two_images_is_that_of_each():
    model = awake(make_stargan())
    batch = batch_of(model, 2)
    for loss in (model.generator_loss, model.discriminator_loss):
        together = np.array(loss(batch)[0])
        alone = [
            float(loss({k: v[i : i + 1] for k, v in batch.items()})[0][0])
            for i in range(2)
        ]
        np.testing.assert_allclose(together, alone, rtol=1e-4)
        assert abs(alone[0] - alone[1]) > 1e-3


def test_every_fifth_step_updates_the_generator():
    model = make_stargan()
    x, y = images(4, 8, 12, 1), [0, 1, 2, 0]
    generator, discriminator = (
        values(model.generator),
        values(model.discriminator),
    )
    logs = train(model, x, y, steps=4)
    assert not moved(generator, values(model.generator))
    assert moved(discriminator, values(model.discriminator))
    assert logs["reconstruction"] == logs["g_loss"] == [0.0]
    logs = train(model, x, y, steps=1)
    assert moved(generator, values(model.generator))
    assert logs["reconstruction"][0] > 0.01
    assert int(model.generator_optimizer.iterations) == 1
    assert int(model.discriminator_optimizer.iterations) == 5
    # The mean of the one step that has any.
    two = train(model, x, y, steps=5)
    assert two["reconstruction"][0] == pytest.approx(
        logs["reconstruction"][0], rel=0.5
    )


def test_a_run_that_stops_between_two_turns_goes_on(tmp_path):
    x, y = images(4, 8, 12, 1), [0, 1, 2, 0]
    models = []
    for _ in range(2):
        model = make_stargan(discriminator_updates=3, ema_decay=0.5)
        rates = [
            ConstantThenLinear(0.1, decay_steps=8, steps_per_update=each)
            for each in (1, 3)
        ]
        model.compile(
            discriminator_optimizer=keras.optimizers.Adam(rates[0]),
            generator_optimizer=keras.optimizers.Adam(rates[1]),
            jit_compile=False,
        )
        models.append(model)
    whole, resumed = models
    train(whole, x, y, steps=4)
    CheckpointStore(tmp_path, whole.training_state).save(4, {})
    CheckpointStore(tmp_path, resumed.training_state).restore()
    for model in models:
        train(model, x, y, steps=2)
        assert int(model.generator_optimizer.iterations) == 2
        # After 6 of 8 steps, of which the last 4 fall.
        for optimizer in (
            model.discriminator_optimizer,
            model.generator_optimizer,
        ):
            assert float(optimizer.learning_rate) == pytest.approx(0.05)
    for a, b in zip(values(whole), values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_targets_are_the_labels_of_the_batch_in_another_order():
    model = make_stargan(num_domains=20)
    targets = []
    for step in range(3):
        batch = model.seeded_batch(
            (images(20, 8, 12, 1), tf.range(20)), step=step
        )
        targets.append(np.array(batch["targets"]).argmax(-1))
        assert sorted(targets[-1]) == list(range(20))
        assert (targets[-1] != np.arange(20)).any()
    assert (targets[0] != targets[1]).any()


def joint_batch(model):
    return np.concatenate(
        [
            model.label_vectors([[1, 0, 1], [0, 1, 0]], 0),
            model.label_vectors([3, 1, 2], 1),
        ]
    )[[0, 2, 3, 1, 4]]


def test_targets_come_from_the_same_set_of_labels():
    model = make_stargan(**JOINT)
    y = joint_batch(model)
    assert y.shape == (5, 3 + 4 + 2)
    seen = set()
    for step in range(6):
        batch = model.seeded_batch((images(5, 8, 12, 1), tf.constant(y)), step)
        targets = np.array(batch["targets"])
        np.testing.assert_array_equal(targets[:, 7:], y[:, 7:])
        np.testing.assert_array_equal(targets.sum(0), y.sum(0))
        seen.add(targets.tobytes())
    assert len(seen) > 1


def test_several_sets_of_labels_train_one_model(tmp_path):
    model = make_stargan(**JOINT)
    x, y = images(5, 8, 12, 1), joint_batch(model)
    logs = train(model, x, y, steps=5)
    assert np.isfinite(logs["loss"]).all() and logs["g_loss"][0] != 0.0
    probabilities = np.array(model.classify(x)["probabilities"])
    np.testing.assert_allclose(probabilities[:, 3:].sum(-1), 1.0, rtol=1e-5)
    target = model.label_vectors([2] * 5, 1)
    answer = model.translate(x, target_domain=target)
    model.export(tmp_path / "model")
    served = tf.saved_model.load(tmp_path / "model").signatures["translate"]
    found = served(x=tf.constant(x), target_domain=target)["x"]
    np.testing.assert_allclose(found, answer, atol=1e-5)
    for wrong, words in (
        (y[:, :7], r"shape \(batch_size, 9\): labels of 3 attributes, 4 cl"),
        (np.concatenate([y[:, :7], 0 * y[:, 7:]], 1), "one-hot mask of 2 sets"),
        (np.concatenate([1 + 0 * y[:, :7], y[:, 7:]], 1), "must be 0"),
    ):
        with pytest.raises(ValueError, match=words):
            model.translate(x, target_domain=wrong)
    with pytest.raises(ValueError, match="an int from 0 to 1"):
        model.label_vectors([0], 2)


def test_each_image_is_translated_to_its_domain():
    model = awake(make_stargan())
    x = images(4, 8, 12, 1)
    mixed = np.array(model.translate(x, target_domain=[2, 0, 0, 1]))
    for i, domain in enumerate([2, 0, 0, 1]):
        alone = model.translate(x[i : i + 1], target_domain=domain)
        np.testing.assert_allclose(mixed[i], alone[0], atol=1e-5)
    other = np.array(model.translate(x, target_domain=1))
    assert np.abs(mixed[:3] - other[:3]).max() > 1e-3


def test_sizes_and_channels(tmp_path):
    model = awake(make_stargan(image_shape=(16, 8, 4)))
    for size in ((8, 8), (24, 12), (16, 40)):
        x = images(2, *size, 4)
        answer = model.translate(x, target_domain=[0, 2])
        assert answer.shape == x.shape
    odd = images(2, 21, 34, 4)
    tiles = model.translate(odd, target_domain=[0, 2], tile_size=16, overlap=4)
    assert tiles.shape == odd.shape
    corner = model.translate(odd[:1, :16, :16], target_domain=0)
    np.testing.assert_allclose(
        tiles[0, :5, :12], np.array(corner)[0, :5, :12], atol=1e-5
    )


def test_the_average_translates_and_follows_the_generator():
    model = make_stargan(ema_decay=0.0, discriminator_updates=2)
    x, y = images(4, 8, 12, 1), [0, 1, 2, 0]
    first = values(model.averaged_generator)
    train(model, x, y, steps=1)
    assert not moved(first, values(model.averaged_generator))
    train(model, x, y, steps=1)
    assert not moved(values(model.generator), values(model.averaged_generator))
    assert moved(first, values(model.averaged_generator))
    model.averaged_generator.set_weights([0 * w for w in first])
    np.testing.assert_array_equal(model.translate(x, target_domain=1), 0.5)


def test_as_many_halvings_as_the_sides_allow():
    for shape, expected in (((8, 12, 1), 2), ((64, 192, 1), 6), ((8, 8, 1), 3)):
        assert make_stargan(image_shape=shape).num_halvings == expected


@pytest.mark.parametrize(
    "kwargs, words",
    [
        ({"image_shape": (10, 12, 1)}, "multiples of 4, from 8 on"),
        ({"num_halvings": 3}, "must be multiples of 8: 3 layers"),
        ({"num_domains": 0}, "`num_domains` must be"),
        ({"num_domains": []}, "an entry for each set"),
        ({"num_domains": [2, 3], "labels": ["classes"]}, "for each set"),
        ({"labels": "tags"}, "`labels` must be one of"),
        ({"discriminator_updates": 0}, "`discriminator_updates` must be"),
        ({"ema_decay": 1.0}, "`ema_decay` must be None or in"),
    ],
)
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError, match=words):
        make_stargan(**kwargs)


def test_bad_data_are_named():
    model = make_stargan()
    x = images(2, 8, 12, 1)
    with pytest.raises(ValueError, match="conditional on 3 classes: pass `tar"):
        model.translate(x)
    with pytest.raises(ValueError, match="classes from 0 to 2"):
        model.translate(x, target_domain=3)
    with pytest.raises(ValueError, match="`x` must have shape"):
        model.classify(images(2, 12, 12, 1))
    model.compile()
    with pytest.raises(ValueError, match="images and their domains: give"):
        model.fit(x, verbose=0)
    with pytest.raises(ValueError, match="`y` must hold classes from 0 to 2"):
        model.fit(x, [0, 3], verbose=0)
    model = make_stargan(labels="attributes")
    model.compile()
    with pytest.raises(ValueError, match="-1, give"):
        model.fit(x, [[-1, 1, 1], [1, 1, 1]], verbose=0)
    with pytest.raises(ValueError, match=r"\(batch_size, 3\): 3 attributes"):
        model.fit(x, [0, 1], verbose=0)
