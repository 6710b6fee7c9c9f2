"""Exported models behind TensorFlow's own C++ loader: builds and asks it."""

import glob
import hashlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from keras_genseq.export.atomic import locked

_SOURCE = pathlib.Path(__file__).with_name("serve.cc")
COMPILER = shutil.which("g++") or shutil.which("clang++")


class Refusal(str):
    """The message of a request that was refused.

    Attributes:
        code: int. A code of `tf.errors`.
    """

    code: int


class CppServer:
    """A process of C++ that answers for one SavedModel at a time."""

    def __init__(self):
        self._process = subprocess.Popen(
            [_program(), *_libraries_of_text()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def load(self, path):
        """Loads a SavedModel, in the place of the one before.

        Raises:
            RuntimeError: if TensorFlow cannot load it.
        """
        self._process.stdin.write(f"load {path}\n".encode())
        answer = self._answer()
        if isinstance(answer, Refusal):
            raise RuntimeError(answer)

    def run(self, signature, inputs):
        """Runs one signature.

        Args:
            signature: str.
            inputs: dict of name to array.

        Returns:
            dict of name to array, or a `Refusal`.
        """
        request = [f"run {signature} {len(inputs)}\n".encode()]
        for name, value in inputs.items():
            message = tf.make_tensor_proto(value).SerializeToString()
            request += [f"{name} {len(message)}\n".encode(), message]
        self._process.stdin.write(b"".join(request))
        return self._answer()

    def peak_memory(self):
        """Bytes that the process has held at most since the last call."""
        folder = pathlib.Path("/proc") / str(self._process.pid)
        status = (folder / "status").read_text()
        # "5" takes what it holds now as the peak: see proc(5).
        (folder / "clear_refs").write_text("5")
        return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)

    def _answer(self):
        self._process.stdin.flush()
        kind, *numbers = self._process.stdout.readline().decode().split()
        if kind == "error":
            code, size = map(int, numbers)
            refusal = Refusal(self._process.stdout.read(size).decode())
            refusal.code = code
            return refusal
        answer = {}
        for _ in range(int(numbers[0])):
            name, size = self._process.stdout.readline().decode().split()
            message = self._process.stdout.read(int(size))
            proto = tensor_pb2.TensorProto.FromString(message)
            answer[name] = np.asarray(tf.make_ndarray(proto))
        return answer


def _program():
    """Path of the compiled server: made once for all tests and workers."""
    source = _SOURCE.read_bytes() + tf.__version__.encode()
    folder = os.path.join(
        tempfile.gettempdir(), f"keras_genseq-tests-{os.getuid()}"
    )
    program = os.path.join(
        folder, f"serve-{hashlib.sha256(source).hexdigest()[:16]}"
    )
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with locked(f"{program}.lock"):
        if not os.path.exists(program):
            _compile(f"{program}.new")
            os.rename(f"{program}.new", program)
    return program


def _compile(program):
    libraries = tf.sysconfig.get_lib()
    subprocess.run(
        [
            COMPILER,
            *tf.sysconfig.get_compile_flags(),
            # Headers of TensorFlow warn by the thousand.
            "-w",
            str(_SOURCE),
            "-o",
            program,
            f"-L{libraries}",
            f"-Wl,-rpath,{libraries}",
            # The loader's operations register themselves: nothing calls them.
            "-Wl,--no-as-needed",
            "-l:libtensorflow_cc.so.2",
            "-l:libtensorflow_framework.so.2",
            "-ldl",
        ],
        check=True,
    )


def _libraries_of_text():
    """The operations of tensorflow-text, which servers link."""
    package = importlib.util.find_spec("tensorflow_text")
    if package is None:
        return []
    (folder,) = package.submodule_search_locations
    return sorted(glob.glob(os.path.join(folder, "python", "ops", "*.so")))
