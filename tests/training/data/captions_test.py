import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from training.data import load_dataset
from training.data.captioned_digits import load_captioned_digits
from training.data.captions import caption_tokenizer
from training.data.captions import caption_tokens
from training.data.captions import captioned
from training.data.dataset import SPLITS
from training.data.dataset import Dataset


def captions(rows):
    rows = np.array(rows, object)
    split = tf.data.Dataset.from_tensor_slices(
        {"image": np.zeros((len(rows), 2, 2, 1), "float32"), "captions": rows}
    )
    return Dataset(
        name="captions:test",
        kind="captions",
        splits=dict.fromkeys(SPLITS, split),
        num_classes=None,
        element_shape=(2, 2, 1),
        description="",
    )


def test_the_most_frequent_words_have_ids():
    dataset = captions([["b a", "a c"], ["a b d", ""]])
    assert caption_tokenizer(dataset).vocabulary == (
        "<unk>",
        "a",
        "b",
        "c",
        "d",
    )
    assert caption_tokenizer(dataset, 4).vocabulary == ("<unk>", "a", "b")
    with pytest.raises(ValueError, match="--data captions:DIR"):
        caption_tokenizer(load_dataset("digits"))


@pytest.mark.parametrize("max_length, length", [(32, 3), (2, 2)])
def test_all_captions_of_an_image_become_ids_of_one_length(max_length, length):
    dataset = captions([["b a", "a c"], ["a b d", ""]])
    dataset = caption_tokens(max_length)(
        Dataset(
            **{**vars(dataset), "tokenizer": caption_tokenizer(dataset)},
        )
    )
    ids = np.stack([row["y"] for row in dataset.splits["test"]])
    full = np.array([[[3, 2, 0], [2, 4, 0]], [[2, 3, 5], [0, 0, 0]]])
    np.testing.assert_array_equal(ids, full[:, :, :length])
    assert len(dataset.notes) == (length < 3)


def test_captions_and_classes_stand_beside_their_images():
    dataset = captioned()(load_captioned_digits())
    row = next(dataset.splits["train"].as_numpy_iterator())
    assert row["y"].keys() == {"captions", "label"}
    np.testing.assert_array_equal(row["y"]["captions"], row["captions"])
    assert row["y"]["label"] == row["label"] and not dataset.notes


def test_images_without_classes_have_captions_alone():
    rows = tf.data.Dataset.from_tensor_slices(
        {"image": np.zeros((3, 2, 2, 1)), "captions": [["a"], ["b"], ["c"]]}
    )
    dataset = dataclasses.replace(
        load_captioned_digits(),
        splits=dict.fromkeys(("train", "valid", "test"), rows),
        num_classes=None,
    )
    spec = captioned()(dataset).splits["valid"].element_spec
    assert spec["y"].keys() == {"captions"}
    one_class = dataclasses.replace(dataset, num_classes=1)
    assert "no mismatching caption" in captioned()(one_class).notes[0]


def test_images_without_captions_are_refused():
    with pytest.raises(ValueError, match="--data captions:DIR"):
        captioned()(load_dataset("digits"))
