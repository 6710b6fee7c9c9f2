import numpy as np
import pytest

from tests.training.data.service_test import Service
from training.data import load_dataset
from training.fitting import prepared
from training.resolve import resolve
from training.run_batches import run_batches


def batches_of(recipe, **options):
    recipe, dataset = prepared(recipe, load_dataset(recipe.data.source))
    batches = run_batches(recipe, dataset, steps_per_epoch=9, **options)
    return list(batches.take(3).as_numpy_iterator())


def test_a_run_resumes_with_the_batches_of_a_service():
    recipe = resolve("nade", "demo", ["global_batch_size=64"])
    one = Service(1)
    for start in ((0, 0), (1, 4)):
        mine = batches_of(recipe, start=start)
        served = batches_of(
            recipe, start=start, service=one.address, num_hosts=2
        )
        np.testing.assert_array_equal(served, mine)


def test_streams_are_refused_where_they_would_lose_their_order(capsys):
    recipe = resolve("char_lstm", "demo")
    assert recipe.schedule.stream_window
    two = Service(2)
    with pytest.raises(ValueError, match="goes on where the one before ended"):
        batches_of(recipe, start=(0, 0), service=two.address)
