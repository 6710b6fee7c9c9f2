"""Recurrences over time with a hand-written backward pass.

Autodiff of a loop accumulates the weights' gradient step by step, in as many
small products as there are steps. Here the backward loop only carries the
states' gradient and keeps that of every step's pre-activations; the weights'
gradient is one large product over all of them, after the loop.

On a CPU the small products of the loops want XLA, and the large ones around
them do not: only the loops are compiled, and only on request.
"""

import functools
import itertools

import tensorflow as tf


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

    The loops compute in float32 (float64 for float64 inputs) under every dtype
    policy: in 16 bits the states drift, and nothing is gained on a CPU. The
    large products of the backward pass keep the dtype of the weights.

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
    run = functools.partial(_loop_function, step, jit_compile=jit_compile)
    mask = None if mask is None else tf.convert_to_tensor(mask)
    num_weights = len(weights)

    def forward(x, weights, states, mask, save, sequences):
        weights = [tf.cast(w, dtype) for w in weights]
        return run(_forward, save=save, sequences=sequences)(
            x, weights, states, mask
        )

    @tf.custom_gradient
    def differentiable(x, *arguments):
        weights = arguments[:num_weights]
        states = arguments[num_weights:]
        outputs = forward(
            x, weights, states, mask, training, return_sequences or training
        )
        saved = outputs if training else None

        def gradient(*upstream):
            history = saved or forward(x, weights, states, mask, True, True)
            return _gradients(
                step, run, history, weights, states, mask, upstream
            )

        last = [tf.identity(state) for state in outputs["last"]]
        if return_sequences:
            return (tf.identity(outputs["states"][0]), *last), gradient
        return tuple(last), gradient

    outputs = differentiable(
        tf.cast(x, dtype), *weights, *(tf.cast(s, dtype) for s in states)
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


def _gradients(step, run, history, weights, states, mask, upstream):
    """Gradients of `x`, the weights and the initial states."""
    num_states = len(states)
    d_sequences = upstream[0] if len(upstream) > num_states else None
    d_last = upstream[-num_states:]
    dtype = history["last"][0].dtype
    transposed = step.transposed([tf.cast(w, dtype) for w in weights])
    gradients, d_states = run(_backward)(
        d_sequences,
        d_last,
        history["states"],
        history["saved"],
        transposed,
        states,
        mask,
    )
    h, first = history["states"][0], states[0]

    def over(a, d):
        # One large product, in the dtype of the weights.
        a, d = (
            tf.cast(tf.reshape(x, (-1, x.shape[-1])), weights[0].dtype)
            for x in (a, d)
        )
        return tf.matmul(a, d, transpose_a=True)

    def over_states(d):
        # The state before step t is the one after step t - 1.
        return over(first, d[0]) + over(h[:-1], d[1:])

    d_weights = step.weight_gradients(
        over_states, over, history["saved"], gradients
    )
    d_weights = [
        tf.cast(d, w.dtype) for d, w in zip(d_weights, weights, strict=True)
    ]
    return (gradients[0], *d_weights, *d_states)


@functools.cache
def _loop_function(step, loop, *, jit_compile, **options):
    function = functools.partial(loop, step, **options)
    if jit_compile:
        return _compiled(function)
    graph = tf.function(function, autograph=False, reduce_retracing=True)

    def run(*arguments):
        # Eager loops run step by step in Python: a graph even there.
        return (graph if tf.executing_eagerly() else function)(*arguments)

    return run


def _compiled(function):
    """Compiles a function, but not its gradients.

    XLA cannot hand what a loop kept for its derivative to another program, and
    a gradient of the gradient (a gradient penalty) would ask for that.
    """
    compiled = tf.function(function, jit_compile=True, autograph=False)

    def run(*arguments):
        flat = tf.nest.flatten(arguments)
        kinds = [x is not None and x.dtype.is_floating for x in flat]

        def pack(values):
            values = iter(values)
            leaves = [
                next(values) if differentiable else x
                for x, differentiable in zip(flat, kinds, strict=True)
            ]
            return tf.nest.pack_sequence_as(arguments, leaves)

        structure = []

        @tf.custom_gradient
        def call(*values):
            # Hidden from the tapes, which would ask for just that.
            outputs = compiled(*pack([tf.stop_gradient(x) for x in values]))
            structure.append(outputs)

            def gradient(*upstream):
                with tf.GradientTape() as tape:
                    tape.watch(values)
                    again = tf.nest.flatten(function(*pack(values)))
                return tape.gradient(again, values, upstream)

            return tf.nest.flatten(outputs), gradient

        outputs = call(*itertools.compress(flat, kinds))
        return tf.nest.pack_sequence_as(structure[0], outputs)

    return run


def _forward(step, x, weights, states, mask, *, save, sequences):
    """The loop forward; `states` and `saved` hold a value for each step."""
    units = states[0].shape[-1]
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
    step, d_sequences, d_last, stacks, saved, transposed, states, mask
):
    """The loop backward: gradients of each step, and of the first states."""
    units = states[0].shape[-1]
    parts = {"after": stacks, "saved": saved}
    parts["upstream"] = [] if d_sequences is None else [d_sequences]
    parts["mask"] = [] if mask is None else [mask]
    flat = [tensor for part in parts.values() for tensor in part]

    # States before a step are those after the step before.
    previous = [_unstack(stack) for stack in stacks]

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
        gradients, d_before = step.backward(
            d_after, before, after, kept, transposed
        )
        if steps_mask:
            zeros = [tf.zeros_like(d) for d in gradients]
            gradients = where(steps_mask[0], gradients, zeros)
            d_before = where(steps_mask[0], d_before, d_after)
        return d_before, gradients

    d_states, gradients = time_loop(
        body, tuple(d_last), flat, step.gradient_widths(units), reverse=True
    )
    return gradients, list(d_states)


def where(mask, new, old):
    """`tf.where`, tensor by tensor."""
    return tuple(tf.where(mask, n, o) for n, o in zip(new, old, strict=True))


def _unstack(x):
    array = tf.TensorArray(
        x.dtype,
        _length(x),
        element_shape=x.shape[1:],
        clear_after_read=False,
    )
    return array.unstack(x)


def _length(x):
    return tf.shape(x)[0] if x.shape[0] is None else x.shape[0]


def time_loop(body, carry, inputs, widths, *, reverse=False):
    """Loops over the leading axis of `inputs`, stacking values of each step.

    Args:
        body: callable `(t, carry, inputs_t) -> (carry, values)`.
        carry: tuple of `(B, H)` tensors.
        inputs: list of `(T, B, ...)` tensors.
        widths: the last dimension of each of the values `(B, width)`.
        reverse: bool. Whether to visit the last step first.
    """
    num_steps = _length(inputs[0])
    arrays = [_unstack(x) for x in inputs]
    batch_size = carry[0].shape[0]
    outputs = tuple(
        tf.TensorArray(
            carry[0].dtype, num_steps, element_shape=(batch_size, width)
        )
        for width in widths
    )

    def step(i, carry, outputs):
        t = num_steps - 1 - i if reverse else i
        carry, values = body(t, carry, [array.read(t) for array in arrays])
        outputs = tuple(
            output.write(t, value)
            for output, value in zip(outputs, values, strict=True)
        )
        return i + 1, tuple(carry), outputs

    _, carry, outputs = tf.while_loop(
        lambda i, *_: i < num_steps,
        step,
        (tf.constant(0), carry, outputs),
        maximum_iterations=num_steps,
        parallel_iterations=1,
    )
    return carry, [output.stack() for output in outputs]
