import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.samplers import SamplingOptions
from keras_genseq.samplers import draw_tokens
from keras_genseq.samplers.repetition import discourage
from keras_genseq.samplers.repetition import empty_history
from keras_genseq.samplers.repetition import remember
from keras_genseq.samplers.token_sampling import EXCLUDED

TEXT = [1, 2, 3, 1, 2, 4, 1, 2]
LOGITS = np.array([-1e9, 2.0, -1.0, 0.5, -3.0], "float32")


def discouraged(text, penalty=1.0, size=0, jit=False):
    def run(text):
        history = empty_history(1, 12)
        for t in range(text.shape[0]):
            history = remember(history, tf.constant(t), text[t : t + 1])
        knobs = SamplingOptions(
            tf.ones([1]),
            repetition_penalty=tf.constant([penalty]),
            no_repeat_ngram_size=tf.constant([size]),
        )
        step = tf.constant(text.shape[0])
        return discourage(tf.constant(LOGITS[None]), history, step, knobs)

    run = tf.function(run, jit_compile=jit, autograph=False)
    return run(tf.constant(text, tf.int32)).numpy()[0]


def banned_by_hand(text, size):
    """The last tokens of n-grams that begin as the text ends."""
    if not size:
        return set()
    grams = [text[i : i + size] for i in range(len(text) - size + 1)]
    prefix = text[len(text) - size + 1 :]
    return {g[-1] for g in grams if g[:-1] == prefix}


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
def test_no_ngram_comes_twice(size):
    rng = np.random.default_rng(size)
    for text in (TEXT, rng.integers(1, 5, 10).tolist(), [1]):
        logits = discouraged(text, size=size)
        banned = banned_by_hand(text, size)
        for token in range(1, 5):
            if token in banned:
                assert logits[token] == EXCLUDED
            else:
                assert logits[token] == LOGITS[token]


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_tokens_seen_are_penalized_whatever_their_sign(jit):
    logits = discouraged([1, 2, 2], penalty=2.0, jit=jit)
    np.testing.assert_allclose(logits[1:], [1.0, -2.0, 0.5, -3.0])


def test_the_defaults_change_nothing():
    np.testing.assert_array_equal(discouraged(TEXT), LOGITS)


@pytest.mark.parametrize("temperature", [0.0, 1e-3, 1.5, 100.0, 3e8])
@pytest.mark.parametrize("top_p", [None, 0.5, 1.0])
def test_what_is_banned_is_never_drawn(temperature, top_p):
    logits = discouraged(TEXT, size=2)
    banned = set(np.flatnonzero(logits == EXCLUDED))
    assert banned == {0, 3, 4}
    # The last one takes the rounding of the sum: a uniform number of 1.
    uniforms = tf.constant([1e-7, 0.3, 0.7, 1.0], tf.float32)
    rows = tf.ones([4])
    options = SamplingOptions(temperature * rows)
    if top_p is not None:
        options = SamplingOptions(
            temperature * rows, 0 * tf.cast(rows, "int32"), top_p * rows, rows
        )._replace(min_p=0.0 * rows)
    for order in (slice(None), [1, 0, 2, 3, 4], [4, 3, 2, 1, 0]):
        shuffled = tf.constant(np.tile(logits[order], (4, 1)))
        drawn = draw_tokens(shuffled, uniforms, options).numpy()
        assert not banned & set(np.arange(5)[order][drawn])


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_padding_is_drawn_where_every_token_is_banned(temperature):
    logits = np.full((2, 5), EXCLUDED, "float32")
    logits[1, 3] = -1e6
    drawn = draw_tokens(
        tf.constant(logits),
        tf.constant([0.999, 0.999]),
        SamplingOptions(tf.fill([2], temperature)),
    )
    np.testing.assert_array_equal(drawn, [0, 3])
