"""What `compile` and `fit` are told beside the data."""

import inspect

import keras
import numpy as np

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import check_flags

# What `compile` takes in Keras and has no meaning where a model brings its own.
_OWN = ("loss", "loss_weights", "metrics", "weighted_metrics")
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
    for key in options.keys() - known:
        raise TypeError(
            f"`compile` of {name} has no argument `{key}`. It has: "
            f"{', '.join(sorted(known))}."
        )
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


def fit_options(options):
    """Checks what counts steps or epochs for `fit`, `evaluate`, `predict`.

    Args:
        options: dict of keyword arguments; others than counts stay as they are.

    Returns:
        dict of the same names.

    Raises:
        ValueError: if one is no int, or too small.
    """
    if "validation_freq" in options:
        frequency = options["validation_freq"]
        options = {**options, "validation_freq": _as_frequency(frequency)}
    return {
        name: as_int(value, name, minimum=_COUNTS[name], optional=True)
        if name in _COUNTS
        else value
        for name, value in options.items()
    }


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
