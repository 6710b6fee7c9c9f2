import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.text.beam_search import beam_search

# Tokens 0 (excluded), 1, 2 and the end, 3.
SIZE, END = 4, 3
LOGITS = np.random.default_rng(0).normal(size=(2, SIZE, SIZE)) * 2.0
LOGITS[..., 0] = -1e9
LOGITS = LOGITS.astype("float32")
# What the sum of all earlier tokens adds to the logits, tenfold.
LENGTHEN = np.array([0, 3, -2, 1])


def search(beam_width, steps, length_penalty=0.6, num_steps=3, jit=False):
    """Searches two rows, each a chain in which a token depends on the last."""

    def run():
        rows = tf.repeat(tf.range(2), beam_width)

        def next_logits(token, states):
            position, row, before = states
            # The state counts the tokens of the beam that goes on.
            logits = tf.gather_nd(LOGITS, tf.stack([row, token], 1))
            logits += 0.1 * tf.cast(before[:, None] * LENGTHEN, tf.float32)
            return logits, [position + 1, row, before + token]

        return beam_search(
            next_logits,
            [tf.constant(0), rows, tf.zeros_like(rows)],
            beam_width=beam_width,
            num_steps=num_steps,
            max_new_tokens=tf.constant(steps),
            length_penalty=tf.fill([2], length_penalty),
            end_id=END,
        )

    return tf.function(run, jit_compile=jit, autograph=False)()


def exhaustive(row, steps, length_penalty, num_steps=3):
    """All sequences of a row and their scores, the best first."""
    found = []
    for length in range(1, steps + 1):
        for tokens in itertools.product([1, 2, 3], repeat=length):
            ended = tokens[-1] == END
            if END in tokens[:-1] or (length < steps and not ended):
                continue
            log_prob, before, last = 0.0, 0, 0
            for token in tokens:
                logits = LOGITS[row, last] + 0.1 * before * LENGTHEN
                log_prob += logits[token] - np.logaddexp.reduce(logits)
                last, before = token, before + last
            score = log_prob / ((5 + length) / 6) ** length_penalty
            found.append((score, [*tokens, *[0] * (num_steps - length)]))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_a_beam_of_full_width_is_an_exhaustive_search(length_penalty, jit):
    tokens, scores = search(27, [3, 2], length_penalty, jit=jit)
    for row, steps in enumerate((3, 2)):
        expected = exhaustive(row, steps, length_penalty)
        count = len(expected)
        np.testing.assert_allclose(
            scores[row, :count], [score for score, _ in expected], rtol=1e-4
        )
        np.testing.assert_array_equal(
            tokens[row, :count], [tokens for _, tokens in expected]
        )
        assert not np.any(tokens[row, count:])


def test_a_beam_of_one_takes_the_likeliest_token():
    tokens, _ = search(1, [3, 3], 0.0)
    for row in range(2):
        token, before = 0, 0
        for t in range(3):
            logits = LOGITS[row, token] + 0.1 * before * LENGTHEN
            token, before = int(np.argmax(logits)), before + token
            assert tokens[row, 0, t] == token
            if token == END:
                break


def test_the_search_stops_when_nothing_can_change_and_not_before():
    steps = []

    def next_logits(token, states):
        steps.append(1)
        return tf.tile([[-1e9, 0.0, 0.0, sharpness]], [2, 1]), states

    def run(max_new_tokens, length_penalty):
        steps.clear()
        _, scores = beam_search(
            next_logits,
            [tf.constant(0)],
            beam_width=2,
            num_steps=max_new_tokens,
            max_new_tokens=tf.constant([max_new_tokens]),
            length_penalty=tf.constant([length_penalty]),
            end_id=END,
        )
        return len(steps), scores.numpy()[0]

    sharpness = 8.0
    # The end alone, and one token with an end: nothing else comes near.
    count, scores = run(16, 0.0)
    assert count == 2 and scores[0] > scores[1] > -9.0
    # Long sequences could still win here: the bound keeps the search open.
    assert run(16, 3.0)[0] > 2


def test_scores_are_those_of_the_sequences_found():
    tokens, scores = (x.numpy() for x in search(4, [3, 3]))
    for row in range(2):
        by_tokens = {tuple(t): s for s, t in exhaustive(row, 3, 0.6)}
        for found, score in zip(tokens[row], scores[row], strict=True):
            assert score == pytest.approx(by_tokens[tuple(found)], rel=1e-4)
