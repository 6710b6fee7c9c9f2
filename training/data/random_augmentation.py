"""RandAugment: a few changes of an image, drawn from a list, of one strength.

Whole batches go through TensorFlow's own operations; each image draws its own
changes.
"""

import math

import tensorflow as tf

from training.data.image_moves import identity_moves
from training.data.image_moves import moved
from training.data.image_moves import rotations
from training.data.image_moves import shears
from training.data.image_moves import shifts

# The largest change, at the magnitude of 10.
_LARGEST_ANGLE = math.radians(30.0)
_LARGEST_SHEAR = 0.3
_LARGEST_SHIFT = 0.45
_LARGEST_ENHANCEMENT = 0.9
_MAX_MAGNITUDE = 10.0

MOVES = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
COLORS = (
    "auto_contrast",
    "brightness",
    "color",
    "contrast",
    "equalize",
    "invert",
    "posterize",
    "sharpness",
    "solarize",
)
OPERATIONS = (*MOVES, *COLORS)


def random_augmentation(
    images,
    seed,
    *,
    num_operations=2,
    magnitude=9.0,
    deviation=0.5,
    operations=OPERATIONS,
):
    """Changes every image of a batch by a few operations drawn for it.

    Args:
        images: `(batch_size, height, width, channels)` float32 in [0, 1].
        seed: int64 pair, for `tf.random.stateless_*`.
        num_operations: int. Operations an image goes through, one after the
            other; the same one may come twice.
        magnitude: float in [0, 10]. Mean strength of the operations.
        deviation: float. Of the strengths that images draw.
        operations: names, of `OPERATIONS`.

    Returns:
        Tensor like `images`, in [0, 1].

    Raises:
        ValueError: if an operation is unknown, or there are none.

    References:
        - [Cubuk et al., 2020](https://arxiv.org/abs/1909.13719)
    """
    check_operations(operations)
    num_images = tf.shape(images)[0]
    for i in range(num_operations):
        choice, strength, sign = _draws(seed, i, num_images, len(operations))
        strength = tf.clip_by_value(
            (magnitude + deviation * strength) / _MAX_MAGNITUDE, 0.0, 1.0
        )
        images = _changed(images, operations, choice, strength, sign)
    return images


def check_operations(operations):
    """Refuses names that are not among `OPERATIONS`, and a lack of any."""
    unknown = [name for name in operations if name not in OPERATIONS]
    if unknown or not operations:
        raise ValueError(
            f"`operations` must be some of {', '.join(OPERATIONS)}. "
            f"Received: {', '.join(unknown) or 'none'}"
        )


def _draws(seed, i, num_images, num_operations):
    """Number of an operation, a normal strength and a sign for each image."""
    seed = tf.random.experimental.stateless_fold_in(seed, i)
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    choice = tf.random.stateless_uniform(
        [num_images], seeds[0], 0, num_operations, tf.int32
    )
    strength = tf.random.stateless_normal([num_images], seeds[1])
    uniform = tf.random.stateless_uniform([num_images], seeds[2])
    return choice, strength, tf.where(uniform < 0.5, -1.0, 1.0)


def _changed(images, operations, choice, strength, sign):
    moves = identity_moves(tf.shape(images)[0])
    result = images
    for number, name in enumerate(operations):
        chosen = choice == number
        if name in MOVES:
            move = _MOVES[name](images, strength * sign)
            moves = tf.where(chosen[:, None, None], move, moves)
        else:
            args = [a[:, None, None, None] for a in (strength, sign)]
            change = _COLORS[name](images, *args)
            result = tf.where(chosen[:, None, None, None], change, result)
    if any(name in MOVES for name in operations):
        result = moved(result, moves)
    return tf.clip_by_value(result, 0.0, 1.0)


def _side(images, axis):
    return tf.cast(tf.shape(images)[axis], tf.float32)


