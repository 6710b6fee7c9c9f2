import numpy as np
import pytest
import tensorflow as tf

from training.data.image_headers import read_image_shape


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("format", ["png", "jpeg", "progressive"])
def test_reads_the_shape_that_was_written(tmp_path, format, channels):
    pixels = np.full((300, 517, channels), 99, "uint8")
    encoded = {
        "png": lambda: tf.io.encode_png(pixels),
        "jpeg": lambda: tf.io.encode_jpeg(pixels),
        "progressive": lambda: tf.io.encode_jpeg(pixels, progressive=True),
    }[format]()
    path = tmp_path / "image"
    path.write_bytes(encoded.numpy())
    assert read_image_shape(path) == (300, 517, channels)


@pytest.mark.parametrize("stored, channels", [(2, 1), (4, 3)])
def test_transparency_does_not_count(tmp_path, stored, channels):
    path = tmp_path / "image.png"
    pixels = np.zeros((3, 4, stored), "uint8")
    path.write_bytes(tf.io.encode_png(pixels).numpy())
    assert read_image_shape(path) == (3, 4, channels)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n1"])
def test_damaged_headers_are_explained(tmp_path, content):
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="must be a whole PNG or JPEG"):
        read_image_shape(path)
