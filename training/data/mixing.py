"""Examples of a batch mixed with each other, and parts of images erased."""

import tensorflow as tf


def soft_labels(labels, num_classes, smoothing=0.0):
    """The probabilities of the classes of labels.

    Args:
        labels: `(batch_size,)` ints; or floats `(batch_size, num_classes)`,
            already soft.
        num_classes: int.
        smoothing: float in [0, 1). Share that all classes have alike.

    Returns:
        float32 tensor `(batch_size, num_classes)` whose rows sum to 1.
    """
    if not labels.dtype.is_floating:
        labels = tf.one_hot(labels, num_classes)
    return (1.0 - smoothing) * labels + smoothing / num_classes


def mixup(images, labels, seed, *, alpha=0.8):
    """Averages every example with the next one of its batch.

    Args:
        images: `(batch_size, height, width, channels)` float32.
        labels: `(batch_size, num_classes)` soft labels.
        seed: int64 pair, for `tf.random.stateless_*`.
        alpha: float above 0. An example's own weight is drawn from Beta(alpha,
            alpha).

    Returns:
        Images and labels like those given.

    References:
        - [Zhang et al., 2018](https://arxiv.org/abs/1710.09412)
    """
    share = _beta(seed, tf.shape(images)[0], alpha)
    return (
        _between(images, share[:, None, None, None]),
        _between(labels, share[:, None]),
    )


def cutmix(images, labels, seed, *, alpha=1.0):
    """Puts a rectangle of the next example of the batch into every image.

    Labels are mixed by the pixels that there are of each example.

    Args:
        images, labels, seed: as for `mixup`.
        alpha: float above 0. The area that is kept is drawn from Beta(alpha,
            alpha); where the rectangle leaves the image, more is kept.

    Returns:
        Images and labels like those given.

    References:
        - [Yun et al., 2019](https://arxiv.org/abs/1905.04899)
    """
    num_images = tf.shape(images)[0]
    first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    cut = tf.sqrt(1.0 - _beta(first, num_images, alpha))
    middle = tf.random.stateless_uniform([num_images, 2], second)
    inside = _rectangles(images, middle, (cut, cut))
    kept = 1.0 - tf.reduce_mean(tf.cast(inside, tf.float32), axis=(1, 2, 3))
    mixed = tf.where(inside, tf.roll(images, -1, axis=0), images)
    return mixed, _between(labels, kept[:, None])


def mixup_or_cutmix(
    images, labels, seed, *, mixup_alpha, cutmix_alpha, share=1.0
):
    """Mixes examples in one of the two ways, or leaves them as they are.

    Args:
        images, labels, seed: as for `mixup`.
        mixup_alpha: float. As for `mixup`; 0 leaves it out.
        cutmix_alpha: float. As for `cutmix`; 0 leaves it out.
        share: float in [0, 1]. Of the examples that are mixed. Those are mixed
            by either of the two alike, if there are both.

    Returns:
        Images and labels like those given.
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    uniform = tf.random.stateless_uniform([tf.shape(images)[0]], seeds[2])
    kinds = [
        (mix, alpha, of_kind)
        for mix, alpha, of_kind in (
            (mixup, mixup_alpha, seeds[0]),
            (cutmix, cutmix_alpha, seeds[1]),
        )
        if alpha > 0.0
    ]
    mixed_images, mixed_labels = images, labels
    for i, (mix, alpha, of_kind) in enumerate(kinds):
        low, high = (share * (i + j) / len(kinds) for j in (0, 1))
        chosen = (uniform >= low) & (uniform < high)
        some_images, some_labels = mix(images, labels, of_kind, alpha=alpha)
        mixed_images = tf.where(
            chosen[:, None, None, None], some_images, mixed_images
        )
        mixed_labels = tf.where(chosen[:, None], some_labels, mixed_labels)
    return mixed_images, mixed_labels


def random_erasing(
    images, seed, *, share=0.25, area=(0.02, 0.33), aspect=(0.3, 3.3)
):
    """Fills a rectangle of some images with noise.

    Args:
        images: `(batch_size, height, width, channels)` float32 in [0, 1].
        seed: int64 pair, for `tf.random.stateless_*`.
        share: float in [0, 1]. Of the images that lose a rectangle.
        area: pair of floats. Least and largest part of the image, drawn evenly;
            a rectangle that leaves the image covers less.
        aspect: pair of floats. Least and largest height over width, drawn
            evenly by their logarithm.

    Returns:
        Tensor like `images`, in [0, 1].

    References:
        - [Zhong et al., 2020](https://arxiv.org/abs/1708.04896)
    """
    num_images = tf.shape(images)[0]
    first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    draws = tf.random.stateless_uniform([num_images, 5], first)
    part = area[0] + (area[1] - area[0]) * draws[:, 0]
    low, high = (tf.math.log(tf.constant(a, tf.float32)) for a in aspect)
    ratio = tf.exp(low + (high - low) * draws[:, 1])
    # No image has pixels in a rectangle without sides.
    part = tf.where(draws[:, 4] < share, part, 0.0)
    sides = (tf.sqrt(part * ratio), tf.sqrt(part / ratio))
    inside = _rectangles(images, draws[:, 2:4], sides)
    noise = tf.random.stateless_uniform(tf.shape(images), second)
    return tf.where(inside, noise, images)


def _between(x, share):
    """Each row and the next one, by the share of its own."""
    return share * x + (1.0 - share) * tf.roll(x, -1, axis=0)


def _beta(seed, num_rows, alpha):
    """Draws of Beta(alpha, alpha), one for each row."""
    gammas = tf.random.stateless_gamma([num_rows, 2], seed, alpha)
    total = tf.reduce_sum(gammas, axis=-1)
    # Of a tiny alpha both may round to 0.
    return tf.where(total > 0.0, gammas[:, 0] / total, 1.0)


def _rectangles(images, middle, sides):
    """Which pixels lie in a rectangle: `(batch_size, height, width, 1)`.

    Args:
        images: the images.
        middle: `(batch_size, 2)`, down and right, in parts of the sides.
        sides: pair of `(batch_size,)`, heights and widths, likewise.
    """
    # Not stacked: of a stack that is cut apart with a new axis, Grappler (of
    # TensorFlow 2.21) loses the axis.
    down, right = (
        tf.abs(_places(images, axis) - middle[:, axis - 1, None])
        < side[:, None] / 2.0
        for axis, side in ((1, sides[0]), (2, sides[1]))
    )
    return tf.logical_and(down[:, :, None, None], right[:, None, :, None])


def _places(images, axis):
    """Middles of the pixels along an axis: `(1, size)`, in parts of it."""
    size = tf.shape(images)[axis]
    places = tf.range(size, dtype=tf.float32) + 0.5
    return (places / tf.cast(size, tf.float32))[None, :]
