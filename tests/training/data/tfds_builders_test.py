import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from training.data.known_files import original_files_folder
from training.data.tfds_builders import load_tfds

needs_originals = pytest.mark.skipif(
    not original_files_folder().is_dir(),
    reason="there is no folder KERAS_GENSEQ_DATA of original files",
)


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))


class ToyBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base of builders that need no download."""

    VERSION = tfds.core.Version("1.0.0")
    splits = {"train": 20}

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=self.features())

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in self.splits}

    def _generate_examples(self, split):
        for index in range(self.splits[split]):
            yield index, self.example(index)


class ToyImages(ToyBuilder):
    def features(self):
        return tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(4, 6, 3)),
                "label": tfds.features.ClassLabel(num_classes=7),
            }
        )

    def example(self, index):
        image = np.full((4, 6, 3), 255 * (index % 2), "uint8")
        return {"image": image, "label": index % 7}


class ToyPhotographs(ToyBuilder):
    splits = {"train": 20, "test": 5}

    def features(self):
        image = tfds.features.Image(shape=(None, None, 3))
        return tfds.features.FeaturesDict({"image": image})

    def example(self, index):
        return {"image": np.full((4 + index, 9, 3), 128, "uint8")}


class ToyTranslations(ToyBuilder):
    splits = {"train": 20, "validation": 3, "test": 4}

    def features(self):
        return tfds.features.Translation(languages=("de", "en"))

    def example(self, index):
        return {"de": f"{index} Katzen", "en": f"{index} cats"}


class ToySentences(ToyBuilder):
    def features(self):
        return tfds.features.FeaturesDict(
            {"sentence": tfds.features.Text(), "label": np.int64}
        )

    def example(self, index):
        return {"sentence": "a", "label": index}


class ToyTestOnly(ToyImages):
    splits = {"test": 5}


def test_images_keep_labels_and_hold_out_rows_of_train(prepared):
    dataset = load_tfds("toy_images")
    assert dataset.kind == "images"
    assert dataset.element_shape == (4, 6, 3)
    assert dataset.num_classes == 7
    assert [dataset.size(s) for s in ("train", "valid", "test")] == [16, 2, 2]
    rows = [
        row
        for examples in dataset.splits.values()
        for row in examples.as_numpy_iterator()
    ]
    labels = [int(row["label"]) for row in rows]
    assert sorted(labels) == sorted(index % 7 for index in range(20))
    images = np.stack([row["image"] for row in rows])
    assert images.dtype == np.float32
    assert images.mean(axis=(1, 2, 3)).tolist().count(1.0) == 10


def test_images_of_different_sizes_need_one(prepared):
    with pytest.raises(ValueError, match=r"tfds:toy_photographs\?size=64"):
        load_tfds("toy_photographs")
    dataset = load_tfds("toy_photographs", size=3)
    assert dataset.element_shape == (3, 3, 3)
    assert [dataset.size(s) for s in ("train", "valid", "test")] == [18, 2, 5]
    image = next(dataset.splits["test"].as_numpy_iterator())["image"]
    np.testing.assert_allclose(image, 128 / 255, atol=1e-6)


def test_translations_are_pairs(prepared):
    dataset = load_tfds("toy_translations")
    assert dataset.kind == "pairs"
    assert [dataset.size(s) for s in ("train", "valid", "test")] == [20, 3, 4]
    for row in dataset.splits["valid"].as_numpy_iterator():
        number = row["source"].removesuffix(b" Katzen")
        assert row["target"] == number + b" cats"


def test_other_features_are_explained(prepared):
    with pytest.raises(ValueError, match=r"features .*sentence"):
        load_tfds("toy_sentences")


def test_builders_without_train_are_explained(prepared):
    with pytest.raises(ValueError, match="must have a split named train"):
        load_tfds("toy_test_only")


@pytest.mark.shared_data
@needs_originals
def test_tiny_shakespeare_from_the_original_file(prepared):
    dataset = load_tfds("tiny_shakespeare")
    parts = [
        next(dataset.splits[split].as_numpy_iterator())["text"]
        for split in ("train", "valid", "test")
    ]
    original = original_files_folder() / "tiny_shakespeare" / "input.txt"
    assert b"".join(parts) == original.read_bytes()
    assert len(parts[0]) == 1_003_854


@pytest.mark.slow
@pytest.mark.shared_data
@needs_originals
def test_mnist_and_fashion_mnist_do_not_mix_in_one_folder(prepared):
    # The original files of the two have the same names.
    for name, mean in (("mnist", 0.1325), ("fashion_mnist", 0.2868)):
        dataset = load_tfds(name)
        sizes = [dataset.size(s) for s in ("train", "valid", "test")]
        assert sizes == [50_000, 10_000, 10_000]
        test = next(iter(dataset.splits["test"].batch(10_000)))
        # Mean intensity of the published test images.
        assert abs(np.mean(test["image"]) - mean) < 1e-3
        counts = np.bincount(test["label"])
        assert counts[:3].tolist() == (
            [980, 1135, 1032] if name == "mnist" else [1000, 1000, 1000]
        )


@pytest.mark.slow
@pytest.mark.shared_data
@needs_originals
def test_binarized_mnist_from_packed_bits(prepared):
    dataset = load_tfds("binarized_mnist")
    sizes = [dataset.size(s) for s in ("train", "valid", "test")]
    assert sizes == [50_000, 10_000, 10_000]
    images = next(iter(dataset.splits["test"].batch(10_000)))["image"]
    assert tf.unique(tf.reshape(images, [-1])).y.numpy().tolist() == [0, 1]
    packed = original_files_folder() / "binarized_mnist/binarized_mnist.npz"
    expected = np.unpackbits(np.load(packed)["test"], axis=1)
    rows = np.sort([row.tobytes() for row in np.uint8(images).reshape(-1, 784)])
    assert (rows == np.sort([row.tobytes() for row in expected])).all()