_MOVES = {
    "rotate": lambda _, s: rotations(_LARGEST_ANGLE * s),
    "shear_x": lambda _, s: shears(_LARGEST_SHEAR * s, tf.zeros_like(s)),
    "shear_y": lambda _, s: shears(tf.zeros_like(s), _LARGEST_SHEAR * s),
    "translate_x": lambda images, s: shifts(
        _LARGEST_SHIFT * s * _side(images, 2), tf.zeros_like(s)
    ),
    "translate_y": lambda images, s: shifts(
        tf.zeros_like(s), _LARGEST_SHIFT * s * _side(images, 1)
    ),
}


def _enhanced(images, degenerate, strength, sign):
    """Away from a degenerate image, or towards it."""
    factor = 1.0 + _LARGEST_ENHANCEMENT * strength * sign
    return degenerate + factor * (images - degenerate)


def _grey(images):
    if images.shape[-1] == 3:
        return tf.image.rgb_to_grayscale(images)
    return tf.reduce_mean(images, axis=-1, keepdims=True)


def _brightened(images, strength, sign):
    return _enhanced(images, tf.zeros_like(images), strength, sign)


def _colored(images, strength, sign):
    return _enhanced(images, _grey(images), strength, sign)


def _contrasted(images, strength, sign):
    mean = tf.reduce_mean(_grey(images), axis=(1, 2, 3), keepdims=True)
    return _enhanced(images, mean, strength, sign)


def _sharpened(images, strength, sign):
    # A smoothing kernel, 5 in the middle and 1 around; borders stay.
    channels = images.shape[-1]
    kernel = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32) / 13.0
    kernel = tf.tile(kernel[:, :, None, None], [1, 1, channels, 1])
    inner = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "VALID")
    border = [[0, 0], [1, 1], [1, 1], [0, 0]]
    is_inner = tf.pad(tf.ones_like(inner), border)
    smooth = tf.where(is_inner > 0.0, tf.pad(inner, border), images)
    return _enhanced(images, smooth, strength, sign)


def _auto_contrasted(images, strength, sign):
    low = tf.reduce_min(images, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(images, axis=(1, 2), keepdims=True)
    return tf.where(
        high > low, tf.math.divide_no_nan(images - low, high - low), images
    )


def _equalized(images, strength, sign):
    """Each channel's levels spread evenly: the share of darker pixels."""
    shape = tf.shape(images)
    size = shape[1] * shape[2]
    # (B, H, W, C) to (B * C, H * W)
    flat = tf.reshape(tf.transpose(images, (0, 3, 1, 2)), [-1, size])
    ordered = tf.sort(flat, axis=-1)
    ranks = tf.searchsorted(ordered, flat, side="right")
    darkest = tf.reduce_min(ranks, axis=-1, keepdims=True)
    share = tf.math.divide_no_nan(
        tf.cast(ranks - darkest, tf.float32),
        tf.cast(size - darkest, tf.float32),
    )
    # A channel of one level stays.
    share = tf.where(darkest == size, flat, share)
    back = tf.reshape(share, tf.stack([shape[0], shape[3], shape[1], shape[2]]))
    return tf.ensure_shape(tf.transpose(back, (0, 2, 3, 1)), images.shape)


def _inverted(images, strength, sign):
    return 1.0 - images


def _posterized(images, strength, sign):
    # From 8 bits down to 4.
    bits = 8.0 - tf.round(4.0 * strength)
    levels = tf.floor(255.0 * images * 2.0 ** (bits - 8.0))
    return tf.where(bits < 8.0, levels * 2.0 ** (8.0 - bits) / 255.0, images)


def _solarized(images, strength, sign):
    return tf.where(images > 1.0 - strength, 1.0 - images, images)


_COLORS = {
    "auto_contrast": _auto_contrasted,
    "brightness": _brightened,
    "color": _colored,
    "contrast": _contrasted,
    "equalize": _equalized,
    "invert": _inverted,
    "posterize": _posterized,
    "sharpness": _sharpened,
    "solarize": _solarized,
}
