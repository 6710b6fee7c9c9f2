"""A loop over time, compiled on request, whose gradients are not.

On a CPU the small products of such a loop want XLA, and the large ones around
it do not: only the loop is compiled.
"""

import functools
import itertools

import tensorflow as tf


def where(mask, new, old):
    """`tf.where`, tensor by tensor."""
    return tuple(tf.where(mask, n, o) for n, o in zip(new, old, strict=True))


def time_major_mask(mask):
    """`(B, T)` or `(B, T, 1)` to `(T, B, 1)` booleans."""
    mask = tf.cast(mask, tf.bool)
    mask = mask if mask.shape.rank == 3 else mask[..., None]
    return tf.transpose(mask, (1, 0, 2))


def unstack(x):
    """A tensor as a `TensorArray` over its leading axis."""
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
    arrays = [unstack(x) for x in inputs]
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


@functools.cache
def loop_function(loop, step, *, jit_compile, **options):
    """A function that loops, ready to be called eagerly or in a graph.

    Args:
        loop: function `(step, *arguments, **options)`; its other arguments and
            its results are structures of tensors.
        step: hashable, its first argument.
        jit_compile: bool. Whether XLA compiles it.
        **options: hashable arguments of `loop`. Calls with equal options may
            differ in batch size and length only.

    Returns:
        callable of the other arguments, the same one at every call.
    """
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
    compile_again = functools.partial(
        tf.function, function, jit_compile=True, autograph=False
    )
    cached = compile_again()

    def run(*arguments):
        # A graph is traced once: sharing would only count as retracing.
        compiled = cached if tf.executing_eagerly() else compile_again()
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
