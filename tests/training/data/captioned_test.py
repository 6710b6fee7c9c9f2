import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from training.data.captioned import captioned
from training.data.captioned_digits import load_captioned_digits
from training.data.digits import load_digits


def test_captions_and_classes_stand_beside_their_images():
    dataset = captioned()(load_captioned_digits())
    row = next(dataset.splits["train"].as_numpy_iterator())
    assert row["y"].keys() == {"captions", "label"}
    np.testing.assert_array_equal(row["y"]["captions"], row["captions"])
    assert row["y"]["label"] == row["label"] and not dataset.notes


def test_images_without_classes_have_captions_alone():
    rows = tf.data.Dataset.from_tensor_slices(
        {"image": np.zeros((3, 2, 2, 1)), "captions": [["a"], ["b"], ["c"]]}
    )
    dataset = dataclasses.replace(
        load_captioned_digits(),
        splits=dict.fromkeys(("train", "valid", "test"), rows),
        num_classes=None,
    )
    spec = captioned()(dataset).splits["valid"].element_spec
    assert spec["y"].keys() == {"captions"}
    one_class = dataclasses.replace(dataset, num_classes=1)
    assert "no mismatching caption" in captioned()(one_class).notes[0]


def test_images_without_captions_are_refused():
    with pytest.raises(ValueError, match="--data captions:DIR"):
        captioned()(load_digits())
