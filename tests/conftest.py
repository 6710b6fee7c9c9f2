import ctypes
import gc
import itertools
import os
import pathlib
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops
from tensorflow.python.framework.config import disable_op_determinism

from keras_genseq.layers.masked import conv_lstm_scan
from keras_genseq.layers.recurrent.recurrent_layer import RecurrentLayer
from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.ops.recurrent import recurrence
from tests.slowest_tests import SlowestTests

_ROOT = pathlib.Path(__file__).parent.parent
_CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    _CPU, [tf.config.LogicalDeviceConfiguration()] * 2
)

# Modules whose fixtures take long: all of their tests go to one worker.
_TOGETHER = (
    "tests/serving/client_test.py",
    "tests/training/evaluation_test.py",
    "tests/training/main_test.py",
    "tests/training/query_test.py",
    "tests/training/resume_test.py",
    "tests/training/serving/bad_requests_test.py",
    "tests/training/serving/grpc_services_test.py",
    "tests/training/serving/rest_test.py",
)


# The row of a table that a test is about: `NADE` of `test_it[NADE-float32]`.
_ROW = re.compile(r"^tests/conformance/.*\[((?:conditional_)?[A-Z]\w+)")


def _group(nodeid):
    """Tests that share a model or a fixture: they follow each other."""
    module = nodeid.split("::")[0]
    row = _ROW.match(nodeid)
    if row:
        return f"tests/conformance[{row[1]}]"
    return module if module in _TOGETHER else nodeid


def pytest_collection_finish():
    # What is imported stays: no collection of garbage need look at it again.
    gc.collect()
    gc.freeze()
    # Graphs are many objects that live long: by default they are gone through
    # again and again. What lies about is collected every 40 tests anyway.
    gc.set_threshold(100_000, 50, 100)


def pytest_configure(config):
    config.pluginmanager.register(SlowestTests())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _group(nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    first = {}
    for i, item in enumerate(items):
        first.setdefault(_group(item.nodeid), i)
    items.sort(key=lambda item: first[_group(item.nodeid)])


@pytest.fixture(autouse=True)
def _same_seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def _operations_as_alone():
    """What trains a recipe makes the operations of the process deterministic;
    some then sum in another order. Tests of other modules run as they do alone.
    """
    yield
    disable_op_determinism()


@pytest.fixture(autouse=True, scope="module")
def _without_xla(request):
    """A use of a model is no XLA program, whose making takes most of the time.

    Neither is a step of training that nobody asked to be one: Keras would make
    it one, but not after a test that trained a recipe; nor is the loop of a
    recurrent layer in such a step. The tables prove each row with XLA, and the
    tests of layers each loop; other tests ask for it where they are about it,
    or are marked `xla`. What a fixture of the module trains and exports is made
    so, too.
    """
    with pytest.MonkeyPatch.context() as patch:
        _leave_out_xla(patch, request.path)
        yield patch


@pytest.fixture(autouse=True)
def _with_xla_on_request(request, _without_xla):
    if request.node.get_closest_marker("xla"):
        _without_xla.undo()
        yield
        _leave_out_xla(_without_xla, request.path)
    else:
        yield


def _leave_out_xla(patch, path):
    if path.parent.name in ("conformance", "golden"):
        return
    compile_method = BaseModel.compile_method

    def plain(self, method, jit_compile="auto"):
        return compile_method(self, method, jit_compile=False)

    patch.setattr(BaseModel, "compile_method", plain)
    patch.setattr(keras.Model, "_resolve_auto_jit_compile", lambda model: False)
    if path.is_relative_to(_ROOT / "tests" / "layers"):
        return

    def plain_recurrence(*args, **options):
        return recurrence(*args, **{**options, "jit_compile": False})

    patch.setattr(conv_lstm_scan, "recurrence", plain_recurrence)
    patch.setattr(
        RecurrentLayer,
        "_compiles",
        lambda layer, inputs, training: layer.jit_compile is True,
    )


_COUNT = itertools.count(1)
# What glibc keeps of freed memory: several GB after some hundred compilations.
_RETURN_MEMORY = getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)


@pytest.fixture(autouse=True)
def _memory_goes_back():
    yield
    if next(_COUNT) % 40 == 0:
        # TensorFlow keeps the gradient of every `tf.custom_gradient` that was
        # ever traced, and with it the graph.
        gradients = ops.gradient_registry._registry
        for name in [n for n in gradients if n.startswith("CustomGradient-")]:
            del gradients[name]
        gc.collect()
        _RETURN_MEMORY(0)


@pytest.fixture(scope="session")
def two_replicas():
    """A strategy of two replicas on logical CPUs.

    One for the whole session: a second `MirroredStrategy` in the same process
    aborts the collectives.
    """
    return tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real data sets; skips where there is none."""
    default = _ROOT.parent / "shared" / "data"
    folder = pathlib.Path(os.environ.get("KERAS_GENSEQ_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"needs KERAS_GENSEQ_DATA; {folder} is no folder")
    return folder
