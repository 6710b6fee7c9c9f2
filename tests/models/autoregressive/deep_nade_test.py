import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import DeepNADE
from keras_genseq.ops.log_probabilities import bernoulli_log_prob

RNG = np.random.default_rng(0)


def make(input_dim=6, units=(9, 8), **options):
    """A small model with weights large enough to matter."""
    model = DeepNADE(input_dim, units, activation="tanh", **options)
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def all_vectors(size):
    return np.array(list(itertools.product([0.0, 1.0], repeat=size)), "float32")


@pytest.mark.parametrize("num_orderings", [1, 3])
def test_probabilities_sum_to_one(num_orderings):
    model = make(num_orderings=num_orderings)
    probabilities = np.exp(model.log_prob(all_vectors(6)).numpy())
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert probabilities.std() > 1e-4


def test_a_logit_depends_on_earlier_dimensions_of_its_ordering_only():
    model = make(num_orderings=3)
    x = tf.constant(RNG.integers(0, 2, (1, 6)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model(x)
    jacobian = tape.jacobian(logits, x)[0, :, :, 0, :].numpy()
    for ordering, member in zip(model._orderings, jacobian, strict=True):
        place = np.argsort(ordering)
        earlier = place[None, :] < place[:, None]
        np.testing.assert_array_equal(member[~earlier], 0.0)
        assert (np.abs(member[earlier]) > 1e-7).all()


def test_steps_equal_masked_passes():
    model = make(num_orderings=2)
    x = RNG.integers(0, 2, (5, 6)).astype("float32")
    logits = np.array(model(x))
    for k, ordering in enumerate(model._orderings):
        mask = np.zeros((5, 6), bool)
        for dimension in ordering:
            expected = np.array(model.masked_logits(x, mask))[:, dimension]
            np.testing.assert_allclose(
                logits[:, k, dimension], expected, rtol=1e-4, atol=1e-5
            )
            mask[:, dimension] = True


def test_the_loss_is_on_average_that_of_all_orderings():
    """Over every mask, by its probability, and over all 24 orderings."""
    model = make(input_dim=4)
    x = RNG.integers(0, 2, (3, 4)).astype("float32")
    mean = np.zeros(3)
    for bits in itertools.product([False, True], repeat=4):
        if not all(bits):
            share = 1.0 / 4 / math.comb(4, sum(bits))
            mask = np.tile(np.array(bits), (3, 1))
            mean += share * np.array(model.masked_nll(x, mask))
    orderings = np.array(list(itertools.permutations(range(4))), "int32")
    model._orderings = orderings
    logits = np.array(model(x))
    each = [
        -np.array(bernoulli_log_prob(x, part)) for part in logits.swapaxes(0, 1)
    ]
    np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-5)


def test_masks_show_every_number_of_dimensions_alike_and_any_of_them():
    model = DeepNADE(5, 3)
    masks = np.array(model._drawn_masks(np.arange(50_000, dtype="int32")))
    found = np.bincount(masks @ [16, 8, 4, 2, 1], minlength=32) / 50_000
    for part in range(31):
        expected = 0.2 / math.comb(5, part.bit_count())
        # Five standard errors.
        tolerance = 5 * math.sqrt(expected / 50_000)
        np.testing.assert_allclose(found[part], expected, atol=tolerance)
    assert found[31] == 0


def test_validation_has_many_masks_and_does_not_depend_on_the_batch_size():
    model = make()
    model.compile("adam")
    x = RNG.integers(0, 2, (64, 6)).astype("float32")
    losses = [
        model.evaluate(x, batch_size=size, verbose=0, return_dict=True)["nll"]
        for size in (1, 16, 64)
    ]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)
    masks = np.array(model._drawn_masks(model.training_seeds.of_examples(x)))
    different = len(np.unique(x, axis=0))
    assert len(np.unique(masks, axis=0)) > different / 2
    again = np.array(
        model._drawn_masks(model.training_seeds.of_examples(x[::-1]))
    )
    np.testing.assert_array_equal(again, masks[::-1])


def test_an_ensemble_is_no_worse_than_its_members_on_average():
    model = make(num_orderings=4)
    x = RNG.integers(0, 2, (20, 6)).astype("float32")
    logits = np.array(model(x))
    each = [np.array(bernoulli_log_prob(x, logits[:, k])) for k in range(4)]
    together = np.array(model.log_prob(x))
    np.testing.assert_allclose(
        np.exp(together), np.exp(each).mean(0), rtol=1e-4
    )
    assert (together >= np.mean(each, axis=0) - 1e-5).all()


def test_samples_follow_the_density():
    model = make(input_dim=3)
    samples = np.array(model.sample(20_000, seed=0))
    counts = np.bincount(samples.astype(int) @ [4, 2, 1], minlength=8)
    probabilities = np.exp(model.log_prob(all_vectors(3)).numpy())
    np.testing.assert_allclose(counts / 20_000, probabilities, atol=0.015)


def test_completions_follow_the_conditional_of_all_that_is_shown():
    """The shown dimension is the last of the ordering, and counts."""
    model = make(input_dim=3)
    last = model._orderings[0][-1]
    mask = np.zeros((20_000, 3), bool)
    mask[:, last] = True
    x = mask.astype("float32")
    drawn = np.array(model.complete(x, mask, seed=0))
    assert (drawn[:, last] == 1.0).all()
    first = next(d for d in model._orderings[0] if d != last)
    expected = np.array(model.conditionals(x[:1], mask[:1]))[0]
    assert expected[last] == 1.0
    assert drawn[:, first].mean() == pytest.approx(expected[first], abs=0.015)


def test_orderings_follow_from_the_seed():
    one, same, other = (
        DeepNADE(9, 2, num_orderings=2, seed=s) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one._orderings, same._orderings)
    assert (one._orderings != other._orderings).any()
    assert [sorted(o) for o in one._orderings.tolist()] == [list(range(9))] * 2


def test_learns_what_depends_on_what():
    """The last half of an example repeats the first, backwards."""
    half = RNG.integers(0, 2, (512, 4)).astype("float32")
    x = np.concatenate([half, half[:, ::-1]], axis=1)
    model = DeepNADE(8, (64, 64), num_orderings=2)
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(x, batch_size=64, epochs=60, verbose=0)
    # Four free bits are 2.77 nats; independent coins cost 5.55.
    assert -np.mean(model.log_prob(x)) < 3.3
    mask = np.arange(8)[None] >= 4
    completed = model.complete(x, np.repeat(mask, 512, 0), temperature=0.0)
    assert (np.array(completed) == x).mean() > 0.98


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"units": ()}, "at least one hidden layer"),
        ({"units": (3, 0)}, "units"),
        ({"num_orderings": 0}, "num_orderings"),
    ],
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeepNADE(**{"input_dim": 3, "units": 2, **arguments})
