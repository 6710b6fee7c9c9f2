import numpy as np

from training.data.arrays import image_examples
from training.data.arrays import vector_examples


def test_bytes_are_scaled_as_they_are_read():
    images = np.array([0, 51, 255], "uint8").reshape(3, 1, 1, 1)
    rows = list(image_examples(images, np.array([2, 1, 0])).as_numpy_iterator())
    values = [row["image"].item() for row in rows]
    np.testing.assert_allclose(values, [0.0, 0.2, 1.0], rtol=1e-6)
    assert rows[0]["image"].dtype == np.float32
    assert [row["label"] for row in rows] == [2, 1, 0]
    assert rows[0]["label"].dtype == np.int32


def test_floats_stay_as_they_are():
    images = np.array([0.25], "float32").reshape(1, 1, 1, 1)
    (row,) = image_examples(images).as_numpy_iterator()
    assert row["image"].item() == 0.25
    assert set(row) == {"image"}


def test_vectors_are_float32():
    (row,) = vector_examples(np.array([[1, 0]], "uint8")).as_numpy_iterator()
    assert row["x"].dtype == np.float32
    assert row["x"].tolist() == [1.0, 0.0]
