"""Signatures for LiteRT (TensorFlow Lite), by TensorFlow's own converter."""

import re
import tempfile
import warnings

import tensorflow as tf

NAME = "LiteRT"
SUFFIX = ".tflite"
_KEY = "serving_default"
# What the compiler says of an operation, without where it was traced.
_REFUSED = re.compile(r"'tf\.\w+' op (?:[^<\n]+)")


def check_installed():
    """TensorFlow holds the converter and an interpreter."""


def convert(graph, path):
    """Writes a graph as a LiteRT file with one signature.

    Args:
        graph: `BareGraph`.
        path: str.

    Raises:
        ValueError: if LiteRT has no such operations.
    """
    content = _converted(graph.as_function())
    with open(path, "wb") as file:
        file.write(content)


def _converted(function):
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures={_KEY: function})
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=[_KEY]
        )
        # Runtimes on devices have no operation of TensorFlow.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return converter.convert()
        # Its class is no public one.
        except Exception as error:
            refused = sorted(set(_REFUSED.findall(str(error))))
            raise ValueError(
                "; ".join(map(str.strip, refused)) or str(error)
            ) from error


class Runner:
    """A LiteRT file in TensorFlow's interpreter.

    Args:
        path: str.
    """

    def __init__(self, path):
        with warnings.catch_warnings():
            # The interpreter moves to a package of its own.
            warnings.simplefilter("ignore")
            self._interpreter = tf.lite.Interpreter(path, num_threads=1)

    def __call__(self, request):
        """Answers a request.

        Args:
            request: dict of name to array.

        Returns:
            dict of name to array.
        """
        return self._interpreter.get_signature_runner(_KEY)(**request)
