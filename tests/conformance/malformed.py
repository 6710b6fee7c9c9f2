"""Requests of the wrong shape, size or range, made from what is declared."""

import numpy as np
import tensorflow as tf

from keras_genseq.models.base.endpoint import MAX_STEPS

_WRONG_SHAPE = "must have shape (batch_size"


def malformed_requests(endpoint):
    """What a server must refuse, input by input.

    Args:
        endpoint: `Endpoint`.

    Returns:
        list of (what is wrong, request, words of the error).
    """
    inputs = {n: each for n, each in endpoint.inputs.items() if each.served}
    good = {name: each.example_row() for name, each in inputs.items()}
    # What is hidden may hold anything.
    if "mask" in good:
        good["mask"] = np.ones_like(good["mask"])
    leading = next(iter(inputs))
    nothing = {name: value[:0] for name, value in good.items()}
    requests = [("no rows", nothing, "no rows")]
    for name, each in inputs.items():
        bad = [
            *_other_shapes(good[name], each.spec),
            *_other_values(good[name], each),
        ]
        if len(inputs) > 1:
            two = np.repeat(good[name], 2, axis=0)
            words = f"row of `{leading}`."
            bad += [("two rows", two, words)]
            words = "no rows" if name == leading else words
            bad += [("no row", good[name][:0], words)]
        requests += [
            (f"{name}: {what}", {**good, name: value}, words)
            for what, value, words in bad
        ]
    return requests


def _other_shapes(value, spec):
    yield "one rank more", value[..., None], _WRONG_SHAPE
    yield "one rank less", value[0], _WRONG_SHAPE
    for axis, size in enumerate(spec.shape):
        if size is not None:
            wider = np.concatenate([value, value.take([0], axis)], axis)
            yield f"axis {axis} wider", wider, _WRONG_SHAPE
            narrower = value.take(range(size - 1), axis)
            yield f"axis {axis} narrower", narrower, _WRONG_SHAPE
        elif axis:
            longer = value.take([0], axis).repeat(MAX_STEPS + 1, axis)
            yield f"axis {axis} too long", longer, f"at most {MAX_STEPS} steps"


def _other_values(value, each):
    dtype = each.spec.dtype
    if dtype.is_floating:
        for number in (np.nan, np.inf, -np.inf):
            spoiled = value.copy()
            spoiled.flat[-1] = number
            yield f"{number}", spoiled, "NaN"
    if dtype == tf.string:
        long = np.array([value[0][:1] * (MAX_STEPS + 1)], object)
        yield "too long", long, f"at most {MAX_STEPS} steps"
        yield "no UTF-8", np.array([b"a\xff"], object), "must be UTF-8"
    if each.check is not None and each.maximum is not None:
        words = f"from {each.minimum} to {each.maximum}"
        yield "too small", np.full_like(value, each.minimum - 1), words
        yield "too large", np.full_like(value, each.maximum + 1), words
        return
    if each.minimum is not None:
        low = np.full_like(value, each.minimum - 1)
        yield "too small", low, f"at least {each.minimum}"
    largest = each.maximum
    if each.is_size and not (largest and largest < MAX_STEPS):
        largest = MAX_STEPS
    if largest is not None:
        high = np.full_like(value, largest + 1)
        yield "too large", high, f"at most {largest}"
