import types

import numpy as np
import tensorflow as tf

from training.data import load_dataset
from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.token_data import with_tokens


def test_images_give_way_to_their_tokens_and_keep_their_order():
    images = np.arange(300, dtype="float32").reshape(-1, 1, 1, 1)
    targets = np.arange(300, dtype="int32")
    split = tf.data.Dataset.from_tensor_slices({"image": images, "y": targets})
    dataset = Dataset(
        name="test",
        kind="captions",
        splits=dict.fromkeys(SPLITS, split),
        num_classes=None,
        element_shape=(1, 1, 1),
        description="",
    )
    model = types.SimpleNamespace(
        tokens_of=lambda x: tf.cast(2.0 * x[..., 0], tf.int32)
    )
    rows = list(with_tokens(model, dataset).splits["train"])
    assert [int(row["x"][0, 0]) for row in rows] == list(range(0, 600, 2))
    assert [int(row["y"]) for row in rows] == targets.tolist()


def test_other_models_learn_the_data_as_they_are():
    dataset = load_dataset("digits")
    assert with_tokens(object(), dataset) is dataset
