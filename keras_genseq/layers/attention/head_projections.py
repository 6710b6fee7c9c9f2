"""The projections of attention: weights as Keras keeps them, few products."""

import itertools
import math

import keras
from keras import ops

from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import refuse_ragged


class HeadProjections(keras.layers.Layer):
    """Projects inputs to the heads of attention, and heads to outputs.

    Kernels have Keras's shapes, `(width, num_heads, dim)` and `(num_heads,
    dim, *outputs)`; projections of the same inputs are one product.

    Args:
        use_bias: bool.
        kernel_initializer: initializer of the projections, as matrices; each
            of them gets a copy.
        bias_initializer: initializer of the biases.
        kernel_regularizer, bias_regularizer: optional regularizers.
        projection_regularizer: optional regularizer of what each projection
            gives, Keras's `activity_regularizer`.
        kernel_constraint, bias_constraint: optional constraints.
        **kwargs: passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        *,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        projection_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        use_bias = check_flags(use_bias=use_bias)
        super().__init__(**kwargs)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.projection_regularizer = keras.regularizers.get(
            projection_regularizer
        )
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)

    def add_projection(self, name, inputs, outputs):
        """Adds the weights `name_kernel` and `name_bias`.

        Args:
            name: str.
            inputs: tuple of ints. Axes of the inputs that are summed over.
            outputs: tuple of ints. Axes of the outputs.
        """
        matrix = (math.prod(inputs), math.prod(outputs))

        # On the whole shape Keras would count fans as those of a convolution.
        def initializer(shape, dtype):
            draw = _copy(self.kernel_initializer)
            return ops.reshape(draw(matrix, dtype), shape)

        kernel = self.add_weight(
            name=f"{name}_kernel",
            shape=(*inputs, *outputs),
            initializer=initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        setattr(self, f"{name}_kernel", kernel)
        if self.use_bias:
            bias = self.add_weight(
                name=f"{name}_bias",
                shape=outputs,
                initializer=_copy(self.bias_initializer),
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
            setattr(self, f"{name}_bias", bias)

    def to_heads(self, names, x):
        """Heads of the same inputs, by one product.

        Args:
            names: tuple of str, names of projections.
            x: `(batch_size, time, width)`.

        Returns:
            List of `(batch_size, num_heads, time, dim)` tensors.
        """
        shapes = [getattr(self, f"{name}_kernel").shape[1:] for name in names]
        sizes = [math.prod(shape) for shape in shapes]
        self._check_width(names[0], x.shape)
        x = ops.cast(x, self.compute_dtype)
        products = self._product(names, x, x.shape[-1])
        ends = list(itertools.accumulate(sizes))[:-1]
        parts = ops.split(products, ends, axis=-1) if ends else [products]
        for part in parts:
            self._regularize(part)
        rows, time = ops.shape(x)[:2]
        return [
            # (B, T, H * D) to (B, T, H, D) to (B, H, T, D)
            ops.transpose(ops.reshape(p, (rows, time, *shape)), (0, 2, 1, 3))
            for p, shape in zip(parts, shapes, strict=True)
        ]

    def _check_width(self, name, shape):
        """Refuses what the kernels do not fit, which a product would not."""
        width = getattr(self, f"{name}_kernel").shape[0]
        if len(shape) != 3 or shape[-1] != width:
            raise ValueError(
                f"The {name} of attention must have shape (batch_size, time, "
                f"{width}). Received: shape={tuple(shape)}"
            )

    def from_heads(self, x):
        """Outputs `(batch_size, time, *outputs)`, those axes as one.

        Args:
            x: `(batch_size, num_heads, time, dim)`.
        """
        heads, dim = self.output_kernel.shape[:2]
        x = ops.transpose(x, (0, 2, 1, 3))  # (B, T, H, D)
        x = ops.reshape(x, (*ops.shape(x)[:2], heads * dim))
        x = self._product(("output",), x, heads * dim)
        self._regularize(x)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "bias_initializer": keras.initializers.serialize(
                self.bias_initializer
            ),
            "kernel_regularizer": keras.regularizers.serialize(
                self.kernel_regularizer
            ),
            "bias_regularizer": keras.regularizers.serialize(
                self.bias_regularizer
            ),
            "kernel_constraint": keras.constraints.serialize(
                self.kernel_constraint
            ),
            "bias_constraint": keras.constraints.serialize(
                self.bias_constraint
            ),
        }

    def _product(self, names, x, width):
        """`x` times kernels side by side, as one product of matrices."""

        def joined(kind, shape):
            parts = [getattr(self, f"{name}_{kind}") for name in names]
            parts = [ops.reshape(ops.cast(p, x.dtype), shape) for p in parts]
            return ops.concatenate(parts, axis=-1) if parts[1:] else parts[0]

        x = ops.matmul(x, joined("kernel", (width, -1)))
        return x + joined("bias", (-1,)) if self.use_bias else x

    def _regularize(self, x):
        if self.projection_regularizer is not None:
            loss = self.projection_regularizer(x)
            # As Keras does: the same strength for batches of any size.
            rows = ops.cast(ops.shape(x)[0], loss.dtype)
            self.add_loss(ops.divide_no_nan(loss, rows))


def _copy(initializer):
    """One with another seed: else equal shapes would get equal numbers."""
    is_one = isinstance(initializer, keras.initializers.Initializer)
    return initializer.clone() if is_one else initializer


def check_same_rows(query, *others):
    """Refuses tensors with as many rows as are known to differ, or ragged.

    Raises:
        ValueError: where products would repeat one row for all, or fail.
    """
    names = ("query", "value", "key")
    refuse_ragged(**dict(zip(names, (query, *others), strict=False)))
    rows = {x.shape[0] for x in (query, *others)} - {None}
    if len(rows) > 1:
        raise ValueError(
            "Queries, keys and values of attention must have as many rows. "
            f"Received: {[x.shape[0] for x in (query, *others)]}"
        )
