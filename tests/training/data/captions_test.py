import numpy as np
import pytest
import tensorflow as tf

from training.data import load_dataset
from training.data.captions import caption_tokenizer
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
    with pytest.raises(ValueError, match="takes images with captions"):
        caption_tokenizer(load_dataset("digits"))


@pytest.mark.parametrize("max_length, length", [(32, 3), (2, 2)])
def test_all_captions_of_an_image_become_ids_of_one_length(max_length, length):
    dataset = captions([["b a", "a c"], ["a b d", ""]])
    dataset = captioned(max_length)(
        Dataset(
            **{**vars(dataset), "tokenizer": caption_tokenizer(dataset)},
        )
    )
    ids = np.stack([row["y"] for row in dataset.splits["test"]])
    full = np.array([[[3, 2, 0], [2, 4, 0]], [[2, 3, 5], [0, 0, 0]]])
    np.testing.assert_array_equal(ids, full[:, :, :length])
    assert len(dataset.notes) == (length < 3)
