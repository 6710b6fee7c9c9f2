import numpy as np
import pytest
import tensorflow as tf

from training.data import as_array
from training.data import model_inputs


def test_takes_the_image_or_the_vector():
    x = np.arange(12.0).reshape(4, 3)
    for key in ("x", "image"):
        examples = tf.data.Dataset.from_tensor_slices(
            {key: x, "label": np.arange(4)}
        )
        inputs = model_inputs(examples)
        np.testing.assert_array_equal(as_array(inputs), x)
        np.testing.assert_array_equal(as_array(inputs, 2), x[:2])


def test_names_examples_without_either():
    examples = tf.data.Dataset.from_tensor_slices({"text": ["a"]})
    with pytest.raises(ValueError, match="with: text"):
        model_inputs(examples)
