"""A served model whose matrices are kept in 16 bits or in int8.

The variables of the SavedModel are small; a request makes float32 matrices of
those that its signature reads, once, however many steps it then takes.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

# Of a matrix with fewer numbers there is little to save.
_LEAST_SIZE = 1024
_LARGEST_INT8 = 127
_LARGEST_FLOAT16 = float(np.finfo("float16").max)


class Float16Matrix:
    """A matrix in 16 bits: 11 significant ones of each number.

    Args:
        array: float32 array.
        name: str. For the error.

    Raises:
        ValueError: if a number is too large for 16 bits.
    """

    def __init__(self, array, name):
        largest = np.abs(array).max()
        if not largest <= _LARGEST_FLOAT16:
            raise ValueError(
                f"A number of 16 bits is at most {_LARGEST_FLOAT16:.0f}, and "
                f"the weights {name!r} have {largest:.3g}. Export with "
                '`weights="int8"`, or with "float32".'
            )
        self._halves = tf.Variable(array.astype("float16"), trainable=False)

    def value(self):
        """The float32 tensor that stands for the matrix."""
        return tf.cast(self._halves, tf.float32)


class Int8Matrix:
    """A matrix of integers from -127 to 127, with a scale for each channel.

    The channels are those of the first axis (rows of an embedding) or of the
    last one (outputs of a dense layer), whichever comes nearer to the matrix.

    Args:
        array: float32 array of at least two axes.
        name: str. Not used.
    """

    def __init__(self, array, name):
        tries = [_quantized(array, axis) for axis in (0, array.ndim - 1)]
        integers, scale = min(
            tries, key=lambda t: np.sum((t[0] * t[1] - array) ** 2)
        )
        self._integers = tf.Variable(integers.astype("int8"), trainable=False)
        self._scale = tf.Variable(scale, trainable=False)

    def value(self):
        """The float32 tensor that stands for the matrix."""
        return tf.cast(self._integers, tf.float32) * self._scale


KINDS = {"float16": Float16Matrix, "int8": Int8Matrix}


def with_small_weights(model, signatures, kind):
    """Signatures that read small matrices in place of a model's own.

    Args:
        model: a built Keras model.
        signatures: dict of name to `Signature`.
        kind: `"float16"` or `"int8"`.

    Returns:
        dict of name to `Signature`; what was one signature under two names
        still is.

    Raises:
        ValueError: if `kind` is no such kind, or the model has no matrix that
            would be smaller.
    """
    matrices = {
        id(variable): matrix for variable, matrix in _matrices(model, kind)
    }
    changed = {}
    for signature in signatures.values():
        if id(signature) not in changed:
            changed[id(signature)] = dataclasses.replace(
                signature, function=_reading(signature.function, matrices)
            )
    return {name: changed[id(each)] for name, each in signatures.items()}


def round_weights(model, kind):
    """Gives a model, in float32, the weights that it is served with.

    Args:
        model: a built Keras model.
        kind: `"float16"` or `"int8"`.
    """
    for variable, matrix in _matrices(model, kind):
        variable.assign(matrix.value())


def _matrices(model, kind):
    """Pairs of a variable and its small matrix."""
    if kind not in KINDS:
        raise ValueError(
            '`weights` must be "float32", '
            f"{' or '.join(map(repr, KINDS))}. Received: weights={kind!r}"
        )
    # What no training moves may be counts, or a state.
    large = [
        variable
        for variable in model.trainable_variables
        if variable.ndim >= 2
        and variable.dtype == "float32"
        and np.prod(variable.shape) >= _LEAST_SIZE
    ]
    if not large:
        raise ValueError(
            f"{type(model).__name__} has no trainable matrix of {_LEAST_SIZE} "
            f'numbers or more to keep in {kind}: export it in "float32".'
        )
    make = KINDS[kind]
    return [(each, make(each.numpy(), each.path)) for each in large]


def _quantized(array, axis):
    """Integers and scales, one scale for each index of an axis."""
    others = tuple(i for i in range(array.ndim) if i != axis)
    largest = np.abs(array).max(axis=others, keepdims=True)
    scale = np.where(largest > 0.0, largest / _LARGEST_INT8, 1.0)
    scale = scale.astype("float32")
    return np.rint(array / scale), scale


def _reading(function, matrices):
    """A function of the same tensors that reads small matrices."""

    def serve(**tensors):
        with _SmallWeights(matrices):
            return function(**tensors)

    return serve


class _SmallWeights(keras.StatelessScope):
    """Where Keras reads small matrices in place of some variables.

    Args:
        matrices: dict of the id of a variable to its matrix.
    """

    def __init__(self, matrices):
        super().__init__()
        self._small = matrices
        self._graph = tf.compat.v1.get_default_graph()

    def get_current_value(self, variable):
        value = super().get_current_value(variable)
        if value is None and id(variable) in self._small:
            # In front of all loops: once for a request, not once for a step.
            with self._graph.as_default(), tf.control_dependencies(None):
                value = self._small[id(variable)].value()
            self.state_mapping[id(variable)] = value
        return value
