"""Masks of attention: those that are given, those that tensors carry."""

from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.ops.attention_axes import fold_axes
from keras_genseq.ops.attention_axes import fold_mask
from keras_genseq.ops.values import ensure


class Masks(NamedTuple):
    """What a query may see, True where it may; None hides nothing.

    Args:
        query: `(batch_size, queries)` booleans.
        key: `(batch_size, keys)` booleans.
        attention: booleans that broadcast to `(batch_size, num_heads, queries,
            keys)`.
    """

    query: Any = None
    key: Any = None
    attention: Any = None

    def joined(self):
        """Booleans that broadcast to the weights of attention, or None."""
        parts = [
            None if self.query is None else self.query[:, None, :, None],
            None if self.key is None else self.key[:, None, None, :],
            self.attention,
        ]
        return both(both(*parts[:2]), parts[2])


def implicit_mask(x):
    """The mask that a tensor carries by Keras's protocol, or None.

    Args:
        x: tensor, as `Embedding(..., mask_zero=True)` returns it.
    """
    return getattr(x, "_keras_mask", None)


def set_implicit_mask(x, mask):
    """Lets a tensor carry a mask on to the next layer; None changes nothing."""
    if mask is not None:
        x._keras_mask = mask


def both(one, other):
    """True where two masks are; None hides nothing."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def mask_of_positions(mask, x, axes, name):
    """A mask of positions, as that of folded inputs; see `fold_axes`.

    Args:
        mask: booleans with one value per position of `x`, or None.
        x: `(batch_size, ..., features)` tensor.
        axes: what `as_attention_axes` returned.
        name: str. What error messages call it.

    Returns:
        `(rows, time)` booleans, or None.

    Raises:
        ValueError: if the shapes do not fit, or floats are neither 0 nor 1.
    """
    if mask is None:
        return None
    mask = _as_booleans(mask, name)
    _check_shape(mask.shape, x.shape[:-1], name)
    if len(x.shape) == 3:
        return mask
    return fold_axes(mask[..., None], axes)[..., 0]


def mask_of_keys(value, key, value_mask, key_mask, padding_mask, axes):
    """Which keys count, of all that is said about them.

    Args:
        value: `(batch_size, ..., features)` tensor.
        key: the same, or None.
        value_mask, key_mask: booleans, one per position; None takes what the
            tensor carries.
        padding_mask: booleans in place of what the tensors carry, or None.
        axes: what `as_attention_axes` returned.

    Returns:
        `(rows, time)` booleans, or None.

    Raises:
        ValueError: if the shapes do not fit, or floats are neither 0 nor 1.
    """
    found = mask_of_positions(padding_mask, value, axes, "padding_mask")
    for x, mask, name in (
        (value, value_mask, "value_mask"),
        (key, key_mask, "key_mask"),
    ):
        # Keras hands over as an argument what the tensor carries, too.
        carried = implicit_mask(x)
        given = None if mask is carried else mask
        if given is None and padding_mask is None:
            given = carried
        found = both(found, mask_of_positions(given, value, axes, name))
    return found


def mask_of_weights(mask, shape, num_axes):
    """A mask of weights, as that of folded inputs; see `fold_mask`.

    Args:
        mask: booleans that broadcast to `shape`, but for the axis of the heads
            and those before it, which may be left out from the last; or None.
        shape: shape of the weights, as `scores_shape` returns it.
        num_axes: int. Number of attended axes.

    Returns:
        Booleans that broadcast to `(rows, heads, queries, keys)`, or None.

    Raises:
        ValueError: if the shapes do not fit, or floats are neither 0 nor 1.
    """
    if mask is None:
        return None
    mask = _as_booleans(mask, "attention_mask")
    rank, least = len(mask.shape), 2 * num_axes
    if not least <= rank <= len(shape):
        raise ValueError(
            f"`attention_mask` must have {least} to {len(shape)} axes here, "
            f"queries and keys last. Received: shape={tuple(mask.shape)}"
        )
    lead, last = mask.shape[:-least], mask.shape[-least:]
    ones = (1,) * (len(shape) - rank)
    _check_shape((*lead, *ones, *last), shape, "attention_mask")
    return fold_mask(mask, shape, num_axes)


def _as_booleans(mask, name):
    """As Keras reads a mask, but for one that is to be added to scores."""
    if isinstance(mask, keras.KerasTensor):
        return ops.cast(mask, "bool")
    mask = tf.convert_to_tensor(mask)
    if mask.dtype.is_floating:
        mask = ensure(
            mask,
            tf.reduce_all((mask == 0.0) | (mask == 1.0)),
            f"`{name}` must be booleans, or floats 0 and 1, true where a "
            "position counts. Received at least one other value. Of a mask "
            "that is to be added to scores, pass `mask == 0`.",
        )
    return tf.cast(mask, tf.bool)


def _check_shape(shape, expected, name):
    """Refuses a mask of another shape, as far as shapes are known."""
    shape = tuple(shape)
    # Dimensions that a graph does not know are tensors, or None.
    expected = tuple(n if isinstance(n, int) else None for n in expected)
    fits = len(shape) == len(expected) and all(
        None in (a, b) or a in (1, b)
        for a, b in zip(shape, expected, strict=True)
    )
    if not fits:
        raise ValueError(
            f"`{name}` must be booleans of shape {expected}, True where a "
            f"position counts. Received: shape={shape}"
        )
