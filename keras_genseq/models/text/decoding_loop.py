"""The loop that continues rows of tokens, one step of a model per token."""

import tensorflow as tf

from keras_genseq.samplers import draw_tokens
from keras_genseq.samplers.repetition import discourage
from keras_genseq.samplers.repetition import empty_history
from keras_genseq.samplers.repetition import remember


def continue_tokens(
    decode_step, x, given, end, uniforms, options, stop, before, start=0
):
    """Walks along rows, keeping the tokens given and drawing the others.

    Args:
        decode_step: callable `(token_ids, cache) -> (logits, cache)`, for
            the `(batch_size,)` tokens last seen.
        x: `(batch_size, time)` int32 token ids; those not given do not matter.
        given: `(batch_size, time)` booleans.
        end: `(batch_size,)` int32. Steps of each row; the rest stays 0.
        uniforms: `(batch_size, time)` in (0, 1), the noise of each step.
        options: `SamplingOptions`.
        stop: `(batch_size, n)` int32. A row ends after it has drawn one of
            these tokens; 0 is none.
        before: what was known before the first step: the last token, the
            model's cache, and `(batch_size,)` booleans, False for rows that
            have ended.
        start: int or int32 scalar. The first step; `before` knows those before
            it, which are given in all rows.

    Returns:
        `(batch_size, time)` int32 tokens, the `(batch_size,)` log-probability
        of the drawn ones under the model (temperature 1, no filters), and what
        is known after the last step.
    """
    num_steps = x.shape[1] if x.shape[1] is not None else tf.shape(x)[1]
    num_rows = x.shape[0]
    last = tf.minimum(tf.reduce_max(end), num_steps)
    columns = [
        tf.TensorArray(
            value.dtype, num_steps, element_shape=(num_rows,)
        ).unstack(tf.transpose(value))
        for value in (x, given, uniforms)
    ]
    history = ()
    if options.repetition_penalty is not None:
        history = _history_of(x, start, num_steps)
    outputs = tf.TensorArray(tf.int32, num_steps, element_shape=(num_rows,))
    # Steps that the loop does not reach are written beforehand.
    known_before = tf.range(num_steps)[:, None] < start
    outputs = outputs.unstack(tf.where(known_before, tf.transpose(x), 0))

    def goes_on(t, known, history, outputs, log_prob):
        return (t < last) & tf.reduce_any(known[2])

    def step(t, known, history, outputs, log_prob):
        token, cache, alive = known
        given_token, is_given, uniform = (c.read(t) for c in columns)
        logits, cache = decode_step(token, cache)
        wanted = logits
        if history:
            wanted = discourage(logits, history, t, options)
        drawn = draw_tokens(wanted, uniform, options)
        live = alive & (t < end)
        token = tf.where(is_given, given_token, drawn)
        token = tf.where(live, token, 0)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(drawn, logits)
        # Where every token is banned, 0 is drawn, and the row ends.
        is_none = drawn == 0
        log_prob -= tf.where(live & ~is_given & ~is_none, nats, 0.0)
        is_stop = is_none | tf.reduce_any(drawn[:, None] == stop, axis=1)
        alive = live & (is_given | ~is_stop)
        known = (token, cache, alive)
        after = remember(history, t, token) if history else ()
        return t + 1, known, after, outputs.write(t, token), log_prob

    _, known, _, outputs, log_prob = tf.while_loop(
        goes_on,
        step,
        (
            tf.convert_to_tensor(start),
            before,
            history,
            outputs,
            tf.zeros_like(uniforms[:, 0]),
        ),
        maximum_iterations=num_steps,
        parallel_iterations=1,
    )
    return tf.transpose(outputs.stack()), log_prob, known


def _history_of(x, start, num_steps):
    """The history after the first `start` steps."""
    history = empty_history(tf.shape(x)[0], num_steps)
    return tf.while_loop(
        lambda t, history: t < start,
        lambda t, history: (t + 1, remember(history, t, x[:, t])),
        (tf.constant(0), history),
    )[1]
