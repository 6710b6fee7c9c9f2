"""Soft labels, of every `ClassifierModel`."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import ImageClassifier
from keras_genseq.models.base.input_validation import weights_of_classes


def make():
    model = ImageClassifier((4, 4, 1), 3, filters=(2, 2), hidden_units=4)
    model.compile("adam")
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.weights])
    return model


def images(count):
    rng = np.random.default_rng(0)
    return rng.random((count, 4, 4, 1)).astype("float32")


def evaluated(model, x, y, **kwargs):
    return model.evaluate(x, y, verbose=0, return_dict=True, **kwargs)


def test_one_hot_labels_cost_what_classes_do():
    model, x, y = make(), images(7), np.arange(7) % 3
    one_hot = np.eye(3, dtype="float32")[y]
    hard, soft = evaluated(model, x, y), evaluated(model, x, one_hot)
    assert soft["loss"] == pytest.approx(hard["loss"], rel=1e-5)
    assert soft["accuracy"] == hard["accuracy"]


def test_soft_labels_cost_the_mean_over_the_classes():
    model, x = make(), images(5)
    y = np.random.default_rng(2).dirichlet(np.ones(3), 5).astype("float32")
    logs = evaluated(model, x, y)
    probabilities = model.classify(x)["probabilities"].numpy()
    expected = -(y * np.log(probabilities)).sum(1).mean()
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)
    right = probabilities.argmax(1) == y.argmax(1)
    assert logs["accuracy"] == pytest.approx(right.mean())


@pytest.mark.parametrize("in_dataset", [False, True], ids=["array", "tf.data"])
def test_training_takes_soft_labels(in_dataset):
    model, x = make(), images(6)
    y = np.full((6, 3), 1 / 3, "float32")
    before = evaluated(model, x, y)["loss"]
    data = (x, y)
    if in_dataset:
        data = (tf.data.Dataset.from_tensor_slices(data).batch(4), None)
    model.fit(*data, epochs=20, verbose=0)
    assert evaluated(model, x, y)["loss"] < before


def test_weights_of_classes_count_by_shares():
    y = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0, 0, 1]], "float32")
    check = weights_of_classes(make(), {0: 2.0, 1: 0.0})
    _, _, weights = check(images(4), y)
    np.testing.assert_allclose(weights, [2.0, 0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "y, message",
    [
        (np.full((2, 3), 0.5, "float32"), "rows sum to 1"),
        (np.array([[2, -1, 0], [1, 0, 0]], "float32"), "at least 0"),
        (np.full((2, 3), np.nan, "float32"), "no NaN"),
        (np.full((2, 2), 0.5, "float32"), r"shape \(2, 3\)"),
        (np.full((3, 3), 1 / 3, "float32"), r"shape \(2, 3\)"),
        (np.eye(3, dtype="int32")[:2], "argmax"),
        (np.zeros(2, "float32"), "must hold ints"),
    ],
)
def test_labels_that_are_no_distribution_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        make().fit(images(2), y, verbose=0)
