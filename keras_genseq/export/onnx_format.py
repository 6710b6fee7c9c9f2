"""Signatures for ONNX Runtime, by tf2onnx."""

import contextlib
import logging
import re
import warnings

import numpy as np

NAME = "ONNX"
SUFFIX = ".onnx"
# The first one with bitwise operations.
_OPSET = 18
_UNKNOWN = re.compile(r"op \[.*: (\w+)\] is not supported")


def check_installed():
    """Refuses to begin without the packages.

    Raises:
        ImportError: that says what to install.
    """
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(
            f"ONNX needs {error.name}: `pip install 'keras-genseq[onnx]'`."
        ) from error


def output_name(name, inputs):
    """ONNX names inputs and outputs in one list: an output that is called as
    an input has `_out` behind its name."""
    return f"{name}_out" if name in inputs else name


def convert(graph, path):
    """Writes a graph as an ONNX file.

    Args:
        graph: `BareGraph`.
        path: str.

    Raises:
        ValueError: if ONNX does not know an operation.
    """
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    with warnings.catch_warnings():
        # Keras makes it know NumPy 2, and asks NumPy for what it had before.
        warnings.simplefilter("ignore", FutureWarning)
        patch_tf2onnx()
    renamed = {tensor: name for name, tensor in graph.inputs.items()} | {
        tensor: output_name(name, graph.inputs)
        for name, tensor in graph.outputs.items()
    }
    with _errors_of("tf2onnx") as errors:
        tf2onnx.convert.from_graph_def(
            graph.graph_def,
            input_names=list(graph.inputs.values()),
            output_names=list(graph.outputs.values()),
            opset=_OPSET,
            tensors_to_rename=renamed,
            output_path=path,
        )
    unknown = {name for text in errors for name in _UNKNOWN.findall(text)}
    if unknown:
        raise ValueError(f"ONNX has no word for {', '.join(sorted(unknown))}.")


@contextlib.contextmanager
def _errors_of(package):
    """Collects what a package logs, in place of showing it."""
    logger, texts = logging.getLogger(package), []
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())
    before = logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.ERROR)
    logger.addHandler(handler)
    try:
        yield texts
    finally:
        logger.removeHandler(handler)
        logger.propagate = before[0]
        logger.setLevel(before[1])


class Runner:
    """An ONNX file in ONNX Runtime.

    Args:
        path: str.
    """

    def __init__(self, path):
        import onnxruntime

        self._session = onnxruntime.InferenceSession(
            path, providers=["CPUExecutionProvider"]
        )

    def __call__(self, request):
        """Answers a request.

        Args:
            request: dict of name to array.

        Returns:
            dict of name to array, by the names of the signature.
        """
        # An input that changes nothing is not in the file.
        taken = [each.name for each in self._session.get_inputs()]
        names = [each.name for each in self._session.get_outputs()]
        answers = self._session.run(
            names, {name: np.asarray(request[name]) for name in taken}
        )
        return {
            name.removesuffix("_out")
            if name.removesuffix("_out") in request
            else name: value
            for name, value in zip(names, answers, strict=True)
        }
