import keras
import numpy as np
from keras import ops

from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.grids import resize_grid
from keras_genseq.ops.values import refuse_ragged


@keras.saving.register_keras_serializable(package="keras_genseq")
class GridPositionEmbedding(keras.layers.Layer):
    """Adds a learned vector for each place of a grid to the tokens there.

    A grid of another size reads the learned one between its places, corners on
    corners. Tokens before those of the grid, such as a class token, have
    vectors of their own, which no size changes.

    Args:
        grid_shape: pair of ints, (rows, columns) that are learned.
        num_prefix_tokens: int. Tokens before those of the grid.
        initializer: initializer of the vectors.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(batch_size, num_prefix_tokens + rows * columns, hidden_dim)`, the
            grid in raster order.
        grid_shape: optional pair, (rows, columns) of the tokens; None is the
            grid that is learned.

    Returns:
        Tensor like `x`.

    References:
        - [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), 3.2
    """

    def __init__(
        self, grid_shape, *, num_prefix_tokens=0, initializer=None, **kwargs
    ):
        if np.ndim(grid_shape) != 1 or len(grid_shape) != 2:
            raise ValueError(
                "`grid_shape` must be a pair of ints, (rows, columns). "
                f"Received: grid_shape={grid_shape}"
            )
        grid_shape = as_counts(grid_shape, "grid_shape")
        num_prefix_tokens = as_int(
            num_prefix_tokens, "num_prefix_tokens", minimum=0
        )
        super().__init__(**kwargs)
        self.grid_shape = grid_shape
        self.num_prefix_tokens = num_prefix_tokens
        if initializer is None:
            initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, input_shape):
        rows, columns = self.grid_shape
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_prefix_tokens + rows * columns, input_shape[-1]),
            initializer=self.initializer,
        )
        self.built = True

    def call(self, x, grid_shape=None):
        refuse_ragged(x=x)
        embeddings = self.resized(grid_shape or self.grid_shape)
        places = embeddings.shape[0]
        if None not in (places, x.shape[1]) and places != x.shape[1]:
            raise ValueError(
                f"`x` must hold a token for each of {places} "
                f"places. Received: shape={tuple(x.shape)}. Of another grid, "
                "pass its `grid_shape`."
            )
        x = ops.cast(x, self.compute_dtype)
        return x + ops.cast(embeddings, x.dtype)[None]

    def grid(self):
        """`(rows, columns, hidden_dim)` vectors of the grid that is learned."""
        embeddings = ops.convert_to_tensor(self.embeddings)
        shape = (*self.grid_shape, embeddings.shape[-1])
        return ops.reshape(embeddings[self.num_prefix_tokens :], shape)

    def resized(self, grid_shape):
        """The vectors for a grid of any size.

        Args:
            grid_shape: pair, (rows, columns).

        Returns:
            `(num_prefix_tokens + rows * columns, hidden_dim)` tensor.
        """
        embeddings = ops.convert_to_tensor(self.embeddings)
        if tuple(grid_shape) == self.grid_shape:
            return embeddings
        grid = resize_grid(self.grid(), tuple(grid_shape))
        grid = ops.reshape(grid, (-1, embeddings.shape[-1]))
        prefix = embeddings[: self.num_prefix_tokens]
        return ops.concatenate([prefix, grid], axis=0)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "grid_shape": list(self.grid_shape),
            "num_prefix_tokens": self.num_prefix_tokens,
            "initializer": keras.initializers.serialize(self.initializer),
        }
