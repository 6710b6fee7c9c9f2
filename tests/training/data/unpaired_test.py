"""Two domains side by side, and how their images are augmented."""

import numpy as np
import pytest
import tensorflow as tf

from training.data import load_dataset
from training.data import model_examples
from training.data.arrays import image_examples
from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.unpaired import domain_augmentation
from training.data.unpaired import unpaired


def numbered(count, labelled=False):
    x = np.arange(count, dtype="float32").reshape(-1, 1, 1, 1) / 100.0
    return image_examples(x, np.arange(count) % 3 if labelled else None)


def domains(count_a, count_b):
    return Dataset(
        name="domains:test",
        kind="domains",
        splits={
            s: {"a": numbered(count_a, labelled=True), "b": numbered(count_b)}
            for s in SPLITS
        },
        num_classes=None,
        element_shape={"a": (1, 1, 1), "b": (1, 1, 1)},
        description="",
    )


@pytest.mark.parametrize("counts", [(5, 3), (2, 4), (3, 3)])
def test_the_smaller_domain_comes_again(counts):
    dataset = unpaired()(domains(*counts))
    train = dataset.splits["train"]
    assert int(train.cardinality()) == max(counts)
    assert dataset.element_shape == (1, 1, 1)
    pairs = [
        (round(100 * float(a[0, 0, 0])), round(100 * float(b[0, 0, 0])))
        for a, b in model_examples(train)
    ]
    rows = range(max(counts))
    assert pairs == [(i % counts[0], i % counts[1]) for i in rows]
    labels = [int(example["label"]) for example in train]
    assert labels == [i % counts[0] % 3 for i in rows]


def test_other_data_are_refused():
    with pytest.raises(ValueError, match="domains:DIR_A,DIR_B"):
        unpaired()(load_dataset("digits"))


def ramp(size=20):
    """Images that say at each pixel which one it is."""
    rows, columns = np.mgrid[:15, :11].astype("float32")
    return np.repeat(np.stack([rows, columns], -1)[None], size, 0)


def test_without_options_nothing_changes():
    x = ramp()
    found, other = domain_augmentation()((x, x[:3]), tf.constant([1, 2]))
    np.testing.assert_allclose(found, x, atol=1e-4)
    np.testing.assert_allclose(other, x[:3], atol=1e-4)


def test_half_of_the_images_are_mirrored_each_domain_by_itself():
    x = ramp(200)
    parts = domain_augmentation(flip=True)((x, x), tf.constant([1, 2]))
    mirrored = []
    for part in parts:
        part = np.array(part)
        is_mirrored = part[:, 0, 0, 1] > 5.0
        np.testing.assert_allclose(
            part[is_mirrored], x[is_mirrored][:, :, ::-1], atol=1e-4
        )
        np.testing.assert_allclose(
            part[~is_mirrored], x[~is_mirrored], atol=1e-4
        )
        mirrored.append(is_mirrored)
    for each in mirrored:
        assert 0.35 < each.mean() < 0.65
    assert (mirrored[0] != mirrored[1]).any()


def test_a_zoomed_image_is_cut_out_of_what_there_was():
    x = ramp(200)
    (found,) = domain_augmentation(zoom=1.25)((x,), tf.constant([1, 2]))
    found = np.array(found)
    for axis, (size, channel) in enumerate([(15, 0), (11, 1)], start=1):
        line = found.mean(3 - axis)[:, :, channel]
        # As long as what was enlarged: steps of 0.8 pixels.
        np.testing.assert_allclose(np.diff(line, axis=1), 0.8, atol=1e-3)
        # All of it within the image, anywhere there.
        assert line.min() >= -1e-4 and line.max() <= size - 1 + 1e-4
        room = (size - 1) * 0.2
        assert line[:, 0].min() < 0.1 * room and line[:, 0].max() > 0.9 * room


def test_an_augmentation_is_repeated_by_its_seed():
    augment, x = domain_augmentation(flip=True, zoom=1.2), ramp()
    found = [augment((x,), tf.constant([1, s]))[0] for s in (2, 2, 3)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 0.5


def test_a_zoom_only_enlarges():
    with pytest.raises(ValueError, match="`zoom` must be at least 1"):
        domain_augmentation(zoom=0.9)
