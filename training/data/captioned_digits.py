"""Scenes of handwritten digits, and what they show in words."""

import collections
import functools
from typing import NamedTuple

import numpy as np
import scipy.ndimage
import tensorflow as tf

from training.data.arrays import image_examples
from training.data.dataset import Dataset
from training.data.digits import load_digits

NAME = "captioned_digits"
SIDE = 32
DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
# Number, size and how wide a digit is, in pixels.
FORMS = (("one", "small", 8), ("one", "large", 16), ("two", "small", 8))
# Where the box of a scene begins, as parts of the room that it leaves.
PLACES = {
    "at the top left": (0.0, 0.0),
    "at the top right": (0.0, 1.0),
    "in the center": (0.5, 0.5),
    "at the bottom left": (1.0, 0.0),
    "at the bottom right": (1.0, 1.0),
}
ATTRIBUTES = {
    "digit": DIGITS,
    "form": tuple(f"{number} {size}" for number, size, _ in FORMS),
    "place": tuple(PLACES),
}
NUM_SCENES = len(DIGITS) * len(FORMS) * len(PLACES)
# How many scenes are made of one digit of a split.
_REPEATS = {"train": 6, "valid": 2, "test": 2}
_JITTER = 1
_SEED = 0


class Scene(NamedTuple):
    """What an image shows, by place in `DIGITS`, `FORMS` and `PLACES`.

    Attributes:
        digit: int, 0 to 9.
        form: int. Number and size.
        place: int.
    """

    digit: int
    form: int
    place: int

    @classmethod
    def of(cls, label):
        """The scene of a class number, 0 to `NUM_SCENES - 1`."""
        rest, place = divmod(int(label), len(PLACES))
        return cls(*divmod(rest, len(FORMS)), place)

    @property
    def label(self):
        """int: its class number."""
        return (self.digit * len(FORMS) + self.form) * len(PLACES) + self.place

    @property
    def captions(self):
        """tuple of str: the same in two wordings."""
        number, size, _ = FORMS[self.form]
        noun = DIGITS[self.digit]
        place = list(PLACES)[self.place]
        if number != "one":
            noun += "es" if noun.endswith("x") else "s"
        article = "a" if number == "one" else number
        return (
            f"{article} {size} {noun} {place}",
            f"{place}: {number} {size} {noun}",
        )

    @property
    def is_held_out(self):
        """bool: whether no image of the training data shows it.

        One scene in ten; each digit, form and place is seen in others.
        """
        return (self.digit + 3 * self.form + 2 * self.place) % 10 == 0


@functools.cache
def load_captioned_digits():
    """Draws scenes of scikit-learn's digits; needs no file and no network.

    They are drawn once in a process.

    One digit, small or large, or two small ones of a class side by side, in
    one of five places of a 32x32 image: 150 scenes, the classes. Of these 15
    are left out, for tests of words that never came together:
    `Scene.of(label).is_held_out`.

    Returns:
        `Dataset` of kind `"captions"`, 7,782 / 500 / 500, no digit in two
        splits; the class names are the first captions.
    """
    source = load_digits()
    splits = {
        split: _captioned(*_scenes(source.splits[split], repeats, split))
        for split, repeats in _REPEATS.items()
    }
    scenes = [Scene.of(label) for label in range(NUM_SCENES)]
    return Dataset(
        name=NAME,
        kind="captions",
        splits=splits,
        num_classes=NUM_SCENES,
        element_shape=(SIDE, SIDE, 1),
        description=(
            "7,782 / 500 / 500 scenes of 32x32 made of scikit-learn's digits: "
            "class, number, size and place in two captions each; 15 of the 150 "
            "combinations are left out."
        ),
        class_names=tuple(scene.captions[0] for scene in scenes),
    )


def load_digit_scenes(attribute):
    """Scenes of all 150 combinations, with one attribute as their label.

    For the classifiers that judge what was made of captions.

    Args:
        attribute: `"digit"`, `"form"` or `"place"`.

    Returns:
        `Dataset` of kind `"images"`, 7,782 / 500 / 500.

    Raises:
        ValueError: if there is no such attribute.
    """
    if attribute not in ATTRIBUTES:
        raise ValueError(
            f"Scenes have the attributes {', '.join(ATTRIBUTES)}. Received: "
            f"{attribute!r}"
        )
    source, splits = load_digits(), {}
    for split, repeats in _REPEATS.items():
        images, labels = _scenes(source.splits[split], repeats, split, True)
        values = [getattr(Scene.of(label), attribute) for label in labels]
        splits[split] = image_examples(images, np.array(values))
    names = ATTRIBUTES[attribute]
    return Dataset(
        name=f"{NAME}:{attribute}",
        kind="images",
        splits=splits,
        num_classes=len(names),
        element_shape=(SIDE, SIDE, 1),
        description=(
            f"Scenes of 32x32 made of scikit-learn's digits, by {attribute}."
        ),
        class_names=names,
    )


def draw_scene(scene, digits, offsets):
    """One image.

    Args:
        scene: `Scene`.
        digits: float32 `(2, 8, 8)` in [0, 1], of the scene's class.
        offsets: ints `(2,)`: rows and columns that the scene is moved by, as
            far as there is room.

    Returns:
        float32 `(32, 32, 1)`.
    """
    number, _, side = FORMS[scene.form]
    scale = side // 8
    drawn = digits[: 2 if number == "two" else 1]
    box = np.concatenate(
        [
            scipy.ndimage.zoom(
                d, scale, order=1, grid_mode=True, mode="nearest"
            )
            for d in drawn
        ],
        axis=1,
    )
    image = np.zeros((SIDE, SIDE, 1), np.float32)
    corner = [
        int(np.clip(round(part * (SIDE - length)) + offset, 0, SIDE - length))
        for part, length, offset in zip(
            list(PLACES.values())[scene.place], box.shape, offsets, strict=True
        )
    ]
    rows, columns = (
        slice(start, start + length)
        for start, length in zip(corner, box.shape, strict=True)
    )
    image[rows, columns, 0] = np.clip(box, 0.0, 1.0)
    return image


def _scenes(examples, repeats, split, with_held_out=False):
    """uint8 images `(rows, 32, 32, 1)` and int labels `(rows,)`."""
    rows = list(examples.as_numpy_iterator())
    digits = np.stack([row["image"][..., 0] for row in rows])
    labels = np.array([row["label"] for row in rows])
    # RandomState, unlike Generator, promises the same stream in every release.
    random = np.random.RandomState(_SEED + len(split))
    of_digit = collections.defaultdict(list)
    for scene in map(Scene.of, range(NUM_SCENES)):
        if with_held_out or not scene.is_held_out:
            of_digit[scene.digit].append(scene)
    images, scenes = [], []
    for first in np.repeat(np.arange(len(labels)), repeats):
        kept = of_digit[labels[first]]
        scene = kept[random.randint(len(kept))]
        second = random.choice(np.flatnonzero(labels == labels[first]))
        offsets = random.randint(-_JITTER, _JITTER + 1, size=2)
        image = draw_scene(scene, digits[[first, second]], offsets)
        images.append(np.round(255 * image).astype(np.uint8))
        scenes.append(scene.label)
    return np.stack(images), np.array(scenes)


def _captioned(images, labels):
    captions = [Scene.of(label).captions for label in labels]
    return tf.data.Dataset.zip(
        image_examples(images, labels),
        tf.data.Dataset.from_tensor_slices({"captions": captions}),
    ).map(lambda image, text: {**image, **text})
