"""Numbers for Keras's own layers, which know those of Python alone."""

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import check_rates

# Arguments of Keras's layers that are ints. How small they may be Keras says.
_INTS = (
    "units",
    "filters",
    "kernel_size",
    "strides",
    "dilation_rate",
    "groups",
    "padding",
    "output_padding",
    "seed",
    "implementation",
)


def for_keras(arguments):
    """Converts the numbers among the arguments of a layer of Keras.

    Args:
        arguments: dict of name to value: sizes, each an int or one for each
            axis, a seed, and rates that are called `...dropout`; others, and
            what is None or a word, stay as they are.

    Returns:
        dict of the same names.

    Raises:
        ValueError: that names the argument that is no such number.
    """
    return {
        name: _as_size(value, name) if name in _INTS else value
        for name, value in check_rates(arguments).items()
    }


def _as_size(value, name):
    # The padding of a convolution is a word.
    if value is None or (name == "padding" and isinstance(value, str)):
        return value
    if isinstance(value, (list, tuple)) or len(getattr(value, "shape", ())):
        return tuple(_as_size(each, name) for each in value)
    return as_int(value, name)
