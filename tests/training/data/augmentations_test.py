import numpy as np
import pytest
import tensorflow as tf

from training.data.augmentations import image_augmentation
from training.data.pipeline import training_batches

SEED = tf.constant([3, 4], tf.int64)
X = tf.constant(np.random.default_rng(0).random((16, 8, 8, 1)), tf.float32)
Y = tf.range(16) % 4
ALL = {
    "flip": True,
    "shift": 2,
    "num_operations": 2,
    "erasing": 0.5,
    "mixup": 0.8,
    "cutmix": 1.0,
    "smoothing": 0.1,
}


def test_without_options_images_stay_and_labels_are_one_hot():
    x, y = image_augmentation(4)((X, Y), SEED)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, np.eye(4)[Y])


def test_flips_half_of_the_images():
    x, _ = image_augmentation(4, flip=True)((X, Y), SEED)
    stays = (x == X).numpy().all((1, 2, 3))
    flipped = (x == X[:, :, ::-1]).numpy().all((1, 2, 3))
    assert (stays ^ flipped).all() and 3 < stays.sum() < 13


def test_shifts_by_whole_pixels_each_way():
    x, _ = image_augmentation(4, shift=2)((X, Y), SEED)
    offsets = set()
    for before, after in zip(X.numpy(), x.numpy(), strict=True):
        padded = np.pad(before, ((2, 2), (2, 2), (0, 0)))
        found = [
            (r, c)
            for r in range(5)
            for c in range(5)
            if np.allclose(padded[r : r + 8, c : c + 8], after, atol=1e-5)
        ]
        assert len(found) == 1
        offsets.add(found[0])
    assert len(offsets) > 5


def test_batches_of_a_resumed_run_are_those_of_an_uninterrupted_one():
    examples = tf.data.Dataset.from_tensor_slices((X, Y))
    options = {"batch_size": 8, "seed": 1}
    options["augment_batch"] = image_augmentation(4, **ALL)
    whole = list(training_batches(examples, **options).take(5))
    rest = training_batches(examples, start_epoch=1, start_step=1, **options)
    for (x, y), (again, labels) in zip(whole[3:], rest.take(2), strict=True):
        np.testing.assert_array_equal(x, again)
        np.testing.assert_array_equal(y, labels)
        np.testing.assert_allclose(y.numpy().sum(1), 1.0, rtol=1e-5)
    assert (whole[0][0] != whole[2][0]).numpy().any()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_labels": None}, "needs data with labels"),
        ({"erasing": 1.2}, r"`erasing` must be in \[0, 1\]"),
        ({"mixup": -1.0}, "at least 0"),
        ({"operations": ("blur",)}, "`operations` must be some of"),
    ],
)
def test_names_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        image_augmentation(**{"num_labels": 4, **options})
