import hashlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from training.data.dataset import Dataset
from training.data.transforms import bernoulli_binarize
from training.data.transforms import crop
from training.data.transforms import dequantize
from training.data.transforms import dynamic_binarization
from training.data.transforms import flatten
from training.data.transforms import held_out
from training.data.transforms import quantize
from training.data.transforms import resize
from training.data.transforms import threshold

HASH_SCRIPT = """
import hashlib
import numpy as np
import tensorflow as tf
from training.data.transforms import bernoulli_binarize
tf.random.set_seed(7)
images = np.linspace(0, 1, 5 * 16, dtype="float32").reshape(5, 4, 4, 1)
examples = tf.data.Dataset.from_tensor_slices({"image": images})
drawn = [e["image"].numpy() for e in bernoulli_binarize(3)(examples)]
print(hashlib.sha256(np.stack(drawn).tobytes()).hexdigest())
"""


def _examples(images, **others):
    return tf.data.Dataset.from_tensor_slices({"image": images, **others})


def _images(examples):
    return np.stack([example["image"].numpy() for example in examples])


def test_binarization_is_the_same_in_every_process_and_epoch():
    images = np.linspace(0, 1, 5 * 16, dtype="float32").reshape(5, 4, 4, 1)
    examples = bernoulli_binarize(3)(_examples(images))
    drawn = _images(examples)
    np.testing.assert_array_equal(drawn, _images(examples))
    other = subprocess.run(
        [sys.executable, "-c", HASH_SCRIPT],
        capture_output=True,
        text=True,
        check=True,
    )
    digest = hashlib.sha256(drawn.tobytes()).hexdigest()
    assert other.stdout.strip() == digest


@pytest.mark.parametrize("intensity", [0.0, 0.3, 1.0])
def test_binarization_has_the_mean_of_the_intensity(intensity):
    images = np.full((100, 8, 8, 1), intensity, "float32")
    drawn = _images(bernoulli_binarize(0)(_examples(images)))
    assert set(np.unique(drawn)) <= {0.0, 1.0}
    tolerance = 4 * np.sqrt(intensity * (1 - intensity) / drawn.size)
    assert abs(drawn.mean() - intensity) <= tolerance


def test_binarization_differs_between_examples_and_seeds():
    examples = _examples(np.full((2, 8, 8, 1), 0.5, "float32"))
    first, second = _images(bernoulli_binarize(0)(examples))
    assert (first != second).any()
    assert (first != _images(bernoulli_binarize(1)(examples))[0]).any()


def test_binarization_keeps_random_access_and_size():
    examples = bernoulli_binarize(0)(
        _examples(np.full((5, 8, 8, 1), 0.5, "float32"))
    )
    assert examples.cardinality() == 5
    third = tf.data.experimental.at(examples, 3)["image"]
    np.testing.assert_array_equal(third, _images(examples)[3])


def test_threshold_is_strict_and_keeps_labels():
    images = np.array([[[[0.0], [0.5]], [[0.51], [1.0]]]], "float32")
    examples = threshold(0.5)(_examples(images, label=[3]))
    example = next(iter(examples))
    assert example["image"].numpy().ravel().tolist() == [0, 0, 1, 1]
    assert example["label"] == 3


def test_flatten_is_in_raster_order():
    images = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
    examples = flatten()(_examples(images, label=[3]))
    assert examples.element_spec["x"].shape == (6,)
    example = next(iter(examples))
    assert sorted(example) == ["label", "x"]
    assert example["x"].numpy().tolist() == [0, 1, 2, 3, 4, 5]


def test_vectors_are_flat_already():
    x = np.arange(6, dtype="float32").reshape(2, 3)
    examples = flatten()(tf.data.Dataset.from_tensor_slices({"x": x}))
    rows = [example["x"] for example in examples.as_numpy_iterator()]
    np.testing.assert_array_equal(rows, x)


