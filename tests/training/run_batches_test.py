import numpy as np
import pytest
import tensorflow as tf

from tests.training.data.service_test import Service
from training.data import load_dataset
from training.fitting import prepared
from training.recipes import RECIPES
from training.resolve import resolve
from training.run_batches import run_batches

# Pairs of texts in batches of about one length: a shape for each width.
BUCKETS = ("translate_dates", "translate_multi30k", "translate_wmt14")
# One of each kind of data; those of others are long to read.
QUICK = ("ar_series", "char_lstm", "copy_task", "cyclegan", "nade")


def batches_of(recipe, **options):
    recipe, dataset = prepared(recipe, load_dataset(recipe.data.source))
    return run_batches(recipe, dataset, steps_per_epoch=9, **options)


def first_three(recipe, **options):
    batches = batches_of(recipe, **options)
    return list(batches.take(3).as_numpy_iterator())


def test_a_run_resumes_with_the_batches_of_a_service():
    recipe = resolve("nade", "demo", ["global_batch_size=64"])
    with Service(1) as one:
        for start in ((0, 0), (1, 4)):
            mine = first_three(recipe, start=start)
            served = first_three(
                recipe, start=start, service=one.address, num_hosts=2
            )
            np.testing.assert_array_equal(served, mine)


def test_streams_are_refused_where_they_would_lose_their_order():
    recipe = resolve("char_lstm", "demo")
    assert recipe.schedule.stream_window
    words = "goes on where the one before ended"
    with Service(2) as two, pytest.raises(ValueError, match=words):
        batches_of(recipe, start=(0, 0), service=two.address)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in sorted(set(RECIPES) - set(BUCKETS))
    ],
)
def test_the_batches_of_a_recipe_have_one_shape(name):
    """What XLA compiles once; the tables prove the updates of each model."""
    batches = batches_of(resolve(name, "demo"), start=(0, 0))
    shapes = [spec.shape for spec in tf.nest.flatten(batches.element_spec)]
    assert shapes and all(shape.is_fully_defined() for shape in shapes), shapes
