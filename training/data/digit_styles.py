"""The digits of scikit-learn in two styles, for translators without pairs."""

import numpy as np
import scipy.ndimage

from training.data.arrays import image_examples
from training.data.dataset import SPLITS
from training.data.digits import load_digits

SIDE = 16
# Colors of what is drawn on, and of what is drawn, in [0, 1].
_BOARD, _CHALK = (0.10, 0.27, 0.20), (0.97, 0.97, 0.92)
_NIGHT, _NEON = (0.05, 0.04, 0.20), (1.00, 0.45, 0.25)
# Pixels by which strokes become thinner, or broader, and one.
_TOOL = (1, 2, 2)


def digit_styles(size):
    """Digits in thin chalk on a board, and others in broad neon at night.

    Needs no file and no network. Strokes are the light in both: where they
    were the dark of one domain, a translator drew other digits.

    Args:
        size: int, or None. Side of the images, by default 16.

    Returns:
        dict of `"a"` (chalk) and `"b"` (neon) to splits of examples with
        labels, and a sentence. No digit is in both.
    """
    source = load_digits(size or SIDE)
    splits = {"a": {}, "b": {}}
    for split in SPLITS:
        rows = list(source.splits[split].as_numpy_iterator())
        strokes = np.stack([row["image"][..., 0] for row in rows])
        labels = np.array([row["label"] for row in rows])
        for name, draw, mine in (
            ("a", chalk, slice(0, None, 2)),
            ("b", neon, slice(1, None, 2)),
        ):
            images = draw(strokes[mine])
            splits[name][split] = image_examples(images, labels[mine])
    sizes = " / ".join(
        str(int(splits["a"][split].cardinality())) for split in SPLITS
    )
    return splits, (
        f"{sizes} digits of {source.element_shape[0]}x"
        f"{source.element_shape[1]} in thin chalk on a green board, and other "
        "ones, as many but for one, in broad neon at night, from the UCI set "
        "inside scikit-learn."
    )


def chalk(strokes):
    """Thin strokes, nearly white on green.

    Args:
        strokes: `(num_images, height, width)` floats, 1 where a stroke is and
            0 where none is.

    Returns:
        float32 `(num_images, height, width, 3)` in [0, 1].
    """
    return _colored(scipy.ndimage.grey_erosion(strokes, _TOOL), _BOARD, _CHALK)


def neon(strokes):
    """Broad strokes in red light on a dark blue; as `chalk`."""
    return _colored(scipy.ndimage.grey_dilation(strokes, _TOOL), _NIGHT, _NEON)


def _colored(strokes, ground, color):
    ground, color = np.array(ground), np.array(color)
    shares = strokes[..., None]
    return ((1.0 - shares) * ground + shares * color).astype("float32")
