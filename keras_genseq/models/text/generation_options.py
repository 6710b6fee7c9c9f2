"""What generation is asked for: checked, one value per row."""

from typing import NamedTuple

import tensorflow as tf

from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.value_checks import ensure
from keras_genseq.samplers import SamplingOptions

# A request for more would be one for all of a server's memory.
_MOST_NEW_TOKENS = 2**16


class GenerationRequest(NamedTuple):
    """Prompts and how to continue each of them.

    Args:
        prompt: `(batch_size, time)` int32 token ids, 0 at the end of rows.
        seeds: `(batch_size,)` int32.
        max_new_tokens: `(batch_size,)` int32.
        options: `SamplingOptions`.
        stop: `(batch_size, n)` int32 token ids; 0 is none.
    """

    prompt: tf.Tensor
    seeds: tf.Tensor
    max_new_tokens: tf.Tensor
    options: SamplingOptions
    stop: tf.Tensor


def as_request(
    prompt,
    seed,
    max_new_tokens,
    *,
    temperature=1.0,
    top_k=0,
    top_p=1.0,
    min_p=0.0,
    repetition_penalty=None,
    no_repeat_ngram_size=None,
    stop_token_id=0,
):
    """Checks what is asked for and gives every row a value of its own.

    Args:
        prompt: `(batch_size, time)` int32 token ids.
        seed: `(batch_size,)` integers; or, in eager code, an int that is spread
            over the rows, or None.
        max_new_tokens, temperature, top_k, top_p, min_p: scalar, or one value
            per row.
        repetition_penalty, no_repeat_ngram_size: the same, or None for both.
        stop_token_id: scalar, one value per row, or rows of several, of which
            one serves all.

    Returns:
        `GenerationRequest`.

    Raises:
        ValueError: if a value is out of range, or there are neither one nor
            `batch_size` (in a graph: `InvalidArgumentError`).
    """
    rows = prompt.shape[0] or tf.shape(prompt)[0]

    def per_row(values, dtype, name, **limits):
        return as_row_values(values, rows, dtype, name=name, **limits)

    options = SamplingOptions(
        per_row(temperature, tf.float32, "temperature", minimum=0.0),
        per_row(top_k, tf.int32, "top_k", minimum=0),
        per_row(top_p, tf.float32, "top_p", minimum=0.0, maximum=1.0),
        per_row(min_p, tf.float32, "min_p", minimum=0.0, maximum=1.0),
    )
    if tf.executing_eagerly() and _filters_nothing(options):
        options = SamplingOptions(options.temperature)
    if repetition_penalty is not None or no_repeat_ngram_size is not None:
        options = options._replace(
            repetition_penalty=per_row(
                1.0 if repetition_penalty is None else repetition_penalty,
                tf.float32,
                "repetition_penalty",
                minimum=1e-3,
            ),
            no_repeat_ngram_size=per_row(
                0 if no_repeat_ngram_size is None else no_repeat_ngram_size,
                tf.int32,
                "no_repeat_ngram_size",
                minimum=0,
            ),
        )
    return GenerationRequest(
        prompt,
        as_seeds(seed, rows),
        per_row(
            max_new_tokens,
            tf.int32,
            "max_new_tokens",
            minimum=1,
            maximum=_MOST_NEW_TOKENS,
        ),
        options,
        _as_stops(stop_token_id, rows),
    )


def _as_stops(stop_token_id, rows):
    """`(rows, n)` int32: the tokens that end each row."""
    stops = tf.cast(tf.convert_to_tensor(stop_token_id), tf.int32)
    if stops.shape.rank != 2:
        limits = {"name": "stop_token_id", "minimum": 0}
        return as_row_values(stops, rows, tf.int32, **limits)[:, None]
    if stops.shape[0] == 1:
        stops = tf.repeat(stops, rows, axis=0)
    return ensure(
        stops,
        tf.equal(tf.shape(stops)[0], rows) & tf.reduce_all(stops >= 0),
        "`stop_token_id` must have a row of token ids, at least 0, for each "
        "prompt, or one row for all.",
    )


def _filters_nothing(options):
    return bool(
        tf.reduce_all(options.top_k == 0)
        & tf.reduce_all(options.top_p >= 1.0)
        & tf.reduce_all(options.min_p <= 0.0)
    )
