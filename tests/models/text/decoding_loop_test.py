import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.text.decoding_loop import continue_tokens
from keras_genseq.models.text.output_projection import without_padding
from keras_genseq.samplers import SamplingOptions

PROBABILITY = 0.9


def next_logits(token_ids, states):
    """Token i is followed by i + 1 with probability 0.9, else by anything."""
    likely = tf.one_hot((token_ids + 1) % 5, 5)
    rest = (1.0 - PROBABILITY) / 4
    probabilities = likely * (PROBABILITY - rest) + rest
    return tf.math.log(probabilities), states + 1


def walk(x, given, end, stop=0, alive=True, start=0, penalty=None):
    x, given = np.array(x, "int32"), np.array(given, bool)
    rows = len(x)
    before = (
        tf.constant(x[:, start - 1] if start else np.zeros(rows), tf.int32),
        tf.fill([rows], start),
        tf.fill([rows], alive),
    )
    options = SamplingOptions(tf.zeros([rows]))
    if penalty:
        options = options._replace(
            repetition_penalty=tf.fill([rows], penalty),
            no_repeat_ngram_size=tf.zeros([rows], tf.int32),
        )
    return continue_tokens(
        next_logits,
        x,
        given,
        tf.convert_to_tensor(end),
        tf.fill(x.shape, 0.5),
        options,
        tf.constant(np.tile(np.atleast_1d(stop), (rows, 1)), tf.int32),
        before,
        start,
    )


def test_the_likeliest_tokens_count_on():
    tokens, log_prob, (last, steps, alive) = walk(
        np.zeros((1, 4)), np.zeros((1, 4)), [4]
    )
    np.testing.assert_array_equal(tokens, [[1, 2, 3, 4]])
    np.testing.assert_allclose(log_prob, 4 * np.log(0.9), rtol=1e-6)
    assert last[0] == 4 and steps[0] == 4 and alive[0]


def test_tokens_given_are_kept_and_not_scored():
    tokens, log_prob, _ = walk([[3, 0, 1, 0]], [[1, 0, 1, 0]], [4])
    np.testing.assert_array_equal(tokens, [[3, 4, 1, 2]])
    np.testing.assert_allclose(log_prob, 2 * np.log(0.9), rtol=1e-6)


def test_rows_end_where_they_are_told_to_and_the_loop_with_the_last():
    zeros = np.zeros((2, 6))
    tokens, log_prob, (_, steps, _) = walk(zeros, zeros, [1, 3])
    expected = [[1, 0, 0, 0, 0, 0], [1, 2, 3, 0, 0, 0]]
    np.testing.assert_array_equal(tokens, expected)
    np.testing.assert_allclose(
        log_prob, np.array([1, 3]) * np.log(0.9), rtol=1e-6
    )
    assert steps[0] == 3


def test_a_drawn_stop_token_ends_a_row_but_a_given_one_does_not():
    zeros = np.zeros((1, 6))
    tokens, _, (_, steps, alive) = walk(zeros, zeros, [6], stop=2)
    np.testing.assert_array_equal(tokens, [[1, 2, 0, 0, 0, 0]])
    assert steps[0] == 2 and not alive[0]
    tokens, _, _ = walk(zeros, zeros, [6], stop=[4, 0, 3])
    np.testing.assert_array_equal(tokens, [[1, 2, 3, 0, 0, 0]])
    tokens, _, _ = walk([[2, 0, 0]], [[1, 0, 0]], [3], stop=2)
    np.testing.assert_array_equal(tokens, [[2, 3, 4]])


def test_rows_that_have_ended_draw_nothing():
    zeros = np.zeros((1, 3))
    tokens, log_prob, _ = walk(zeros, zeros, [3], alive=False)
    assert not tokens.numpy().any() and log_prob[0] == 0.0


def test_xla_walks_alike():
    zeros = np.zeros((2, 5))
    eager = walk(zeros, zeros, [2, 5])
    compiled = tf.function(
        lambda end: walk(zeros, zeros, end), jit_compile=True
    )(tf.constant([2, 5]))
    for a, b in zip(
        tf.nest.flatten(eager), tf.nest.flatten(compiled), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_steps_known_before_are_not_walked_but_written():
    x, given = [[3, 4, 1, 0]], [[1, 1, 1, 0]]
    whole = walk(x, given, [4])
    tokens, log_prob, (last, steps, _) = walk(x, given, [4], start=2)
    np.testing.assert_array_equal(tokens, [[3, 4, 1, 2]])
    np.testing.assert_array_equal(log_prob, whole[1])
    assert last[0] == 2 and steps[0] == 4


def test_the_penalty_knows_the_steps_known_before():
    x, given = [[2, 1, 0]], [[1, 1, 0]]
    # After 1 comes 2, but for a penalty: the row holds it.
    assert walk(x, given, [3])[0][0, 2] == 2
    # Log-probabilities are negative: the penalty multiplies them.
    for start in (0, 2):
        tokens, _, _ = walk(x, given, [3], start=start, penalty=100.0)
        assert tokens[0, 2] == 0 or tokens[0, 2] > 2


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_row_whose_every_token_is_banned_ends(temperature):
    rows = 2
    options = SamplingOptions(
        tf.fill([rows], temperature),
        repetition_penalty=tf.ones([rows]),
        no_repeat_ngram_size=tf.constant([1, 0]),
    )

    def logits_of(token_ids, states):
        logits, states = next_logits(token_ids, states)
        return without_padding(logits), states

    zeros = tf.zeros([rows, 9], tf.int32)
    tokens, log_prob, (_, _, alive) = continue_tokens(
        logits_of,
        zeros,
        zeros > 0,
        tf.fill([rows], 9),
        tf.fill(zeros.shape, 0.7),
        options,
        zeros[:, :1],
        (zeros[:, 0], zeros[:, 0], tf.fill([rows], True)),
    )
    # Each of the four once, then nothing.
    assert sorted(tokens[0, :4].numpy()) == [1, 2, 3, 4]
    assert not tokens[0, 4:].numpy().any() and tokens[1].numpy().all()
    assert np.all(log_prob > -100.0)
    np.testing.assert_array_equal(alive, [False, True])
