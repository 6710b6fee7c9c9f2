"""Signatures for LiteRT (TensorFlow Lite), by TensorFlow's own converter."""

import re
import tempfile
import warnings

import numpy as np
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

    It takes any number of rows; one at a time where LiteRT must know the
    sizes of what a loop carries.

    Args:
        graph: `BareGraph`.
        path: str.

    Raises:
        ValueError: if LiteRT has no such operations.
    """
    try:
        content = _converted(graph.as_function())
    except ValueError:
        content = _converted(graph.as_function(num_rows=1))
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
        runner = self._interpreter.get_signature_runner(_KEY)
        sizes = [
            details["shape_signature"][0]
            for details in runner.get_input_details().values()
        ]
        if 1 not in sizes:
            return runner(**request)
        num_rows = len(next(iter(request.values())))
        rows = [
            runner(**{name: value[[i]] for name, value in request.items()})
            for i in range(num_rows)
        ]
        return {
            name: np.concatenate([row[name] for row in rows])
            for name in rows[0]
        }
