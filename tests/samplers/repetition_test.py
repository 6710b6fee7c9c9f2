import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.samplers import SamplingOptions
from keras_genseq.samplers.repetition import discourage
from keras_genseq.samplers.repetition import empty_history
from keras_genseq.samplers.repetition import remember

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
                assert LOGITS[0] < logits[token] < -1e8
            else:
                assert logits[token] == LOGITS[token]


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_tokens_seen_are_penalized_whatever_their_sign(jit):
    logits = discouraged([1, 2, 2], penalty=2.0, jit=jit)
    np.testing.assert_allclose(logits[1:], [1.0, -2.0, 0.5, -3.0])


def test_the_defaults_change_nothing():
    np.testing.assert_array_equal(discouraged(TEXT), LOGITS)
