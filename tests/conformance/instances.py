"""Instances of a row, each shared by all promises that can share it.

Tracing and compiling take nearly all of the time of a small model. So a row's
model is made once for what only asks it, and once for each way of training it;
tests of a row follow each other (`tests/conftest.py`), and only what belongs to
the row that they are at is kept.
"""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state

from tests.conformance.batches import BATCH
from tests.conformance.batches import LENGTH
from tests.variable_order import ordered_variables

_KEPT = {}


def kept_for_its_row(make):
    """Keeps what a function makes of a row until another row is asked for.

    Traced and compiled models of rows that are done would fill the memory.
    """

    @functools.wraps(make)
    def kept(case, *args):
        if _KEPT.get("case") is not case:
            _KEPT.clear()
            _KEPT["case"] = case
        key = (make, *args)
        if key not in _KEPT:
            _KEPT[key] = make(case, *args)
        return _KEPT[key]

    return kept


@kept_for_its_row
def _built(case):
    """The row's model, and the names of functions traced for its answers."""
    keras.utils.set_random_seed(4)
    return case.make(), []


@contextlib.contextmanager
def without_values():
    """Weights made within are never initialized."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    # Else the end of the next scope, somewhere, makes all of them.
    global_state.set_global_attribute("uninitialized_variables", [])


@contextlib.contextmanager
def channels_first():
    """Keras is told within that images are `(channels, height, width)`."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


@contextlib.contextmanager
def floats(dtype):
    """Keras is told within to compute in a dtype where none is said."""
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)


@contextlib.contextmanager
def eagerly():
    """Functions run as Python and are not traced: for what is asked once."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def awake(model, scale=0.4):
    """Gives weights a size at which every part of a model hears the others.

    First weights are often so small that a network is as good as blind: then
    nothing tells it from zeros.
    """
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * scale)
    return model


def built(case):
    """The row's model, awake, for promises that only ask it."""
    return awake(_built(case)[0])


def exportable(case):
    """The same model with the weights of its exported twin."""
    model, _ = _built(case)
    rng = np.random.default_rng(5)
    for weight in model.weights:
        value = case.weight_scale * rng.normal(size=weight.shape)
        if weight.name == "updates":
            # It may say how far a level has faded in.
            continue
        is_positive = weight.name in ("moving_variance", "data_scale")
        weight.assign(np.abs(value) if is_positive else value)
    return model


@contextlib.contextmanager
def counted_traces(names):
    """Appends to a list the name of every function that TensorFlow traces.

    Functions made within the context are counted as long as they live.
    """
    function = tf.function

    def counting(func=None, **kwargs):
        if func is None:
            return functools.partial(counting, **kwargs)

        # The loop of a layer is a partial of it.
        name = getattr(func, "func", func).__name__

        @functools.wraps(func)
        def traced(*args, **kwargs):
            names.append(name)
            return func(*args, **kwargs)

        return function(traced, **kwargs)

    tf.function = counting
    try:
        yield
    finally:
        tf.function = function


def asked(case):
    """The same model once it has answered, and what was traced for it since."""
    model, names = _built(case)
    awake(model)
    if not names:
        with counted_traces(names):
            ask(model, case, 5)
    return model, names


def evaluable(case):
    """The same model, ready to be evaluated."""
    model, _ = asked(case)
    if not model.compiled:
        model.compile(**optimizers(model), jit_compile=False)
    return model


def ask(model, case, size):
    """Samples of a model, and scores where it has them."""
    condition = case.condition(size)
    knobs = {"seed": size, "temperature": 0.1 * size, **condition}
    if "length" in model.serving_signatures()["sample"].inputs:
        knobs["length"] = LENGTH
    model.sample(size, **knobs)
    if case.kind == "density":
        model.log_prob(case.pair(size)[0], **condition)


def compiled(case, strategy=None, mode="graph", **kwargs):
    """A new instance, ready to train.

    Args:
        case: a row.
        strategy: optional `tf.distribute.Strategy`.
        mode: str. How its steps run: `"eager"`, which traces nothing and is
            by far the cheapest for a few steps, `"graph"`, or `"xla"`.
        **kwargs: of the row's model.
    """
    keras.utils.set_random_seed(4)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = case.make(**kwargs)
        model.compile(
            **optimizers(model),
            jit_compile=mode == "xla",
            run_eagerly=mode == "eager",
        )
    return model


def optimizers(model, rate=0.02):
    """Arguments of `compile`: Adam for the model, or for each group."""
    if not hasattr(model, "group_networks"):
        adam = keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.9)
        return {"optimizer": adam}
    return {
        # A larger epsilon: groups' first gradients are next to nothing.
        f"{group}_optimizer": keras.optimizers.Adam(rate, epsilon=1e-3)
        for group in model.group_networks
    }


@kept_for_its_row
def _trainer(case, policy, mode, is_quiet):
    kwargs = dict(case.quiet) if is_quiet else {}
    if policy != "float32":
        kwargs["dtype"] = policy
    model = compiled(case, mode=mode, **kwargs)
    return model, [v.numpy() for v in model.training_state]


def trainer(case, *, policy="float32", mode="graph", quiet=False):
    """A compiled model in its first state, whoever trained it before.

    Args:
        case: a row.
        policy: str. Its dtype policy.
        mode: str. How its steps run, as for `compiled`.
        quiet: bool. Without noise in training.
    """
    is_quiet = quiet and bool(case.quiet)
    model, first = _trainer(case, policy, mode, is_quiet)
    for variable, value in zip(model.training_state, first, strict=True):
        variable.assign(value)
    return model


def steps(model, case, count, size=BATCH):
    """Trains on one batch over and over; returns the losses.

    Fails where the graph of a step leaves to chance whether a variable is read
    before or after it is written.
    """
    data = tf.data.Dataset.from_tensors(case.batch(size)).repeat(count)
    history = []

    class Losses(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            history.append(float(logs["loss"]))
            self.model.reset_metrics()

    with ordered_variables():
        model.fit(data, verbose=0, callbacks=[Losses()])
    return history


def weights(model):
    return [np.array(w.numpy()) for w in model.weights]
