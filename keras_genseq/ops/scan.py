"""A loop over the leading axis that XLA can compile and differentiate."""

import keras
import tensorflow as tf


def scan(step, carry, inputs, *, reverse=False):
    """Carries a state along the leading axis of `inputs`.

    `keras.ops.scan` wants outputs of the carry's shape and gives its loop no
    bound, without which XLA cannot differentiate it; this one does neither.

    Args:
        step: callable `(carry, inputs_t) -> (carry, outputs_t)`; the structures
            of `carry` and `outputs_t` must not change from step to step.
        carry: structure of tensors, the state before the first step.
        inputs: structure of tensors `(num_steps, ...)`. XLA needs a static
            number of steps; a graph without it takes any.
        reverse: bool. Visit the last step first; outputs stay aligned with
            inputs either way.

    Returns:
        The last carry, and the structure of outputs `(num_steps, ...)`.
    """
    flat_inputs = [tf.convert_to_tensor(x) for x in keras.tree.flatten(inputs)]
    num_steps = flat_inputs[0].shape[0]
    if num_steps is None:
        num_steps = tf.shape(flat_inputs[0])[0]

    # Read from arrays, not sliced: the gradient of a slice is as large as what
    # it was cut from, and there would be one for every step.
    arrays = [
        tf.TensorArray(
            x.dtype,
            num_steps,
            element_shape=x.shape[1:],
            clear_after_read=False,
        ).unstack(x)
        for x in flat_inputs
    ]

    def inputs_at(t):
        return keras.tree.pack_sequence_as(inputs, [a.read(t) for a in arrays])

    carry = keras.tree.map_structure(tf.convert_to_tensor, carry)
    first_inputs = keras.tree.pack_sequence_as(
        inputs, [x[0] for x in flat_inputs]
    )
    spec = _output_spec(step, carry, first_inputs)
    outputs = [
        tf.TensorArray(x.dtype, num_steps, element_shape=x.shape)
        for x in keras.tree.flatten(spec)
    ]

    def body(i, carry, outputs):
        t = num_steps - 1 - i if reverse else i
        carry, values = step(carry, inputs_at(t))
        values = keras.tree.flatten(values)
        return (
            i + 1,
            carry,
            [o.write(t, v) for o, v in zip(outputs, values, strict=True)],
        )

    _, carry, outputs = tf.while_loop(
        lambda i, *_: i < num_steps,
        body,
        (tf.constant(0), carry, outputs),
        maximum_iterations=num_steps,
    )
    stacked = [output.stack() for output in outputs]
    return carry, keras.tree.pack_sequence_as(spec, stacked)


def _output_spec(step, carry, inputs):
    """Shapes and dtypes of one step's outputs, found without running it."""
    # A graph alone, not a function made of it: that takes twice as long, and a
    # scan inside a scan is traced for the spec of each.
    with tf.__internal__.FuncGraph("output_spec").as_default():
        carry, inputs = keras.tree.map_structure(
            lambda x: tf.compat.v1.placeholder(x.dtype, x.shape),
            (carry, inputs),
        )
        _, outputs = step(carry, inputs)
        return keras.tree.map_structure(
            lambda x: tf.TensorSpec.from_tensor(tf.convert_to_tensor(x)),
            outputs,
        )
