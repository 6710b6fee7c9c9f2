import types

import numpy as np
import pytest
import tensorflow as tf

from training.evaluations.text_encoder import captions_of
from training.evaluations.text_encoder import evaluate_text_encoder

WORDS = ["zero", "one", "two"]


class Encoder:
    """Knows every word, and takes images of a shade for the word itself."""

    def __init__(self, confused=False):
        self.confused = confused

    def __call__(self, x):
        rows = np.round(3 * x[:, 0, 0, 0]).astype(int)
        return np.eye(3)[(rows + self.confused) % 3]

    def encode(self, texts):
        return np.eye(3)[[WORDS.index(text) for text in texts]]

    def count_params(self):
        return 7


def evaluation_of(model, labels=(0, 1, 2, 2)):
    shades = np.array([0, 1, 2, 2])
    rows = {
        "image": (shades / 3)[:, None, None, None],
        "captions": [[WORDS[i], ""] for i in shades],
    }
    if labels is not None:
        rows["label"] = np.array(labels)
    test = tf.data.Dataset.from_tensor_slices(rows)
    return types.SimpleNamespace(
        model=model,
        dataset=types.SimpleNamespace(splits={"test": test}),
        inputs=lambda split, limit: rows["image"],
        at_most=lambda count: count,
        history=[],
    )


@pytest.mark.parametrize("confused, share", [(False, 1.0), (True, 0.0)])
def test_shares_of_nearest_classes(confused, share):
    report = evaluate_text_encoder(evaluation_of(Encoder(confused)))
    assert report.metrics["class_of_an_image"] == share
    assert report.metrics["image_of_a_class"] == share


def test_captions_come_with_classes_or_each_with_its_own():
    captions, classes = captions_of(evaluation_of(None), "test")
    assert captions == [["zero"], ["one"], ["two"], ["two"]]
    assert classes.tolist() == [0, 1, 2, 2]
    _, classes = captions_of(evaluation_of(None, None), "test", 3)
    assert classes.tolist() == [0, 1, 2]
