"""One way into a model for all that `fit` takes: the same checks behind all."""

import collections.abc
import math

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import check_numbers


def checked_data(
    check, x, y=None, sample_weight=None, *, batch_size=None, shuffle=False
):
    """Lets data pass a model's checks on their way to Keras.

    Args:
        check: callable `(x, y, sample_weight) ->` the same, checked.
        x: arrays, `tf.data.Dataset`, generator or `keras.utils.PyDataset`.
        y: targets that belong to arrays, or None.
        sample_weight: weights that belong to arrays, or None.
        batch_size: optional int, of arrays alone.
        shuffle: bool. Whether arrays are shuffled.

    Returns:
        `x`, `y` and `sample_weight` for Keras. Arrays are checked at once;
        what comes in batches is checked batch by batch.

    Raises:
        ValueError: if arrays are not what the model takes, or if there is a
            `batch_size` for what comes in batches.
    """
    if batch_size is not None and not (x is None or holds_rows(x)):
        raise ValueError(
            "`batch_size` is of arrays. These data come in batches of their "
            "own: leave it out, or change it where the batches are made, as "
            f"in `dataset.batch({batch_size})`. Received: "
            f"batch_size={batch_size}, x of type {type(x).__name__}"
        )
    if isinstance(x, tf.distribute.DistributedDataset):
        return x, y, sample_weight
    if isinstance(x, tf.data.Dataset):
        return _checked_dataset(check, x), y, sample_weight
    if isinstance(x, keras.utils.PyDataset):
        return CheckedPyDataset(x, check), y, sample_weight
    if _is_generator(x):
        return _checked_batches(check, x), y, sample_weight
    x, y, sample_weight = check(x, y, sample_weight)
    if y is None and sample_weight is not None:
        return _weighted(x, sample_weight, batch_size, shuffle), None, None
    return x, y, sample_weight


def holds_rows(x):
    """Whether these are examples, and no data set that makes them."""
    in_batches = (
        tf.data.Dataset,
        tf.distribute.DistributedDataset,
        keras.utils.PyDataset,
    )
    return not (x is None or isinstance(x, in_batches) or _is_generator(x))


def as_data(validation_data):
    """Validation data as `fit` is given them: a tuple of at most three.

    Args:
        validation_data: `(x, y)` or `(x, y, sample_weight)`, or `x` alone:
            a list of texts, too.

    Raises:
        ValueError: if it is a tuple of none, or of more.
    """
    holds_parts = isinstance(validation_data, (tuple, list)) and not _are_texts(
        validation_data
    )
    if holds_parts and 0 < len(validation_data) <= 3:
        return tuple(validation_data)
    if holds_parts and isinstance(validation_data, tuple):
        raise ValueError(
            "`validation_data` must be `x`, `(x, y)` or `(x, y, "
            "sample_weight)`. Received: a tuple of "
            f"{len(validation_data)} entries"
        )
    return (validation_data,)


def split_off(check, validation_split, x, y=None, sample_weight=None):
    """Takes the last examples of arrays for validation.

    Args:
        check: callable `(x, y, sample_weight) ->` the same, checked.
        validation_split: float between 0 and 1. Their part of all.
        x: examples.
        y: what belongs to them, or None.
        sample_weight: their weights, or None.

    Returns:
        Two tuples `(x, y, sample_weight)`: the first examples and the last.

    Raises:
        ValueError: if a part would have no example, or as `check` does.
    """
    data = check(x, y, sample_weight)
    num_rows = data[0].shape[0]
    share = check_numbers(validation_split=validation_split)
    cut = math.floor(num_rows * (1.0 - share))
    if not 0 < cut < num_rows:
        raise ValueError(
            "`validation_split` must be a part between 0 and 1 that leaves "
            f"examples on both sides of {num_rows}. "
            f"Received: validation_split={validation_split!r}"
        )
    return tuple(
        keras.tree.map_structure(
            lambda part, rows=rows: None if part is None else part[rows], data
        )
        for rows in (slice(cut), slice(cut, None))
    )


class CheckedPyDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches have passed a model's checks.

    Args:
        dataset: `keras.utils.PyDataset`.
        check: callable `(x, y, sample_weight) ->` the same, checked.
    """

    def __init__(self, dataset, check):
        super().__init__(
            workers=dataset.workers,
            use_multiprocessing=dataset.use_multiprocessing,
            max_queue_size=dataset.max_queue_size,
        )
        self.dataset = dataset
        self.check = check

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        batch = _as_tuple(_checked_batch(self.check, self.dataset[index]))
        # Keras makes data of these that cannot hold a None.
        return tuple(() if part is None else part for part in batch)

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


def weights_of_classes(model, class_weight):
    """A model's `check_batch` that also weighs examples by their classes.

    Args:
        model: classifier with a method `check_batch`.
        class_weight: dict of class to weight; classes without one have 1.

    Raises:
        ValueError: if the model does not learn classes, or this is no such
            dict.
    """
    num_classes = getattr(model, "num_target_classes", None)
    if num_classes is None:
        raise ValueError(
            f"{type(model).__name__} does not learn classes of examples: it "
            "cannot weigh them: leave `class_weight` out. Models that weigh "
            "examples take `sample_weight=`, a weight for each."
        )
    if not isinstance(class_weight, collections.abc.Mapping):
        raise ValueError(
            "`class_weight` must be a dict of class to weight. "
            f"Received: {class_weight!r}"
        )
    table = np.ones(num_classes, "float32")
    for key, weight in class_weight.items():
        place = as_int(
            key,
            "class_weight",
            minimum=0,
            maximum=num_classes - 1,
            note=" as a key",
        )
        table[place] = check_numbers(**{f"class_weight[{key}]": weight})
    table = tf.constant(table)

    def check(x, y=None, sample_weight=None):
        x, y, sample_weight = model.check_batch(x, y, sample_weight)
        if y.dtype.is_floating:
            # Soft labels: an example is of each class in part.
            weights = tf.linalg.matvec(y, table)
        else:
            weights = tf.gather(table, tf.maximum(y, 0))
        if sample_weight is not None:
            weights *= sample_weight
        return x, y, weights

    return check


def _are_texts(x):
    return bool(x) and all(isinstance(each, (str, bytes)) for each in x)


def _is_generator(x):
    return hasattr(x, "__next__")


def _checked_dataset(check, dataset):
    @tf.autograph.experimental.do_not_convert
    def map_batch(*batch):
        return _checked_batch(check, batch[0] if len(batch) == 1 else batch)

    try:
        return dataset.map(map_batch, num_parallel_calls=tf.data.AUTOTUNE)
    except ValueError as error:
        try:
            dataset.batch(2).map(map_batch)
        except ValueError:
            raise error from None
        raise ValueError(
            "The data set holds single examples, not batches of them: give "
            "`dataset.batch(32)`."
        ) from error


def _checked_batches(check, batches):
    for batch in batches:
        yield _as_tuple(_checked_batch(check, batch))


def _as_tuple(batch):
    return batch if isinstance(batch, tuple) else (batch,)


def _checked_batch(check, batch):
    if not isinstance(batch, (tuple, list)) or _are_texts(batch):
        batch = (batch,)
    if not 0 < len(batch) <= 3:
        raise ValueError(
            "A batch must be `x`, `(x, y)` or `(x, y, sample_weight)`. "
            f"Received: {len(batch)} entries"
        )
    checked = check(*batch)
    # Keras reads a lone tuple of two as inputs and targets.
    while len(checked) > 1 and checked[-1] is None:
        checked = checked[:-1]
    return checked if len(checked) > 1 or len(batch) > 1 else checked[0]


def _weighted(x, sample_weight, batch_size, shuffle):
    """Batches of examples without targets but with weights."""
    data = tf.data.Dataset.from_tensor_slices((x, sample_weight))
    if shuffle:
        data = data.shuffle(x.shape[0])
    data = data.batch(batch_size or 32)
    return data.map(lambda x, weight: (x, None, weight))
