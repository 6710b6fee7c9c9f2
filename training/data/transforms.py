"""Maps over the examples of a split: from images to what a model scores.

Each function returns a `transform(examples) -> examples` that keeps order,
size and labels.
"""

import dataclasses
import math

import tensorflow as tf

from training.data.resizing import crop_and_resize


def flatten():
    """Turns images into vectors, in raster order; vectors stay as they are.

    Returns:
        Function from examples with `image` or `x` to examples with `x`,
        `(dim,)`.
    """

    def flatten_one(example):
        image = example["image"]
        rest = {key: v for key, v in example.items() if key != "image"}
        return {"x": tf.reshape(image, [image.shape.num_elements()]), **rest}

    def transform(examples):
        if _pixel_key(examples) == "x":
            return examples
        return examples.map(flatten_one)

    return transform


def resize(size=None):
    """Resizes images to other sides, without aliasing.

    Args:
        size: int, or pair: height and width; None leaves images as they are.

    Returns:
        Function from examples with `image` to examples.
    """

    def resize_one(example):
        sides = size if isinstance(size, (tuple, list)) else (size, size)
        image = tf.image.resize(example["image"], sides, antialias=True)
        return {**example, "image": tf.clip_by_value(image, 0.0, 1.0)}

    def transform(examples):
        return examples if size is None else examples.map(resize_one)

    return transform


def at_least(side):
    """Enlarges small images, by a whole factor.

    Args:
        side: int. Images whose shorter side is as long stay as they are.

    Returns:
        Function from examples with `image` to examples.
    """

    def transform(examples):
        height, width, _ = examples.element_spec["image"].shape
        factor = math.ceil(side / min(height, width))
        size = (factor * height, factor * width) if factor > 1 else None
        return resize(size)(examples)

    return transform


def crop(size):
    """Cuts out the center square of images and resizes it.

    Args:
        size: int. Height and width.

    Returns:
        Function from examples with `image` to examples.
    """

    def crop_one(example):
        return {**example, "image": crop_and_resize(example["image"], size)}

    return lambda examples: examples.map(crop_one)


def quantize(num_levels):
    """Rounds pixels to levels: whole multiples of `1 / (num_levels - 1)`.

    Args:
        num_levels: int.

    Returns:
        Function from examples to examples.
    """
    steps = num_levels - 1.0

    def transform(examples):
        key = _pixel_key(examples)
        return examples.map(
            lambda e: {**e, key: tf.round(e[key] * steps) / steps}
        )

    return transform


def threshold(level=0.5):
    """Turns grey levels into 0 and 1: 1 where the pixel is above `level`.

    Args:
        level: float in [0, 1).

    Returns:
        Function from examples to examples.

    Raises:
        ValueError: if `level` is outside [0, 1).
    """
    if not 0.0 <= level < 1.0:
        raise ValueError(
            "`level` must be in [0, 1), as pixels are: other levels make all "
            f"pixels equal. Received: level={level!r}"
        )

    def transform(examples):
        key = _pixel_key(examples)
        return examples.map(
            lambda example: {
                **example,
                key: tf.cast(example[key] > level, tf.float32),
            }
        )

    return transform


def bernoulli_binarize(seed):
    """Draws every pixel once and for all as Bernoulli(intensity).

    The draw is a function of `seed` and the example's place in the split: the
    same in every epoch, process and machine. So it is a data set, not noise,
    and likelihoods measured on it can be compared.

    Args:
        seed: int.

    Returns:
        Function from examples to examples.
    """

    def binarize(intensity, uniform):
        return tf.cast(uniform < intensity, tf.float32)

    return _with_noise(binarize, seed)


def dequantize(num_levels, seed):
    """Spreads every grey level evenly over an interval of its own.

    Level k of `num_levels` becomes `(k + u) / num_levels`, u drawn once and for
    all from [0, 1) as a function of `seed` and the example's place. The
    log-density of the result, less `log(num_levels)` for every pixel, is on
    average a lower bound on the log-probability of the levels.

    Args:
        num_levels: int. Levels are whole multiples of `1 / (num_levels - 1)`.
        seed: int.

    Returns:
        Function from examples to examples.
    """

    def spread(value, uniform):
        return (tf.round(value * (num_levels - 1.0)) + uniform) / num_levels

    return _with_noise(spread, seed)


def held_out(transform):
    """Applies a transform to the valid and test splits alone.

    Args:
        transform: function from examples to examples.

    Returns:
        Function from a `Dataset` to a `Dataset`.
    """

    def apply(dataset):
        splits = {
            name: split if name == "train" else transform(split)
            for name, split in dataset.splits.items()
        }
        return dataclasses.replace(dataset, splits=splits)

    apply.takes_dataset = True
    return apply


def dynamic_binarization():
    """Draws every pixel anew, as Bernoulli(intensity), in every pass.

    Returns:
        Function `(batch, seed_pair) -> batch` for the `augment_batch` of
        `training_batches`.
    """

    def binarize(batch, seed):
        uniform = tf.random.stateless_uniform(
            tf.shape(batch), seed, alg="philox"
        )
        return tf.cast(uniform < batch, tf.float32)

    return binarize


def _with_noise(function, seed):
    """Maps `function(pixels, uniform)`; the noise depends on the place."""

    def transform(examples):
        key = _pixel_key(examples)

        def change(index, example):
            pixels = example[key]
            uniform = tf.random.stateless_uniform(
                tf.shape(pixels),
                seed=tf.stack([tf.constant(seed, tf.int64), index]),
                alg="philox",
            )
            return {**example, key: function(pixels, uniform)}

        # A zip with a range of known length, unlike `enumerate`, still lets
        # the pipeline look up single examples.
        indices = tf.data.Dataset.range(examples.cardinality())
        return tf.data.Dataset.zip(indices, examples).map(change)

    return transform


def _pixel_key(examples):
    for key in ("image", "x"):
        if key in examples.element_spec:
            return key
    raise ValueError(
        "This transform needs examples with image or x. "
        f"Received examples with: {', '.join(examples.element_spec)}"
    )
