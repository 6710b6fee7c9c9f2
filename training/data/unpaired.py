"""Two domains side by side, as a translator without pairs trains on them."""

import dataclasses

import tensorflow as tf

from training.data.image_moves import moved
from training.data.sequences import of_dataset


def unpaired():
    """Sets an image of domain B beside each of domain A, whichever it is.

    A split has as many examples as its larger domain; of the smaller one,
    images come again. Each image is seen in an order of its own in every pass,
    and what stands beside it plays no part in what is learned.

    Returns:
        Function from a `Dataset` of kind `"domains"` to one of `"images"`
        whose examples have `y`, the image of B, beside `image` and, where
        there are labels, `label`.

    Raises:
        ValueError: if the data are not two domains.
    """

    def transform(dataset):
        if dataset.kind != "domains":
            raise ValueError(
                "This recipe translates between two domains: give them as "
                "`--data domains:DIR_A,DIR_B`. Received: "
                f"{dataset.name!r}, of kind {dataset.kind!r}"
            )
        return dataclasses.replace(
            dataset,
            kind="images",
            element_shape=dataset.element_shape["a"],
            splits={
                name: _side_by_side(both["a"], both["b"])
                for name, both in dataset.splits.items()
            },
        )

    return of_dataset(transform)


def _side_by_side(a, b):
    count = max(int(part.cardinality()) for part in (a, b))
    both = tf.data.Dataset.zip(*(part.repeat().take(count) for part in (a, b)))
    return both.map(lambda one, other: {**one, "y": other["image"]})


def domain_augmentation(flip=False, zoom=1.0):
    """Augments images of two domains, each by its own chance.

    Args:
        flip: bool. Whether half of the images are mirrored.
        zoom: float, at least 1. Images are enlarged so much, and cut to their
            size at a random place. The paper enlarges from 256 to 286.

    Returns:
        Function `((x, y), seed_pair) -> (x, y)` for the `augment_batch` of
        `training_batches`.

    Raises:
        ValueError: if `zoom` is below 1.
    """
    if zoom < 1.0:
        raise ValueError(
            f"`zoom` must be at least 1: it enlarges. Received: zoom={zoom}"
        )

    def augment(batch, seed):
        seeds = tf.random.experimental.stateless_split(seed, len(batch))
        return tuple(
            _augmented(images, own)
            for images, own in zip(batch, tf.unstack(seeds), strict=True)
        )

    def _augmented(images, seed):
        uniforms = tf.random.stateless_uniform([3, tf.shape(images)[0]], seed)
        sides = tf.cast(tf.shape(images)[1:3], tf.float32)[:, None]
        scale = tf.ones_like(uniforms[0]) / zoom
        # What is left over on both sides of what is cut out.
        room = (sides - 1.0) * (1.0 - 1.0 / zoom)
        down, right = tf.unstack((uniforms[:2] - 0.5) * room)
        mirror = tf.ones_like(scale)
        if flip:
            mirror = tf.where(uniforms[2] < 0.5, -1.0, 1.0)
        zero = tf.zeros_like(scale)
        across = tf.stack([mirror * scale, zero, right], axis=-1)
        along = tf.stack([zero, scale, down], axis=-1)
        return moved(images, tf.stack([across, along], axis=1))

    augment.takes_targets = True
    return augment
