"""Beam search over the tokens of a model, in one loop of static shapes."""

import tensorflow as tf

# Finite, and below every log-probability of a sequence.
IMPOSSIBLE = -1e9


def beam_search(
    decode_step,
    cache,
    *,
    beam_width,
    num_steps,
    max_new_tokens,
    length_penalty,
    end_id,
):
    """Finds likely sequences, for each row the best `beam_width` it met.

    A sequence Y that has ended, by `end_id` or at its row's last step, scores

        log P(Y) / ((5 + |Y|) / 6)^length_penalty

    with its end counted in |Y|, and stays as it is. The search is over when no
    living sequence can still displace a finished one: log-probabilities only
    fall, and no penalty exceeds that of the longest sequence.

    Args:
        decode_step: callable `(token_ids, cache) -> (logits, cache)`, for
            `(batch_size * beam_width,)` tokens last seen.
        cache: structure of tensors, those of rank 0 shared by all, the others
            `(batch_size * beam_width, ...)`.
        beam_width: int.
        num_steps: int or integer tensor. The most steps of any row.
        max_new_tokens: `(batch_size,)` int32, of each row.
        length_penalty: `(batch_size,)` float32, at least 0.
        end_id: int. The token that ends a sequence.

    Returns:
        `(batch_size, beam_width, num_steps)` int32 tokens, 0 after the end,
        and `(batch_size, beam_width)` float32 scores, the best first; a row
        with fewer sequences has zeros and -1e9 instead.

    References:
        - [Wu et al., 2016](https://arxiv.org/abs/1609.08144), Eq. 14
    """
    rows = max_new_tokens.shape[0] or tf.shape(max_new_tokens)[0]
    columns = tf.range(num_steps)

    def penalty(length):
        length = tf.cast(length, tf.float32)
        return ((5.0 + length) / 6.0) ** length_penalty

    lasting = penalty(max_new_tokens)

    def goes_on(t, last, cache, tokens, log_prob, done, scores):
        bound = tf.reduce_max(log_prob, axis=1) / lasting
        is_open = bound > tf.reduce_min(scores, axis=1)
        is_alive = log_prob[:, 0] > 0.5 * IMPOSSIBLE
        return (t < num_steps) & tf.reduce_any(is_open & is_alive)

    def step(t, last, cache, tokens, log_prob, done, scores):
        logits, cache = decode_step(tf.reshape(last, [-1]), cache)
        size = logits.shape[-1]
        nats = tf.nn.log_softmax(logits)
        nats = tf.reshape(nats, (rows, beam_width, size)) + log_prob[..., None]
        # Of two candidates a beam, at most one can have ended.
        nats, flat = tf.math.top_k(
            tf.reshape(nats, (rows, beam_width * size)), 2 * beam_width
        )
        parents, token = flat // size, flat % size
        tokens = tf.gather(tokens, parents, batch_dims=1)
        tokens = tf.where(columns == t, token[..., None], tokens)
        is_last = (t + 1 >= max_new_tokens)[:, None]
        ended = (token == end_id) | is_last

        new_scores = nats / penalty(t + 1)[:, None]
        new_scores = tf.where(
            ended & (nats > 0.5 * IMPOSSIBLE), new_scores, IMPOSSIBLE
        )
        # The older ones first: of equal scores they stay.
        scores, chosen = tf.math.top_k(
            tf.concat([scores, new_scores], axis=1), beam_width
        )
        done = tf.concat([done, tokens], axis=1)
        done = tf.gather(done, chosen, batch_dims=1)

        nats = tf.where(ended, IMPOSSIBLE, nats)
        log_prob, chosen = tf.math.top_k(nats, beam_width)
        tokens, last, parents = (
            tf.gather(x, chosen, batch_dims=1) for x in (tokens, token, parents)
        )
        origins = parents + tf.range(rows)[:, None] * beam_width
        cache = _reordered(cache, tf.reshape(origins, [-1]))
        return t + 1, last, cache, tokens, log_prob, done, scores

    none = tf.zeros((rows, beam_width), tf.int32)
    tokens = tf.zeros((rows, beam_width, num_steps), tf.int32)
    impossible = tf.fill((rows, beam_width), IMPOSSIBLE)
    # All beams begin alike: one of them is enough.
    log_prob = tf.where(tf.range(beam_width) == 0, 0.0, impossible)
    *_, done, scores = tf.while_loop(
        goes_on,
        step,
        (tf.constant(0), none, cache, tokens, log_prob, tokens, impossible),
        maximum_iterations=num_steps,
        parallel_iterations=1,
    )
    is_found = (scores > 0.5 * IMPOSSIBLE)[..., None]
    return tf.where(is_found, done, 0), scores


def _reordered(cache, origins):
    """Gives each beam the cache of the beam that it goes on from."""
    return tf.nest.map_structure(
        lambda x: tf.gather(x, origins) if x.shape.rank else x, cache
    )
