import numpy as np
import pytest
import tensorflow as tf

from training.data.random_access import example_bytes
from training.data.random_access import random_access

X = np.arange(12, dtype="float32").reshape(6, 2)


@pytest.mark.parametrize("memory_limit", [0, 6 * 8])
def test_looks_up_single_examples(memory_limit):
    examples = tf.data.Dataset.from_tensor_slices({"x": X})
    access = random_access(examples, 6, memory_limit)
    assert (access.many is None) == (memory_limit == 0)
    index = tf.constant(4, tf.int64)
    np.testing.assert_array_equal(access.one(index)["x"], X[4])


def test_gathers_a_batch_from_memory():
    access = random_access(tf.data.Dataset.from_tensor_slices({"x": X}), 6)
    batch = access.many(tf.constant([5, 0], tf.int64))
    np.testing.assert_array_equal(batch["x"], X[[5, 0]])


def test_files_read_in_order_have_no_random_access(tmp_path):
    path = str(tmp_path / "x.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write("abc")
    assert random_access(tf.data.TFRecordDataset(path), 1, 0) is None


def test_example_bytes():
    spec = {
        "image": tf.TensorSpec([2, 3, 1], tf.float32),
        "label": tf.TensorSpec([], tf.int32),
    }
    assert example_bytes(spec) == 2 * 3 * 4 + 4
    assert example_bytes(tf.TensorSpec([None], tf.int32)) is None
