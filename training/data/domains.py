"""Two sets of images that are not paired, as of horses and of zebras."""

import dataclasses
import pathlib

from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.image_folder import images_below
from training.data.image_folder import images_dataset
from training.data.image_folder import load_image_folder
from training.data.image_folder import with_all_splits
from training.data.known_domains import KNOWN

# The two domains, as `?only=` names them.
NAMES = ("a", "b")


def load_domains(location, size=None, only=None):
    """Loads two folders of images, or one of the two.

    Args:
        location: str, `DIR_A,DIR_B`, each a folder as `load_image_folder`
            takes it; classes below them are not used. Or one folder with
            `trainA`, `trainB` and, where there are such, `testA`, `testB`,
            `validA` and `validB`.
        size: int, or None. Crops images to the centre square and resizes them
            to `(size, size)`. Without it, all of one domain must have one
            size.
        only: `"a"`, `"b"` or None. Which domain is wanted, if not both.

    Returns:
        `Dataset` of kind `"domains"`: each split is a dict of `"a"` and `"b"`
        to a `tf.data.Dataset` with `image`. Sizes, channels and numbers of
        images of the two may differ; `element_shape` is a dict, too. With
        `only` a `Dataset` of kind `"images"`, with the labels of a pair that
        is known by name and has such.

    Raises:
        FileNotFoundError: if there is no such folder, or no image in it.
        ValueError: if `location` does not name two folders, or as for
            `load_image_folder`.
    """
    dataset = _both(location, size)
    return dataset if only is None else _one(dataset, only)


def source_of_domain(source, name):
    """What `--data` takes for one of the two domains of a source.

    Args:
        source: str, `domains:...`.
        name: `"a"` or `"b"`.
    """
    return f"{source}{'&' if '?size=' in source else '?'}only={name}"


def _both(location, size):
    if location in KNOWN:
        return _known(location, size)
    root = pathlib.Path(location).expanduser()
    if (root / "trainA").is_dir() and (root / "trainB").is_dir():
        sets = {name: _lettered(root, name, size) for name in NAMES}
    else:
        sets = {
            name: load_image_folder(folder, size)
            for name, folder in zip(NAMES, _two_folders(location), strict=True)
        }
    return Dataset(
        name=f"domains:{location}",
        kind="domains",
        splits={
            split: {
                name: _images_alone(each.splits[split])
                for name, each in sets.items()
            }
            for split in SPLITS
        },
        num_classes=None,
        element_shape={n: each.element_shape for n, each in sets.items()},
        description=" ".join(
            f"Domain {name}: {each.description}" for name, each in sets.items()
        ),
        notes=tuple(
            f"Domain {name}: {note}"
            for name, each in sets.items()
            for note in each.notes
        ),
    )


def _one(dataset, name):
    """One of two domains, and how many classes it has."""
    domain = dataset.domain(name)
    train, num_classes = domain.splits["train"], None
    if "label" in train.element_spec:
        labels = train.map(lambda example: example["label"])
        num_classes = 1 + max(map(int, labels.as_numpy_iterator()))
    return dataclasses.replace(
        domain,
        name=source_of_domain(dataset.name, name),
        num_classes=num_classes,
        description=f"Domain {name} of: {dataset.description}",
    )


def _known(name, size):
    """A pair that has a name, with labels where it has them."""
    sets, description = KNOWN[name](size)
    return Dataset(
        name=f"domains:{name}",
        kind="domains",
        splits={s: {n: each[s] for n, each in sets.items()} for s in SPLITS},
        num_classes=None,
        element_shape={
            n: tuple(each["train"].element_spec["image"].shape)
            for n, each in sets.items()
        },
        description=description,
    )


def _lettered(root, name, size):
    """One domain of a folder with trainA, trainB, testA and testB."""
    notes, parts = [], {}
    for split, words in (
        ("train", ("train",)),
        ("valid", ("valid", "val")),
        ("test", ("test",)),
    ):
        for word in words:
            folder = root / f"{word}{name.upper()}"
            if folder.is_dir():
                paths = images_below(folder, notes)
                parts[split] = paths, [0] * len(paths)
    rows = with_all_splits(root, parts)
    return images_dataset(f"images:{root}", rows, [], size, notes)


def _two_folders(location):
    """The folders on both sides of a comma; either may have commas, too."""
    parts = location.split(",")
    pairs = [
        (",".join(parts[:cut]).strip(), ",".join(parts[cut:]).strip())
        for cut in range(1, len(parts))
    ]
    if not pairs or not all(pairs[0]):
        raise ValueError(
            "Two domains are named by two folders with a comma between them, "
            f"as in domains:horses,zebras. Received: {location!r}"
        )
    for pair in pairs:
        if all(pathlib.Path(each).expanduser().is_dir() for each in pair):
            return pair
    return pairs[0]


def _images_alone(examples):
    return examples.map(lambda example: {"image": example["image"]})
