import pytest
import tensorflow as tf

from training.data.dataset import Dataset

EXAMPLES = tf.data.Dataset.from_tensors({"text": "abc"})


def _dataset(**changes):
    splits = {"train": EXAMPLES, "valid": EXAMPLES, "test": EXAMPLES}
    return Dataset(
        name="some",
        kind=changes.pop("kind", "text"),
        splits={**splits, **changes},
        num_classes=None,
        element_shape=None,
        description="Some text.",
    )


def test_size_counts_examples():
    assert _dataset(valid=EXAMPLES.repeat(3)).size("valid") == 3


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"kind": "movies"}, "kind='movies'"),
        ({"extra": EXAMPLES}, "must have the keys"),
        ({"test": EXAMPLES.take(0)}, "The test split of 'some'"),
        ({"test": EXAMPLES.filter(lambda _: True)}, "cardinality=-2"),
    ],
)
def test_bad_splits_are_explained(changes, message):
    with pytest.raises(ValueError, match=message):
        _dataset(**changes)
