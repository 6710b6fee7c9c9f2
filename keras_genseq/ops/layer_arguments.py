"""Numbers and flags for Keras's own layers, which know Python's alone."""

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import check_flags
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
# Arguments that are either True or False.
_FLAGS = (
    "use_bias",
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
    "unit_forget_bias",
    "reset_after",
)


def for_keras(arguments):
    """Converts the numbers and flags among the arguments of a layer of Keras.

    Args:
        arguments: dict of name to value: sizes, each an int or one for each
            axis, a seed, flags, and rates that are called `...dropout`;
            others, and sizes that are None or a word, stay as they are.

    Returns:
        dict of the same names.

    Raises:
        ValueError: that names the argument that is no such number or flag.
    """
    converted = dict(check_rates(arguments))
    for name, value in arguments.items():
        if name in _INTS:
            converted[name] = _as_size(value, name)
        elif name in _FLAGS:
            converted[name] = check_flags(**{name: value})
    return converted


def _as_size(value, name):
    # The padding of a convolution is a word.
    if value is None or (name == "padding" and isinstance(value, str)):
        return value
    if isinstance(value, (list, tuple)) or len(getattr(value, "shape", ())):
        return tuple(_as_size(each, name) for each in value)
    return as_int(value, name)
