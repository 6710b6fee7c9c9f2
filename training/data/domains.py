"""Two sets of images without a correspondence: for translation between them."""

import dataclasses

import tensorflow as tf

from training.data.examples import model_inputs
from training.data.sequences import of_dataset
from training.data.sources import load_dataset


def second_domain(source):
    """Sets images of another source beside those of a data set, unpaired.

    A split has as many elements as the larger of the two: an epoch shows all
    images of both, those of the smaller one several times.

    Args:
        source: str. The second domain, as `--data` takes it.

    Returns:
        Function from a `Dataset` to one whose elements are `x`, of the first
        domain, and `y`, of the second.
    """

    def transform(dataset):
        other = load_dataset(source)
        splits = {}
        for name, split in dataset.splits.items():
            size = max(dataset.size(name), other.size(name))
            both = tf.data.Dataset.zip(
                {
                    "x": model_inputs(split).repeat(),
                    "y": model_inputs(other.splits[name]).repeat(),
                }
            )
            splits[name] = both.take(size)
        return dataclasses.replace(
            dataset,
            splits=splits,
            description=f"{dataset.description} Beside it: {other.description}",
        )

    return of_dataset(transform)
