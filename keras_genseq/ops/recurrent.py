"""Recurrences over time with a hand-written backward pass.

Autodiff of a loop accumulates the weights' gradient step by step, in as many
small products as there are steps. Here the backward loop only carries the
states' gradient and keeps that of every step's pre-activations; the weights'
gradient is one large product over all of them, after the loop.
"""

import tensorflow as tf

from keras_genseq.ops.time_loop import loop_function
from keras_genseq.ops.time_loop import time_loop
from keras_genseq.ops.time_loop import unstack
from keras_genseq.ops.time_loop import where


def recurrence(
    step,
    x,
    weights,
    states,
    *,
    mask=None,
    return_sequences=True,
    training=False,
    jit_compile=False,
):
    """Runs a recurrent cell over time.

    It computes in float32 (float64 for float64 inputs) under every dtype
    policy: in 16 bits the states drift, and the small products of the loops
    are no faster on a CPU.

    Args:
        step: a step of `keras_genseq.ops.recurrent_steps`.
        x: `(T, B, G * H)`, the inputs' share of the pre-activations.
        weights: sequence of the step's weights.
        states: sequence of initial states `(B, H)`, the output first.
        mask: optional `(T, B, 1)` booleans; where False, a step leaves the
            states as they were.
        return_sequences: bool. Whether to keep the outputs of all steps.
        training: bool. Whether the forward pass keeps what the backward pass
            needs. Without it gradients are the same, but cost the forward pass
            a second time.
        jit_compile: bool. Whether XLA compiles the loops. A graph that is to
            be served must not contain such a region.

    Returns:
        The outputs `(T, B, H)` after each step (None without
        `return_sequences`), and the list of the last states.
    """
    dtype = tf.float64 if x.dtype == tf.float64 else tf.float32
    mask = None if mask is None else tf.convert_to_tensor(mask)
    num_weights = len(weights)
    options = {"units": states[0].shape[-1], "jit_compile": jit_compile}
    backward = loop_function(_backward, step, **options)

    def forward(x, weights, states, *, save, sequences):
        loop = loop_function(
            _forward, step, save=save, sequences=sequences, **options
        )
        return loop(x, weights, states, mask)

    @tf.custom_gradient
    def differentiable(x, *arguments):
        weights = arguments[:num_weights]
        states = arguments[num_weights:]
        outputs = forward(
            x,
            weights,
            states,
            save=training,
            sequences=return_sequences or training,
        )

        def gradient(*upstream):
            history = outputs
            if not training:
                history = forward(x, weights, states, save=True, sequences=True)
            return _gradients(
                step, backward, history, weights, states, mask, upstream
            )

        last = [tf.identity(state) for state in outputs["last"]]
        if return_sequences:
            return (tf.identity(outputs["states"][0]), *last), gradient
        return tuple(last), gradient

    outputs = differentiable(
        *(tf.cast(value, dtype) for value in (x, *weights, *states))
    )
    if return_sequences:
        return outputs[0], list(outputs[1:])
    return None, list(outputs)


def gather_rows(table, indices):
    """Rows of a matrix, with a dense gradient summed over repeated indices.

    Args:
        table: `(N, D)` tensor with static shape.
        indices: integer tensor.

    Returns:
        Tensor of the shape of `indices`, and D.
    """
    num_rows, width = table.shape

    @tf.custom_gradient
    def gather(table):
        def gradient(upstream):
            return tf.math.unsorted_segment_sum(
                tf.reshape(upstream, (-1, width)),
                tf.reshape(indices, (-1,)),
                num_rows,
            )

        return tf.gather(table, indices), gradient

    return gather(table)


def _gradients(step, backward, history, weights, states, mask, upstream):
    """Gradients of `x`, the weights and the initial states."""
    num_states = len(states)
    d_sequences = upstream[0] if len(upstream) > num_states else None
    d_last = upstream[-num_states:]
    gradients, d_states = backward(
        d_sequences,
        d_last,
        history["states"],
        history["saved"],
        step.transposed(weights),
        states,
        mask,
    )
    h, first = history["states"][0], states[0]

    def over(a, d):
        a, d = (tf.reshape(x, (-1, x.shape[-1])) for x in (a, d))
        return tf.matmul(a, d, transpose_a=True)

    def over_states(d):
        # The state before step t is the one after step t - 1.
        return over(first, d[0]) + over(h[:-1], d[1:])

    d_weights = step.weight_gradients(
        over_states, over, history["saved"], gradients
    )
    return (gradients[0], *d_weights, *d_states)


def _zeros(tensors):
    return [tf.zeros_like(x) for x in tensors]


def _forward(step, x, weights, states, mask, *, units, save, sequences):
    """The loop forward; `states` and `saved` hold a value for each step."""
    widths = []
    if sequences:
        widths += [units] * (len(states) if save else 1)
    num_stacked = len(widths)
    if save:
        widths += step.saved_widths(units)

    def body(t, before, inputs):
        after, saved = step.forward(inputs[0], before, weights)
        if mask is not None:
            after = where(inputs[1], after, before)
        values = [*after[:num_stacked], *(saved if save else ())]
        return after, values

    inputs = [x] if mask is None else [x, mask]
    last, stacks = time_loop(body, tuple(states), inputs, widths)
    return {
        "last": list(last),
        "states": stacks[:num_stacked],
        "saved": stacks[num_stacked:],
    }


def _backward(
    step, d_sequences, d_last, stacks, saved, transposed, states, mask, *, units
):
    """The loop backward: gradients of each step, and of the first states."""
    parts = {"after": stacks, "saved": saved}
    parts["upstream"] = [] if d_sequences is None else [d_sequences]
    parts["mask"] = [] if mask is None else [mask]
    flat = [tensor for part in parts.values() for tensor in part]

    # States before a step are those after the step before.
    previous = [unstack(stack) for stack in stacks]

    def body(t, d_after, inputs):
        values = iter(inputs)
        after, kept, upstream, steps_mask = (
            [next(values) for _ in part] for part in parts.values()
        )
        earlier = [ta.read(tf.maximum(t - 1, 0)) for ta in previous]
        before = [
            tf.where(t > 0, e, first)
            for e, first in zip(earlier, states, strict=True)
        ]
        if upstream:
            d_after = (d_after[0] + upstream[0], *d_after[1:])
        if not steps_mask:
            gradients, d_before = step.backward(
                d_after, before, after, kept, transposed
            )
            return d_before, gradients
        d_stepped = where(steps_mask[0], d_after, _zeros(d_after))
        gradients, d_before = step.backward(
            d_stepped, before, after, kept, transposed
        )
        gradients = where(steps_mask[0], gradients, _zeros(gradients))
        d_kept = d_after
        if step.couples_rows:
            # Rows that took the step have read those that did not.
            d_kept = [a + b for a, b in zip(d_after, d_before, strict=True)]
        return where(steps_mask[0], d_before, d_kept), gradients

    d_states, gradients = time_loop(
        body, tuple(d_last), flat, step.gradient_widths(units), reverse=True
    )
    return gradients, list(d_states)
