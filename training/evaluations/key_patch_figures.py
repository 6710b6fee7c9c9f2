"""Pictures of what is made of parts: of all, of some, of two images'."""

import numpy as np

from keras_genseq.ops.key_parts import cut_out
from keras_genseq.ops.key_parts import detect_key_parts
from keras_genseq.ops.key_parts import mask_of_boxes
from training import figures
from training.data import as_array
from training.data import model_inputs

_SHOWN = 8
_WITH_FEWER = 6


def assembly_grid(model, dataset):
    """Test images, their parts and masks; below, what is made of the parts.

    Args:
        model: `KeyPatchGAN`.
        dataset: `Dataset` of images.

    Returns:
        `(height, width, C)` array: rows of images, of each of their parts, of
        true masks, of masks made, and of images made.
    """
    x = _some(dataset, _SHOWN)
    boxes, patches = (np.array(v) for v in model.detect_parts(x).values())
    made = model.assemble(patches, seed=0)
    masks = mask_of_boxes(boxes, *x.shape[1:3]), made["mask"]
    rows = [x, *patches.swapaxes(0, 1), *masks, made["x"]]
    return _grid(rows, x.shape[-1], len(x))


def numbers_grid(model, dataset):
    """Test images, each made of its first part, of two, ..., of all.

    Args:
        model: as for `assembly_grid`.
        dataset: as for `assembly_grid`.

    Returns:
        `(height, width, C)` array: a row for an image, which comes first; below
        each row the masks that go with it.
    """
    x = _some(dataset, _WITH_FEWER)
    patches = np.array(cut_out(x, detect_key_parts(x, model.max_parts)))
    counts = np.arange(1, model.max_parts + 1)
    shown = [np.arange(model.max_parts) < count for count in counts]
    return _variants(model, x, patches, shown)


def dropped_grid(model, dataset):
    """Test images, made of all of their parts, then without each of them."""
    x = _some(dataset, _WITH_FEWER)
    patches = np.array(model.detect_parts(x)["patches"])
    everything = np.ones(model.num_parts, bool)
    one_less = ~np.eye(model.num_parts, dtype=bool)
    return _variants(model, x, patches, [everything, *one_less])


def combined_grid(model, dataset):
    """Pairs of test images, and what is made of parts of both.

    Returns:
        `(height, width, C)` array: rows of the first image, of the second one,
        of all parts but one of the first together with the best one of the
        second, and the mask; then of the best part of the first together with
        all others but one of the second, and the mask.
    """
    x = _some(dataset, 2 * _SHOWN)
    # One image alone is its own pair.
    one, other = x[::2], x[::-2]
    count = min(len(one), len(other))
    one, other = one[:count], other[:count]
    parts = [np.array(model.detect_parts(z)["patches"]) for z in (one, other)]
    rows = [one, other]
    for first, second in (parts, parts[::-1]):
        mixed = np.concatenate([first[:, :-1], second[:, :1]], axis=1)
        made = model.assemble(mixed, seed=0)
        rows += [made["x"], made["mask"]]
    return _grid(rows, x.shape[-1], count)


def _variants(model, x, patches, shown):
    """Rows of an image and what is made of some of its parts, and masks."""
    columns = [np.stack([x, np.zeros_like(x)], axis=1)]
    for validity in shown:
        validity = np.repeat(validity[None], len(x), axis=0)
        made = model.assemble(patches, validity, seed=0)
        mask = np.repeat(made["mask"], x.shape[-1], axis=-1)
        columns.append(np.stack([made["x"], mask], axis=1))
    # (image, its masks, column, ...)
    rows = np.stack(columns, axis=2)
    return _grid(rows.reshape(-1, *rows.shape[2:]), x.shape[-1], len(columns))


def _grid(rows, channels, columns):
    rows = [np.array(row) for row in rows]
    rows = [
        row.repeat(channels, -1) if row.shape[-1] < channels else row
        for row in rows
    ]
    return figures.enlarged_grid(np.concatenate(rows), columns)


def _some(dataset, count):
    test = model_inputs(dataset.splits["test"])
    step = max(1, dataset.size("test") // count)
    return as_array(test.shard(step, 0), count)
