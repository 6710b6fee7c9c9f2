"""Numbers for Keras's layers, converted to those of Python."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.layer_arguments import for_keras


def test_sizes_become_ints_and_tuples_of_them():
    sizes = {
        "filters": np.int64(4),
        "kernel_size": np.array([3, 5]),
        "strides": tf.constant(2),
        "padding": ((np.int32(1), 2), (3, 4)),
        "output_padding": None,
        "seed": np.int8(-7),
        "dropout": np.float32(0.5),
        "name": "any",
    }
    converted = for_keras(sizes)
    assert converted == {
        "filters": 4,
        "kernel_size": (3, 5),
        "strides": 2,
        "padding": ((1, 2), (3, 4)),
        "output_padding": None,
        "seed": -7,
        "dropout": 0.5,
        "name": "any",
    }
    assert type(converted["filters"]) is type(converted["strides"]) is int


def test_the_padding_of_a_convolution_is_a_word():
    assert for_keras({"padding": "same"}) == {"padding": "same"}


@pytest.mark.parametrize("wrong", [True, 3.0, "3", (3, 2.5), [3, "a"]])
def test_what_is_no_size_is_refused_by_its_name(wrong):
    with pytest.raises(ValueError, match="`kernel_size` must be an int"):
        for_keras({"kernel_size": wrong})


def test_flags_are_of_python():
    assert for_keras({"use_bias": np.bool_(False)})["use_bias"] is False
    with pytest.raises(ValueError, match="`stateful` must be True or False"):
        for_keras({"stateful": "no"})
