"""What `compile` and `fit` are told beside the data."""

import difflib
import inspect

import keras
import numpy as np

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import check_flags

# What `compile` takes in Keras and has no meaning where a model brings its own.
_OWN = ("loss", "loss_weights", "metrics", "weighted_metrics")
# Kinds of parameters that stand for any number of arguments.
_OPEN = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
# Arguments of `fit`, `evaluate` and `predict` that count: their least value.
_COUNTS = {
    "steps_per_epoch": 1,
    "validation_steps": 1,
    "validation_batch_size": 1,
    "initial_epoch": 0,
    "steps": 1,
}


def compile_options(model, own, options):
    """Checks the options of `compile`.

    Args:
        model: the model that is compiled.
        own: tuple of what came by position behind the optimizer.
        options: dict of the keyword arguments.

    Returns:
        dict of the options for Keras.

    Raises:
        ValueError: if there is a loss or a metric, or an option has a value
            that Keras would misread.
        TypeError: if there is no such option.
    """
    name = type(model).__name__
    options = {**options, **dict(zip(_OWN, own, strict=False))}
    for key in _OWN:
        value = options.pop(key, None)
        # An empty list is none; Keras would make a metric of nothing.
        if value:
            raise ValueError(
                f"{name} brings its own loss and metrics: leave `{key}` out "
                f"of `compile`. Received: {key}={value!r}"
            )
    known = inspect.signature(keras.Model.compile).parameters
    known = set(known) - {"self", *_OWN} | {"gradient_accumulation_steps"}
    if len(model.optimizer_groups) > 1:
        known -= {"optimizer"}
        known |= {f"{group}_optimizer" for group in model.optimizer_groups}
    _refuse_unknown(model, "compile", options, known)
    jit_compile = options.get("jit_compile")
    if not (jit_compile is None or jit_compile in (True, False, "auto")):
        raise ValueError(
            '`jit_compile` must be "auto", True or False. '
            f"Received: jit_compile={jit_compile!r}"
        )
    as_int(
        options.get("steps_per_execution", 1), "steps_per_execution", minimum=1
    )
    for key in options.keys() & {"run_eagerly", "auto_scale_loss"}:
        # Of what is saved, the first may be None.
        options[key] = check_flags(**{key: options[key] or False})
    return options


def method_options(model, method, options):
    """Checks what is told to `fit`, `evaluate`, `predict` beside the data.

    Args:
        model: the model whose method is called.
        method: str. The name of a method that Keras has, too.
        options: dict of keyword arguments; others than counts of steps and
            epochs, `verbose` and `return_dict` stay as they are.

    Returns:
        dict of the same names.

    Raises:
        ValueError: if a count is no int, or too small, or a flag none.
        TypeError: if there is no such argument.
    """
    known = set()
    for each in (getattr(keras.Model, method), getattr(model, method)):
        parameters = inspect.signature(each).parameters.values()
        known |= {p.name for p in parameters if p.kind not in _OPEN}
    # So Keras's `fit` calls `evaluate`.
    known |= {"_use_cached_eval_dataset"} & options.keys()
    _refuse_unknown(model, method, options, known - {"self"})
    return {name: _read(name, value) for name, value in options.items()}


def check_rates_are_free(model, callbacks):
    """Refuses callbacks that set a learning rate which a schedule sets.

    Args:
        model: the model that they are called for.
        callbacks: list of callbacks.

    Raises:
        ValueError: that names both, and what to do.
    """
    setters = (
        keras.callbacks.LearningRateScheduler,
        keras.callbacks.ReduceLROnPlateau,
    )
    for callback in callbacks:
        if not isinstance(callback, setters):
            continue
        for group, (optimizer, _) in model.optimizer_groups.items():
            while hasattr(optimizer, "inner_optimizer"):
                optimizer = optimizer.inner_optimizer
            rate = getattr(optimizer, "_learning_rate", None)
            if isinstance(
                rate, keras.optimizers.schedules.LearningRateSchedule
            ):
                raise ValueError(
                    f"{type(callback).__name__} sets the learning rate, but "
                    f"that of the optimizer of the {group} follows its own "
                    f"{type(rate).__name__}. Leave the callback out, or make "
                    "the optimizer with a number: "
                    f"`keras.optimizers.{type(optimizer).__name__}(1e-3)`."
                )


def tell_directions(model, callbacks):
    """Tells callbacks that monitor a metric of a model which way is better.

    Args:
        model: the model that they are called for.
        callbacks: list of callbacks.

    Raises:
        ValueError: if one monitors what the model does not report.
    """
    directions = {
        metric.name: getattr(metric, "_direction", "down")
        for metric in model.metrics
    }
    for callback in callbacks:
        name = str(getattr(callback, "monitor", "")).removeprefix("val_")
        is_open = getattr(callback, "mode", None) == "auto"
        if not is_open:
            continue
        if name not in directions:
            raise ValueError(
                f"{type(callback).__name__} monitors "
                f"`{callback.monitor}`, which {type(model).__name__} does "
                f"not report. It reports: {', '.join(directions)}, and "
                "with validation data each as `val_...`. Of what another "
                "callback reports, say the `mode`."
            )
        callback.mode = "max" if directions[name] == "up" else "min"


def _refuse_unknown(model, method, options, known):
    for key in options.keys() - known:
        near = difflib.get_close_matches(key, known, n=1)
        near = f" Did you mean `{near[0]}`?" if near else ""
        raise TypeError(
            f"`{method}` of {type(model).__name__} has no argument `{key}`."
            f"{near} It has: {', '.join(sorted(known))}."
        )


def _read(name, value):
    """An option of a method, checked where something is known of it."""
    if name in _COUNTS:
        return as_int(value, name, minimum=_COUNTS[name], optional=True)
    if name == "validation_freq":
        return _as_frequency(value)
    if name == "verbose":
        return _as_verbosity(value)
    return check_flags(return_dict=value) if name == "return_dict" else value


def _as_verbosity(verbose):
    """An int from 0 to 2, "auto" or None."""
    if isinstance(verbose, bool):
        return int(verbose)
    if isinstance(verbose, str) and verbose == "auto":
        return verbose
    return as_int(verbose, "verbose", minimum=0, maximum=2, optional=True)


def _as_frequency(frequency):
    """An int, or a list of the epochs after which there is validation."""
    if isinstance(frequency, (int, float, str)) or not np.ndim(frequency):
        return as_int(frequency, "validation_freq", minimum=1)
    return [as_int(n, "validation_freq", minimum=1) for n in frequency]


def as_callbacks(callbacks):
    """Converts to a list of callbacks; None and a `CallbackList` stay.

    Args:
        callbacks: a callback, a list of them, a `CallbackList`, or None.

    Raises:
        ValueError: if one is no callback.
    """
    if callbacks is None or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    callbacks = keras.tree.flatten(callbacks)
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                "`callbacks` must be callbacks, such as "
                '`keras.callbacks.EarlyStopping("val_loss")`. '
                f"Received: {callback!r}"
            )
    return callbacks
