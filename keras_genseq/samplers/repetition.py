"""What keeps a text from repeating itself, with a value of its own per row.

Both rules see the whole row, its prompt included. What they need of it grows
by one token a step, at the cost of one comparison of the new token with all.
"""

from typing import Any
from typing import NamedTuple

from keras import ops

from keras_genseq.samplers.token_sampling import EXCLUDED


class History(NamedTuple):
    """The tokens of rows so far.

    Args:
        tokens: `(batch_size, time)` int32, 0 from the present step on.
        matches: `(batch_size, time)` int32. How many tokens right before each
            step equal the last ones of the row.
    """

    tokens: Any
    matches: Any


def empty_history(batch_size, num_steps):
    """The history before the first of `num_steps` tokens."""
    zeros = ops.zeros((batch_size, num_steps), "int32")
    return History(zeros, zeros)


def remember(history, step, tokens):
    """Puts the tokens of a step into the history.

    Args:
        history: `History` of the steps before.
        step: integer scalar tensor.
        tokens: `(batch_size,)` int32.

    Returns:
        `History`.
    """
    here = (
        ops.arange(ops.shape(history.tokens)[1], dtype="int32")[None, :] == step
    )
    row = ops.where(here, tokens[:, None], history.tokens)
    # A run of equal tokens continues, or breaks, one step to the right.
    runs = ops.where(row == tokens[:, None], history.matches + 1, 0)
    return History(row, ops.pad(runs[:, :-1], [[0, 0], [1, 0]]))


def discourage(logits, history, step, options):
    """Logits less favourable to what the row holds already.

    Args:
        logits: `(batch_size, vocabulary_size)` float32.
        history: `History` of the steps before.
        step: integer scalar tensor, the present one.
        options: `SamplingOptions`.

    Returns:
        Tensor like `logits`, `EXCLUDED` where a token is banned.

    References:
        - [Keskar et al., 2019](https://arxiv.org/abs/1909.05858), 4.1
        - [Paulus et al., 2017](https://arxiv.org/abs/1705.04304), 2.5
    """
    past = (
        ops.arange(ops.shape(history.tokens)[1], dtype="int32")[None, :] < step
    )
    seen = _tokens_at(past, history.tokens, logits)
    penalty = options.repetition_penalty[:, None]
    penalized = ops.where(logits > 0.0, logits / penalty, logits * penalty)
    logits = ops.where(seen, penalized, logits)
    size = options.no_repeat_ngram_size[:, None]
    ends_ngram = past & (history.matches >= size - 1) & (size > 0)
    banned = _tokens_at(ends_ngram, history.tokens, logits)
    return ops.where(banned, EXCLUDED, logits)


def _tokens_at(chosen, tokens, logits):
    """`(batch_size, vocabulary_size)` booleans: which tokens are chosen."""
    # Padding stands for no token.
    chosen = chosen & (tokens > 0)
    rows = (
        ops.zeros_like(tokens)
        + ops.arange(ops.shape(tokens)[0], dtype="int32")[:, None]
    )
    indices = ops.stack([rows, tokens], axis=-1)
    counts = ops.scatter(
        ops.reshape(indices, (-1, 2)),
        ops.reshape(ops.cast(chosen, "int32"), (-1,)),
        ops.shape(logits),
    )
    return counts > 0
