import keras
import numpy as np
import pytest

from keras_genseq.models import ImageClassifier


def make_classifier(**kwargs):
    options = {"filters": (3, 4), "hidden_units": 5, **kwargs}
    return ImageClassifier((8, 8, 1), 3, **options)


def images(count):
    rng = np.random.default_rng(0)
    return rng.random((count, 8, 8, 1)).astype("float32")


def test_preset_has_the_parameters_of_its_layers():
    model = ImageClassifier.from_preset("image_classifier_mnist")
    convolutions = (9 * 1 * 32 + 32) + (9 * 32 * 64 + 64)
    dense = (7 * 7 * 64 * 128 + 128) + (128 * 10 + 10)
    assert model.count_params() == convolutions + dense


def test_labels_what_it_has_learnt():
    rng = np.random.default_rng(1)
    y = np.arange(90, dtype="int32") % 3
    x = 0.3 * rng.random((90, 8, 8, 1)).astype("float32")
    x[np.arange(90), 2 * y] += 0.6
    model = make_classifier(filters=(8, 8), hidden_units=16, dropout=0.2)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, y, batch_size=30, epochs=15, verbose=0)
    found = model.classify(x)["probabilities"].numpy().argmax(1)
    assert (found == y).mean() > 0.95
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["accuracy"] == pytest.approx((found == y).mean())


def test_logits_are_linear_in_its_features():
    model = make_classifier()
    kernel, bias = model.head.get_weights()
    features = model.encode(images(4)).numpy()
    assert features.shape == (4, 5) and features.min() >= 0.0
    expected = features @ kernel + bias
    answer = model.classify(images(4))
    np.testing.assert_allclose(answer["logits"], expected, atol=1e-5)
    sums = answer["probabilities"].numpy().sum(1)
    np.testing.assert_allclose(sums, np.ones(4), atol=1e-6)


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 3], "classes from 0 to 2"),
        (None, r"give pairs `\(x, y\)`"),
    ],
    ids=str,
)
def test_names_what_is_wrong(labels, message):
    model = make_classifier()
    model.compile()
    labels = labels and np.array(labels, "int32")
    with pytest.raises(ValueError, match=message):
        model.fit(images(2), labels, verbose=0)
    with pytest.raises(ValueError, match="must be at least 4"):
        ImageClassifier((3, 8, 1), 3)
