"""Temperature, top-k, top-p and min-p, each with a value of its own per row.

Every function is arithmetic on whole rows: eager code, a graph, XLA and an
exported SavedModel draw the same tokens from the same uniform numbers.
"""

from typing import Any
from typing import NamedTuple

import tensorflow as tf
from keras import ops

from keras_genseq.ops.sampling import categories_from_uniforms

# Finite, and its softmax is 0.
EXCLUDED = -1e9
_LEAST_TEMPERATURE = 1e-6
# Of sums of probabilities: 0.5 + 0.3 reaches 0.8.
_ROUNDING = 1e-6


class SamplingOptions(NamedTuple):
    """How tokens are drawn; each a `(batch_size,)` tensor.

    The filters are all there or all None, which spares the sorting; so are the
    last two, which spares the history.

    Args:
        temperature: float32. Logits are divided by it; 0 takes the mode.
        top_k: int32. Only the k most probable tokens; 0 is off.
        top_p: float32. Only the most probable tokens that together have at
            least this probability; 1 is off.
        min_p: float32. Only tokens with at least this part of the probability
            of the most probable one; 0 is off.
        repetition_penalty: float32. Positive logits of tokens that the row
            holds are divided by it, negative ones multiplied; 1 is off.
        no_repeat_ngram_size: int32. No n-gram of this size comes twice; 0 is
            off.
    """

    temperature: Any
    top_k: Any = None
    top_p: Any = None
    min_p: Any = None
    repetition_penalty: Any = None
    no_repeat_ngram_size: Any = None


def draw_tokens(logits, uniforms, options):
    """Draws a token for each row.

    Temperature acts first, then top-k, top-p and min-p; what they keep is
    renormalized.

    Args:
        logits: `(batch_size, vocabulary_size)` float32, `EXCLUDED` where a
            token must not be drawn at any temperature.
        uniforms: `(batch_size,)` in (0, 1).
        options: `SamplingOptions`.

    Returns:
        `(batch_size,)` int32 token ids; 0, padding, where every token is
        excluded.
    """
    mode = ops.cast(ops.argmax(logits, axis=-1), "int32")
    mode = ops.where(ops.all(is_excluded(logits), axis=-1), 0, mode)
    # Where all rows take the mode, no softmax and no sums of it.
    return ops.cond(
        ops.any(options.temperature > 0.0),
        lambda: _draw(logits, mode, uniforms, options),
        lambda: mode,
    )


def is_excluded(logits):
    """Where tokens must never be drawn: booleans like `logits`."""
    return logits <= 0.5 * EXCLUDED


def _draw(logits, mode, uniforms, options):
    temperature = options.temperature
    cool = ops.maximum(temperature, _LEAST_TEMPERATURE)
    # No temperature makes of what is excluded something that is not.
    kept = ops.where(is_excluded(logits), EXCLUDED, logits / cool[:, None])
    if options.top_k is not None:
        kept = keep_likely(kept, options)
    drawn = categories_from_uniforms(kept, uniforms, ops.ones_like(temperature))
    # The last category takes the rounding of the sum; an excluded one must not.
    chosen = ops.take_along_axis(kept, drawn[:, None], axis=-1)[:, 0]
    drawn = ops.where(is_excluded(chosen), mode, drawn)
    return ops.where(temperature > 0.0, drawn, mode)


def keep_likely(logits, options):
    """Excludes the tokens that top-k, top-p and min-p leave out.

    The most probable token always stays; of equally probable ones at the
    border the smaller ids stay.

    Args:
        logits: `(batch_size, vocabulary_size)` float32, already divided by the
            temperature.
        options: `SamplingOptions`.

    Returns:
        Tensor like `logits`, `EXCLUDED` where a token is left out.
    """
    size = logits.shape[-1]
    order = ops.argsort(-logits, axis=-1)
    ranked = ops.take_along_axis(logits, order, axis=-1)
    ranks = ops.argsort(order, axis=-1)
    top_k = ops.where(options.top_k > 0, options.top_k, size)
    keep = ops.arange(size, dtype="int32")[None, :] < top_k[:, None]
    probabilities = ops.softmax(ops.where(keep, ranked, EXCLUDED), axis=-1)
    before = tf.cumsum(probabilities, axis=-1, exclusive=True)
    off = (options.top_p >= 1.0)[:, None]
    reached = before >= options.top_p[:, None] - _ROUNDING
    keep = keep & (off | ~reached)
    least = options.min_p[:, None] * probabilities[:, :1]
    keep = keep & (probabilities >= least)
    keep = keep | (ops.arange(size, dtype="int32")[None, :] == 0)
    keep = ops.take_along_axis(keep, ranks, axis=-1)
    return ops.where(keep, logits, EXCLUDED)
