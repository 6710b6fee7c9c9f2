import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_genseq.ops.random import row_seeds
from keras_genseq.ops.random import row_uniform
from keras_genseq.samplers import SamplingOptions
from keras_genseq.samplers import draw_tokens
from keras_genseq.samplers import keep_likely

PROBABILITIES = np.array([0.1, 0.4, 0.05, 0.25, 0.2], "float32")


def options(rows=1, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    return SamplingOptions(
        tf.fill([rows], float(temperature)),
        tf.fill([rows], top_k),
        tf.fill([rows], float(top_p)),
        tf.fill([rows], float(min_p)),
    )


def counts(num_draws=20_000, probabilities=PROBABILITIES, **kwargs):
    logits = np.repeat(np.log(probabilities)[None], num_draws, axis=0)
    uniforms = row_uniform(row_seeds(7, num_draws), 1)[:, 0]
    tokens = draw_tokens(logits, uniforms, options(num_draws, **kwargs))
    return np.bincount(tokens, minlength=len(probabilities))


@pytest.mark.parametrize(
    "knobs, weights",
    [
        ({}, PROBABILITIES),
        ({"temperature": 0.5}, PROBABILITIES**2),
        ({"top_k": 2}, [0, 0.4, 0, 0.25, 0]),
        ({"top_k": 9}, PROBABILITIES),
        # 0.4 + 0.25 falls short of 0.7, with 0.2 it reaches it.
        ({"top_p": 0.7}, [0, 0.4, 0, 0.25, 0.2]),
        ({"min_p": 0.49}, [0, 0.4, 0, 0.25, 0.2]),
        # Of the two that top-k keeps, the first has 0.4 / 0.65 > 0.6.
        ({"top_k": 2, "top_p": 0.6}, [0, 0.4, 0, 0, 0]),
        # Sharpened first: 0.16 / 0.285 of the mass.
        ({"temperature": 0.5, "top_p": 0.56}, [0, 0.4, 0, 0, 0]),
    ],
    ids=[
        "plain",
        "temperature",
        "top_k",
        "top_k_all",
        "top_p",
        "min_p",
        "top_k_then_top_p",
        "temperature_then_top_p",
    ],
)
def test_draws_follow_the_distribution_that_is_kept(knobs, weights):
    observed = counts(**knobs)
    weights = np.asarray(weights, "float64")
    kept = weights > 0
    assert not observed[~kept].any()
    expected = weights[kept] / weights.sum() * observed.sum()
    if kept.sum() > 1:
        assert stats.chisquare(observed[kept], expected).pvalue > 1e-3


@pytest.mark.parametrize(
    "knobs",
    [{"temperature": 0.0}, {"top_k": 1}, {"top_p": 0.0}, {"min_p": 1.0}],
    ids=["temperature", "top_k", "top_p", "min_p"],
)
def test_the_strictest_knobs_take_the_likeliest_token(knobs):
    assert counts(100, **knobs)[1] == 100


def test_ties_at_the_border_keep_the_smaller_ids():
    kept = keep_likely(tf.zeros((1, 4)), options(top_k=2))
    assert (np.asarray(kept)[0] == 0).tolist() == [True, True, False, False]


def test_rows_have_knobs_of_their_own():
    logits = np.repeat(np.log(PROBABILITIES)[None], 3, axis=0)
    knobs = SamplingOptions(
        tf.constant([0.0, 1.0, 1.0]),
        tf.constant([0, 2, 0]),
        tf.constant([1.0, 1.0, 0.7]),
        tf.constant([0.0, 0.0, 0.0]),
    )
    for uniform in np.linspace(0.01, 0.99, 15, dtype="float32"):
        together = draw_tokens(logits, tf.fill([3], uniform), knobs)
        for i in range(3):
            alone = draw_tokens(
                logits[i : i + 1],
                tf.fill([1], uniform),
                SamplingOptions(*(k[i : i + 1] for k in knobs[:4])),
            )
            assert alone[0] == together[i]


def test_absent_filters_are_filters_that_are_off():
    logits = np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
    uniforms = row_uniform(row_seeds(1, 50), 1)[:, 0]
    temperature = np.full((50,), 0.7, "float32")
    bare = draw_tokens(logits, uniforms, SamplingOptions(temperature))
    off = draw_tokens(logits, uniforms, options(50, temperature=0.7))
    np.testing.assert_array_equal(bare, off)


def test_xla_draws_the_same_tokens():
    logits = np.random.default_rng(0).normal(size=(200, 9)).astype("float32")
    uniforms = row_uniform(row_seeds(1, 200), 1)[:, 0]
    knobs = options(200, temperature=0.8, top_k=5, top_p=0.9, min_p=0.1)
    compiled = tf.function(draw_tokens, jit_compile=True)
    np.testing.assert_array_equal(
        draw_tokens(logits, uniforms, knobs), compiled(logits, uniforms, knobs)
    )


def test_top_p_stops_at_the_token_that_reaches_it():
    # The sums are exact: a token too many is not one of rounding.
    probabilities = np.array(
        [[0.25, 0.125, 0.125, 0.5], [0.125, 0.3125, 0.3125, 0.25]], "float32"
    )
    for top_p, expected in (
        (0.75, [[1, 0, 0, 1], [0, 1, 1, 1]]),
        (0.875, [[1, 1, 0, 1], [0, 1, 1, 1]]),
        (0.625, [[1, 0, 0, 1], [0, 1, 1, 0]]),
    ):
        logits = keep_likely(np.log(probabilities), options(2, top_p=top_p))
        np.testing.assert_array_equal(logits > -1e8, expected)


def test_top_p_of_transformers_own_example():
    # From their documentation of nucleus sampling: 0.8 keeps 0.3 and 0.5.
    probabilities = np.array(
        [[0.3, 0.1, 0.1, 0.5], [0.15, 0.3, 0.3, 0.25]], "float32"
    )
    logits = keep_likely(np.log(probabilities), options(2, top_p=0.8))
    np.testing.assert_array_equal(logits > -1e8, [[1, 0, 0, 1], [0, 1, 1, 1]])
