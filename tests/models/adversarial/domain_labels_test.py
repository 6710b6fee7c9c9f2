"""Labels of domains: what is known of them counts, and nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.adversarial.domain_labels import DomainLabels

JOINT = DomainLabels([3, 4], ["attributes", "classes"])


def joint_rows():
    return np.concatenate(
        [
            JOINT.joint_vectors([[1, 0, 1], [0, 1, 0]], 0),
            JOINT.joint_vectors([3, 1, 2], 1),
        ]
    )[[0, 2, 3, 1, 4]]


def test_rows_hold_labels_of_one_set_and_its_mask():
    np.testing.assert_array_equal(
        joint_rows()[:2],
        [[1, 0, 1, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1, 0, 1]],
    )
    np.testing.assert_array_equal(JOINT.sets_of(joint_rows()), [0, 1, 1, 0, 1])
    with pytest.raises(ValueError, match="an int from 0 to 1"):
        JOINT.joint_vectors([0], 2)


def test_unknown_labels_have_no_gradient():
    vectors = tf.constant(joint_rows())
    rng = np.random.default_rng(0)
    logits = tf.Variable(rng.normal(size=(5, 7)), dtype="float32")
    with tf.GradientTape() as tape:
        found = JOINT.losses(logits, vectors)
    gradient = np.array(tape.gradient(found, logits))
    is_first = vectors[:, 7] == 1.0
    assert (gradient[is_first][:, :3] != 0.0).all()
    assert (gradient[~is_first][:, 3:] != 0.0).all()
    np.testing.assert_array_equal(gradient[is_first][:, 3:], 0.0)
    np.testing.assert_array_equal(gradient[~is_first][:, :3], 0.0)
    own = logits.numpy()[0, :3].astype("float64")
    # Summed over attributes.
    expected = np.log1p(np.exp(own)).sum() - own[[0, 2]].sum()
    assert float(found[0]) == pytest.approx(expected, rel=1e-5)
    own = logits.numpy()[1, 3:].astype("float64")
    expected = np.log(np.exp(own).sum()) - own[3]
    assert float(found[1]) == pytest.approx(expected, rel=1e-5)


def test_accuracies_are_of_known_labels():
    logits = tf.constant(
        [[2.0, 1.0, -1.0, 9.0, 0, 0, 0], [9.0, 9.0, 9.0, 0.0, 1.0, 2.0, 3.0]]
    )
    found = JOINT.accuracies(logits, joint_rows()[:2])
    np.testing.assert_allclose(found, [1 / 3, 1.0])


def test_probabilities_of_classes_sum_up_to_1():
    rng = np.random.default_rng(0)
    logits = tf.constant(rng.normal(size=(5, 7)), "float32")
    found = np.array(JOINT.probabilities(logits))
    np.testing.assert_allclose(found[:, 3:].sum(-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(found[:, :3], tf.sigmoid(logits[:, :3]))


def test_one_set_has_no_mask():
    labels = DomainLabels(3, "classes")
    assert labels.size == 3
    np.testing.assert_array_equal(labels.vectors(tf.constant([2])), [[0, 0, 1]])
    labels = DomainLabels(3, "attributes")
    assert labels.size == 3
    # One row for all images.
    rows = labels.read([True, False, True], 2)
    np.testing.assert_array_equal(rows, [[1, 0, 1], [1, 0, 1]])
    np.testing.assert_array_equal(labels.joint_vectors(rows, 0), rows)


@pytest.mark.parametrize(
    "change, words",
    [
        (
            lambda y: y[:, :7],
            r"shape \(batch_size, 9\): labels of 3 attributes",
        ),
        (lambda y: y[:4], "a row of labels for each image"),
        (lambda y: np.concatenate([y[:, :7], 0 * y[:, 7:]], 1), "of 2 sets"),
        (
            lambda y: np.concatenate([0 * y[:, :7] + 1, y[:, 7:]], 1),
            "must be 0",
        ),
        (lambda y: -y, "give \\(y \\+ 1\\) / 2"),
        (lambda y: y * np.nan, "no NaN"),
    ],
)
def test_bad_rows_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        JOINT.read(change(joint_rows()), 5)
