import keras
import numpy as np
import pytest

from keras_genseq.models import ImageClassifier
from keras_genseq.models import VisionTransformer


def classifier(num_classes=3, seed=0):
    keras.utils.set_random_seed(seed)
    return ImageClassifier((8, 8, 1), num_classes, hidden_units=4)


def test_weights_of_equal_names_and_shapes_are_taken():
    model, other = classifier(3, seed=1), classifier(5, seed=2)
    head = model.head.get_weights()
    taken, remarks = model.load_from(other)
    assert taken == len(model.features.weights)
    assert len(remarks) == 2 and "is (4, 3), was (4, 5)" in remarks[0]
    for mine, theirs in zip(
        model.features.weights, other.features.weights, strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    for before, after in zip(head, model.head.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_models_without_a_weight_in_common_are_refused():
    other = VisionTransformer(
        (8, 8, 1), 4, 3, num_layers=1, hidden_dim=8, num_heads=2
    )
    with pytest.raises(ValueError, match="No weight of"):
        classifier().load_from(other)
