import numpy as np
from scipy import ndimage

_PATCH = 7
_LEAST_SIDE = 16
_FILTER = np.outer(*[np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0] * 2)


class PatchDescriptors:
    """Random patches of images at several scales, for their distance.

    Each image is split into a Laplacian pyramid: what its halved version lacks
    at every scale, and what is left of it at the smallest, of at least 16
    pixels a side. Of every level come patches of 7x7 pixels. Any number of
    channels will do.

    Args:
        image_shape: (height, width, channels). Sides of at least 7 pixels; only
            even ones are halved.
        num_patches: int. Of each level of an image.
        seed: int. Of their positions.

    Raises:
        ValueError: if a side is shorter than a patch.

    References:
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196), section 5
    """

    def __init__(self, image_shape, num_patches=128, seed=0):
        if min(image_shape[:2]) < _PATCH:
            raise ValueError(
                f"Sides must have at least {_PATCH} pixels, those of a patch. "
                f"Received: image_shape={tuple(image_shape)}"
            )
        self.image_shape = tuple(image_shape)
        self.num_patches = num_patches
        self._rng = np.random.default_rng(seed)
        self._levels = [[] for _ in level_sizes(image_shape)]

    def update(self, images):
        """Adds images.

        Args:
            images: `(batch_size, height, width, channels)` array.

        Returns:
            This object.

        Raises:
            ValueError: if they have another shape.
        """
        images = np.asarray(images, "float32")
        if images.shape[1:] != self.image_shape:
            raise ValueError(
                f"`images` must have shape (batch_size, *{self.image_shape}). "
                f"Received: shape={images.shape}"
            )
        for kept, level in zip(
            self._levels, laplacian_pyramid(images), strict=True
        ):
            kept.append(self._patches(level))
        return self

    @property
    def levels(self):
        """list: per level a `(num_descriptors, 7 * 7 * channels)` array.

        Each channel of a level has mean 0 and deviation 1 over all patches.
        """
        return [_normalized(np.concatenate(kept)) for kept in self._levels]

    def _patches(self, images):
        count, height, width, _ = images.shape
        shape = (count, self.num_patches, 1, 1)
        rows = self._rng.integers(height - _PATCH + 1, size=shape)
        columns = self._rng.integers(width - _PATCH + 1, size=shape)
        offsets = np.arange(_PATCH)
        patches = images[
            np.arange(count)[:, None, None, None],
            rows + offsets[:, None],
            columns + offsets,
        ]
        return patches.reshape(-1, *patches.shape[2:])


def sliced_wasserstein_distances(a, b, num_directions=512, seed=0):
    """How far apart two sets of patches lie, level by level.

    Along a random direction the distance of two sets is the mean gap between
    their sorted projections; the mean over directions is that of the sets. The
    papers print a thousand times as much.

    Args:
        a: `PatchDescriptors` of one set of images.
        b: of the other, of as many images of the same shape.
        num_directions: int.
        seed: int. Of the directions.

    Returns:
        Pair of `(num_levels,)` arrays, the largest scale first: distances, and
        their standard errors over directions.

    Raises:
        ValueError: if the sets differ in size or shape.

    References:
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196), section 5
    """
    rng = np.random.default_rng(seed)
    means, errors = [], []
    for x, y in zip(a.levels, b.levels, strict=True):
        if x.shape != y.shape:
            raise ValueError(
                "Both sets must have as many patches of one size. "
                f"Received: {x.shape} and {y.shape}"
            )
        directions = rng.normal(size=(x.shape[1], num_directions))
        directions /= np.linalg.norm(directions, axis=0)
        gaps = np.array(
            [
                np.abs(np.sort(x @ d) - np.sort(y @ d)).mean()
                for d in directions.T.astype("float32")
            ]
        )
        means.append(gaps.mean())
        errors.append(gaps.std() / np.sqrt(num_directions))
    return np.array(means), np.array(errors)


def level_sizes(image_shape):
    """Sides of the levels of a pyramid: list of (height, width)."""
    sizes = [tuple(image_shape[:2])]
    while min(sizes[-1]) >= 2 * _LEAST_SIDE and not any(
        side % 2 for side in sizes[-1]
    ):
        sizes.append(tuple(side // 2 for side in sizes[-1]))
    return sizes


def laplacian_pyramid(images):
    """What each scale adds to the next smaller one; the smallest is last.

    Args:
        images: `(num_images, height, width, channels)` array.

    Returns:
        list of arrays, the sides halved from one to the next.
    """
    levels = [np.asarray(images, "float32")]
    for _ in level_sizes(images.shape[1:])[1:]:
        smaller = _blurred(levels[-1])[:, ::2, ::2]
        levels[-1] = levels[-1] - _enlarged(smaller)
        levels.append(smaller)
    return levels


def collapsed_pyramid(levels):
    """The images of a pyramid: the inverse of `laplacian_pyramid`."""
    *larger, images = levels
    for level in larger[::-1]:
        images = level + _enlarged(images)
    return images


def _blurred(images, gain=1.0):
    kernel = gain * _FILTER[None, :, :, None]
    return ndimage.convolve(images, kernel, mode="mirror")


def _enlarged(images):
    count, height, width, channels = images.shape
    spread = np.zeros((count, 2 * height, 2 * width, channels), "float32")
    spread[:, ::2, ::2] = images
    return _blurred(spread, gain=4.0)


def _normalized(patches):
    mean = patches.mean((0, 1, 2), dtype="float64")
    deviation = patches.std((0, 1, 2), dtype="float64")
    normalized = (patches - mean) / np.maximum(deviation, 1e-12)
    return normalized.reshape(len(patches), -1).astype("float32")
