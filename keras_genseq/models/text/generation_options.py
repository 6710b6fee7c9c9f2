"""What generation may be asked for: the inputs of its endpoints."""

import tensorflow as tf

from keras_genseq.models.base.endpoint import MAX_STEPS
from keras_genseq.models.base.endpoint import Input
from keras_genseq.models.base.endpoint import count_input
from keras_genseq.models.base.endpoint import rounds_sizes_up
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import temperature_input
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.values import as_int32
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure
from keras_genseq.samplers import SamplingOptions

MAX_REPETITION_PENALTY = 100.0
# No vocabulary has more tokens; what exceeds a smaller one filters nothing.
MAX_TOP_K = 2**20


def generation_inputs(stop_token_id=0, max_new_tokens=MAX_STEPS):
    """The inputs beside the prompt: dict of name to `Input`.

    Args:
        stop_token_id: default of the tokens that end an answer.
        max_new_tokens: int. The most tokens that may be asked for.
    """
    row_int = tf.TensorSpec((None,), tf.int32)
    row_float = tf.TensorSpec((None,), tf.float32)
    return {
        "seed": seed_input(),
        "max_new_tokens": count_input(
            "the most tokens of the answer",
            default=128,
            maximum=max_new_tokens,
            example=8,
        ),
        "temperature": temperature_input(
            "below 1 sharpens every step, 0 decodes greedily"
        ),
        "top_k": Input(
            row_int,
            "only the k most probable tokens; 0 is off",
            default=0,
            minimum=0,
            maximum=MAX_TOP_K,
        ),
        "top_p": Input(
            row_float,
            "only the most probable tokens that together have this "
            "probability; 1 is off",
            default=1.0,
            minimum=0.0,
            maximum=1.0,
        ),
        "min_p": Input(
            row_float,
            "only tokens with this part of the highest probability; 0 is off",
            default=0.0,
            minimum=0.0,
            maximum=1.0,
            served=False,
        ),
        "repetition_penalty": Input(
            row_float,
            "divides the logits of tokens that the text holds; None is off",
            _unless_none(
                "repetition_penalty",
                tf.float32,
                minimum=1e-3,
                maximum=MAX_REPETITION_PENALTY,
            ),
            default=None,
            served=False,
        ),
        "no_repeat_ngram_size": Input(
            row_int,
            "no n-gram of this size comes twice; None is off",
            _unless_none(
                "no_repeat_ngram_size", tf.int32, minimum=0, maximum=MAX_STEPS
            ),
            default=None,
            served=False,
        ),
        "stop_token_id": Input(
            row_int,
            "tokens that end the answer; 0 is none",
            _as_stops,
            default=stop_token_id,
            served=False,
        ),
    }


def sampling_options(
    temperature,
    top_k,
    top_p,
    min_p,
    repetition_penalty=None,
    no_repeat_ngram_size=None,
):
    """Checked knobs as `SamplingOptions`; what filters nothing is left out.

    Args:
        temperature, top_k, top_p, min_p: `(batch_size,)` tensors.
        repetition_penalty, no_repeat_ngram_size: the same, or None.
    """
    options = SamplingOptions(temperature, top_k, top_p, min_p)
    if rounds_sizes_up() and _filters_nothing(options):
        options = SamplingOptions(temperature)
    if repetition_penalty is None and no_repeat_ngram_size is None:
        return options
    if repetition_penalty is None:
        repetition_penalty = tf.ones_like(temperature)
    if no_repeat_ngram_size is None:
        no_repeat_ngram_size = tf.zeros_like(top_k)
    return options._replace(
        repetition_penalty=repetition_penalty,
        no_repeat_ngram_size=no_repeat_ngram_size,
    )


def _unless_none(name, dtype, **limits):
    def check(value, num_rows):
        if value is None:
            return None
        return as_row_values(value, num_rows, dtype, name=name, **limits)

    return check


def _as_stops(stop_token_id, num_rows):
    """`(num_rows, n)` int32: the tokens that end each row."""
    stops = as_tensor(stop_token_id, "stop_token_id")
    if stops.shape.rank != 2 or not stops.dtype.is_integer:
        limits = {"name": "stop_token_id", "minimum": 0}
        return as_row_values(stops, num_rows, tf.int32, **limits)[:, None]
    stops = as_int32(stops, "stop_token_id")
    if stops.shape[0] == 1:
        stops = tf.repeat(stops, num_rows, axis=0)
    return ensure(
        stops,
        tf.equal(tf.shape(stops)[0], num_rows) & tf.reduce_all(stops >= 0),
        "`stop_token_id` must have a row of token ids, at least 0, for each "
        "prompt, or one row for all.",
    )


def _filters_nothing(options):
    return bool(
        tf.reduce_all(options.top_k == 0)
        & tf.reduce_all(options.top_p >= 1.0)
        & tf.reduce_all(options.min_p <= 0.0)
    )
