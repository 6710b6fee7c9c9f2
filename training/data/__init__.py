"""tf.data pipelines: sources, transforms and batches. They know no model."""

from training.data.buckets import bucket_batches
from training.data.buckets import bucket_steps
from training.data.dataset import Dataset
from training.data.dataset import DataUnavailableError
from training.data.examples import as_array
from training.data.examples import model_examples
from training.data.examples import model_inputs
from training.data.pipeline import evaluation_batches
from training.data.pipeline import training_batches
from training.data.sources import load_dataset
from training.data.streams import stream_batches
from training.data.streams import stream_steps
from training.data.transforms import bernoulli_binarize
from training.data.transforms import flatten
from training.data.transforms import threshold

__all__ = [
    "DataUnavailableError",
    "Dataset",
    "as_array",
    "bernoulli_binarize",
    "bucket_batches",
    "bucket_steps",
    "evaluation_batches",
    "flatten",
    "load_dataset",
    "model_examples",
    "model_inputs",
    "stream_batches",
    "stream_steps",
    "threshold",
    "training_batches",
]
