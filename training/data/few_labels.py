"""Data of which a few examples have a label: for semi-supervised training."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.examples import as_array
from training.data.examples import model_inputs
from training.data.sequences import of_dataset


def few_labels(num_labels, seed=0):
    """Keeps the labels of a few training images, and sets those beside all.

    Of each class equally many images, drawn by `seed`, keep their labels. An
    element of the training split is any image, with one of these beside it:
    `x`, and `y`, a pair of a labelled image and its class. The elements of
    other splits have their own image and class as `y`.

    Args:
        num_labels: int. A multiple of the number of classes.
        seed: int.

    Returns:
        Function from a `Dataset` of images with `label` to another one.
    """

    def transform(dataset):
        train = dataset.splits["train"]
        if "label" not in train.element_spec:
            raise ValueError(
                "This recipe needs examples with `label`. Received examples "
                f"with: {', '.join(train.element_spec)}"
            )
        labels = as_array(train.map(lambda e: e["label"]))
        chosen = _equally_many(labels, num_labels, seed)
        images = tf.constant(as_array(model_inputs(train))[chosen])
        classes = tf.constant(labels[chosen], tf.int32)

        def beside(index, example):
            place = index % num_labels
            return {
                "x": _image(example),
                "y": (images[place], classes[place]),
                "label": example["label"],
            }

        def own(example):
            label = tf.cast(example["label"], tf.int32)
            return {
                "x": _image(example),
                "y": (_image(example), label),
                "label": example["label"],
            }

        indices = tf.data.Dataset.range(train.cardinality())
        splits = {
            name: tf.data.Dataset.zip(indices, split).map(beside)
            if name == "train"
            else split.map(own)
            for name, split in dataset.splits.items()
        }
        return dataclasses.replace(dataset, splits=splits)

    return of_dataset(transform)


def _image(example):
    return example["x"] if "x" in example else example["image"]


def _equally_many(labels, num_labels, seed):
    """Places of `num_labels` examples, equally many of every class."""
    classes = np.unique(labels)
    each, rest = divmod(num_labels, len(classes))
    fewest = min(np.sum(labels == k) for k in classes)
    if rest or not 0 < each <= fewest:
        raise ValueError(
            f"`num_labels` must be a multiple of the {len(classes)} classes, "
            f"at most {fewest} of each, as many as there are. Received: "
            f"num_labels={num_labels}"
        )
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == k), each, replace=False)
            for k in classes
        ]
    )