def test_transforms_apply_to_vectors_too():
    images = np.tile([0.1, 0.9], (500, 2)).astype("float32")
    images = images.reshape(500, 2, 2, 1)
    for transform in (threshold(), bernoulli_binarize(0)):
        vectors = transform(flatten()(_examples(images)))
        same = flatten()(transform(_examples(images)))
        x, expected = (
            np.stack([e["x"] for e in examples.as_numpy_iterator()])
            for examples in (vectors, same)
        )
        np.testing.assert_array_equal(x, expected)
        assert x.mean(0) == pytest.approx([0.1, 0.9] * 2, abs=0.11)


def test_other_examples_are_explained():
    text = tf.data.Dataset.from_tensors({"text": "abc"})
    with pytest.raises(ValueError, match="Received examples with: text"):
        flatten()(text)


def test_senseless_level_is_explained():
    with pytest.raises(ValueError, match="level=127"):
        threshold(127)


def test_dynamic_binarization_draws_each_pixel_with_its_intensity():
    intensity = np.linspace(0.0, 1.0, 5, dtype="float32")
    batch = tf.constant(np.tile(intensity, (20_000, 1)))
    binarize = dynamic_binarization()
    drawn = [binarize(batch, [0, seed]).numpy() for seed in (1, 2)]
    for x in drawn:
        assert set(np.unique(x)) == {0.0, 1.0}
        np.testing.assert_allclose(x.mean(0), intensity, atol=0.015)
    assert (drawn[0] != drawn[1]).any()
    np.testing.assert_array_equal(binarize(batch, [0, 1]), drawn[0])
    np.testing.assert_array_equal(binarize(drawn[0], [0, 2]), drawn[0])


def test_held_out_leaves_the_training_split_alone():
    grey = np.full((3, 2, 2, 1), 0.6, "float32")
    dataset = Dataset(
        name="grey",
        kind="images",
        splits={name: _examples(grey) for name in ("train", "valid", "test")},
        num_classes=None,
        element_shape=(2, 2, 1),
        description="",
    )
    transform = held_out(threshold(0.5))
    assert transform.takes_dataset
    splits = transform(dataset).splits
    for name, value in (("train", 0.6), ("valid", 1.0), ("test", 1.0)):
        (x, *_) = splits[name].as_numpy_iterator()
        np.testing.assert_allclose(x["image"], value)


def test_dequantized_levels_keep_to_intervals_of_their_own():
    levels = np.arange(5 * 64).reshape(5, 8, 8, 1) % 17
    examples = _examples(levels.astype("float32") / 16.0)
    spread = _images(dequantize(17, seed=2)(examples))
    np.testing.assert_array_equal(np.floor(spread * 17.0), levels)
    inside = spread * 17.0 - levels
    assert 0.45 < inside.mean() < 0.55 and inside.std() > 0.25
    np.testing.assert_array_equal(
        spread, _images(dequantize(17, seed=2)(examples))
    )


def test_resized_images_keep_their_range_and_their_mean():
    rng = np.random.default_rng(0)
    images = rng.random((3, 4, 6, 1)).astype("float32")
    larger = _images(resize((8, 12))(_examples(images)))
    assert larger.shape == (3, 8, 12, 1)
    assert larger.min() >= 0.0 and larger.max() <= 1.0
    np.testing.assert_allclose(
        larger.mean((1, 2)), images.mean((1, 2)), atol=0.03
    )
    square = _images(resize(5)(_examples(images)))
    assert square.shape == (3, 5, 5, 1)
    np.testing.assert_array_equal(_images(resize()(_examples(images))), images)


def test_the_center_square_is_cut_out():
    images = np.zeros((2, 4, 8, 1), "float32")
    images[:, :, 2:6] = 0.5
    examples = crop(2)(_examples(images))
    assert examples.element_spec["image"].shape == (2, 2, 1)
    np.testing.assert_allclose(_images(examples), 0.5, rtol=1e-5)


def test_pixels_are_rounded_to_levels():
    images = np.array([0.0, 0.2, 0.4, 1.0], "float32").reshape(1, 2, 2, 1)
    rounded = _images(quantize(3)(_examples(images)))
    np.testing.assert_array_equal(rounded.ravel(), [0.0, 0.0, 0.5, 1.0])
