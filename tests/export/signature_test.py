import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export import Signature


def signature(shape=(None, 4), example=None, name="x"):
    if example is None:
        example = {"x": np.zeros((1, 4), "float32")}
    return Signature(
        lambda x: {"x": x}, {name: tf.TensorSpec(shape, "float32")}, example
    )


def test_fits_text_of_any_kind():
    def of_text(text):
        spec = tf.TensorSpec((None,), "string")
        return Signature(
            lambda text: {"t": text}, {"text": spec}, {"text": text}
        )

    for text in (np.array(["a"]), np.array([b"a"]), np.array(["a"], object)):
        assert of_text(text).example["text"] is text
    with pytest.raises(ValueError, match="text"):
        of_text(np.zeros((1,), "float32"))


def test_cannot_be_changed():
    with pytest.raises(AttributeError):
        signature().inputs = {}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"example": {"y": np.zeros((1, 4))}}, r"\['x'\].*\['y'\]"),
        ({"example": {}}, "must have the same names"),
        ({"example": {"x": np.zeros((2, 4), "float32")}}, "must be one row"),
        ({"example": {"x": np.zeros((1, 5), "float32")}}, r"shape \(1, 4\)"),
        ({"example": {"x": np.zeros((1, 4))}}, "float32.*float64"),
        ({"shape": (1, 4)}, "begins with None"),
        ({"shape": ()}, "begins with None"),
        (
            {"name": "x-1", "example": {"x-1": np.zeros((1, 4), "float32")}},
            "Python identifier",
        ),
    ],
)
def test_teaches(arguments, message):
    with pytest.raises(ValueError, match=message):
        signature(**arguments)
