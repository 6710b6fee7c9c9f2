"""Augmentation of batches of labelled images, as one function of a recipe."""

import tensorflow as tf

from training.data.image_moves import moved
from training.data.image_moves import shifts
from training.data.mixing import mixup_or_cutmix
from training.data.mixing import random_erasing
from training.data.mixing import soft_labels
from training.data.random_augmentation import OPERATIONS
from training.data.random_augmentation import check_operations
from training.data.random_augmentation import random_augmentation


def image_augmentation(
    num_labels,
    *,
    flip=False,
    shift=0,
    num_operations=0,
    magnitude=9.0,
    operations=OPERATIONS,
    erasing=0.0,
    mixup=0.0,
    cutmix=0.0,
    mixed=1.0,
    smoothing=0.0,
):
    """Augments images and softens their labels, in this order.

    What an example meets depends on the seed of the batch and its place in it;
    it is another one in every pass.

    Args:
        num_labels: int. Classes.
        flip: bool. Whether half of the images are mirrored.
        shift: int. Most pixels by which images are moved, each way.
        num_operations, magnitude, operations: as for `random_augmentation`.
        erasing: float. The share of `random_erasing`.
        mixup: float. The alpha of `mixup`; 0 leaves it out.
        cutmix: float. The alpha of `cutmix`; 0 leaves it out.
        mixed: float. Share of the examples that are mixed.
        smoothing: float. Of the labels, before they are mixed.

    Returns:
        Function `((x, y), seed_pair) -> (x, y)` for the `augment_batch` of
        `training_batches`; `y` are the probabilities of the classes.

    Raises:
        ValueError: if there are no classes, a share is not in [0, 1], or an
            operation is unknown.
    """
    if num_labels is None:
        raise ValueError(
            "Augmentation that mixes labels needs data with labels. Received: "
            "num_labels=None"
        )
    shares = {"erasing": erasing, "mixed": mixed, "smoothing": smoothing}
    for name, value in shares.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(
                f"`{name}` must be in [0, 1]. Received: {name}={value}"
            )
    for name, value in {"mixup": mixup, "cutmix": cutmix}.items():
        if value < 0.0:
            raise ValueError(
                f"`{name}` is the alpha of a beta distribution, at least 0. "
                f"Received: {name}={value}"
            )
    check_operations(operations)

    def augment(batch, seed):
        images, labels = batch
        seeds = tf.random.experimental.stateless_split(seed, 5)
        if flip:
            images = _flipped(images, seeds[0])
        if shift:
            images = _shifted(images, seeds[1], shift)
        if num_operations:
            images = random_augmentation(
                images,
                seeds[2],
                num_operations=num_operations,
                magnitude=magnitude,
                operations=operations,
            )
        if erasing:
            images = random_erasing(images, seeds[3], share=erasing)
        labels = soft_labels(labels, num_labels, smoothing)
        return mixup_or_cutmix(
            images,
            labels,
            seeds[4],
            mixup_alpha=mixup,
            cutmix_alpha=cutmix,
            share=mixed,
        )

    augment.takes_targets = True
    return augment


def random_flip():
    """Mirrors half of the images of a batch.

    Returns:
        Function `(images, seed_pair) -> images` for the `augment_batch` of
        `training_batches`.
    """
    return _flipped


def _flipped(images, seed):
    uniform = tf.random.stateless_uniform([tf.shape(images)[0]], seed)
    mirrored = tf.reverse(images, axis=[2])
    return tf.where(uniform[:, None, None, None] < 0.5, mirrored, images)


def _shifted(images, seed, most):
    pixels = tf.random.stateless_uniform(
        [2, tf.shape(images)[0]], seed, -most, most + 1, tf.int32
    )
    return moved(images, shifts(*tf.unstack(tf.cast(pixels, tf.float32))))
