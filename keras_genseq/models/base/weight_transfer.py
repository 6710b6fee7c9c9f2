"""Weights of one model in another that differs from it in part."""

import collections
import re

import keras


def transfer_weights(model, other):
    """Sets the weights of a model that another one has, by name and shape.

    Counters and the states of optimizers are not touched. A weight of another
    shape is taken where the model's `fitted_weight` makes it fit.

    Args:
        model: built `BaseModel`.
        other: built Keras model.

    Returns:
        Number of weights taken, and a list of sentences on those that were
        not, or not as they were.

    Raises:
        ValueError: if no weight fits.
    """
    theirs, ours = _by_name(other), _by_name(model)
    taken, remarks = 0, []
    for name, variable in ours.items():
        found = theirs.pop(name, None)
        if found is None:
            remarks.append(f"{name} is new")
            continue
        value = found
        if tuple(found.shape) != tuple(variable.shape):
            value = model.fitted_weight(variable, other)
            how = "" if value is None else ", and was made to fit"
            remarks.append(
                f"{name} is {tuple(variable.shape)}, was "
                f"{tuple(found.shape)}{how}"
            )
        if value is not None:
            variable.assign(value)
            taken += 1
    remarks += [f"{name} is left behind" for name in theirs]
    if not taken:
        raise ValueError(
            f"No weight of {other.name} fits {model.name}: "
            f"{'; '.join(remarks)}."
        )
    return taken, remarks


def _by_name(model):
    """dict: name -> weight, without the numbers that Keras counts layers by."""
    counts, found = collections.Counter(), {}
    for weight in model.weights:
        if not keras.backend.is_float_dtype(weight.dtype):
            continue
        name = re.sub(r"_\d+(?=/|$)", "", weight.path)
        counts[name] += 1
        number = f" ({counts[name]})" if counts[name] > 1 else ""
        found[name + number] = weight
    return found
