import types

import numpy as np
import pytest
import tensorflow as tf

from training.evaluations.density import add_sampled_figures
from training.evaluations.density import mean_with_interval
from training.evaluations.density import plus_minus
from training.evaluations.density import whose_interval
from training.report import Report


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        mean, half = mean_with_interval(rng.normal(2.0, 3.0, 50))
        covered += abs(mean - 2.0) <= half
    assert 0.91 < covered / 400 < 0.98


def test_one_value_has_no_interval():
    mean, half = mean_with_interval(np.array([3.0]))
    assert mean == 3.0 and np.isnan(half)
    assert plus_minus(mean, half) == "3.00"
    assert plus_minus(0.5, 0.0123, 3) == "0.500 ± 0.012"


def test_an_interval_is_told_of_where_there_is_one():
    assert whose_interval(2) == "all 2 test examples, 95 % interval"
    said = whose_interval(1, "test image")
    assert said == "the only test image: too few for an interval"


def test_interval_of_known_values():
    mean, half = mean_with_interval(np.array([1.0, 3.0]))
    assert mean == 2.0
    assert half == pytest.approx(1.96)


def test_vectors_are_drawn_as_rows_of_a_table():
    x = np.linspace(-3.0, 5.0, 4 * 6).reshape(4, 6).astype("float32")
    evaluation = types.SimpleNamespace(
        dataset=types.SimpleNamespace(kind="vectors"),
        model=types.SimpleNamespace(
            sample=lambda count, seed: tf.constant(x[:count])
        ),
        shown=lambda count: (x[:count], {}),
    )
    report = Report("density")
    add_sampled_figures(report, evaluation)
    ((name, _, image),) = report.figures
    assert name == "samples"
    # Two tables of 4 rows and 6 columns, between borders.
    assert image.shape == (2 * 4 * 8 + 3, 6 * 8 + 2, 1)
    assert image.min() == 0.0 and image.max() == 1.0
