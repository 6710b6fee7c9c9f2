import keras
import numpy as np
from keras import ops

from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class PatchEmbedding(keras.layers.Layer):
    """Cuts images into patches and projects each of them to a vector.

    A convolution whose strides are its kernel's size, as one product of
    matrices. Its weights are those of that `keras.layers.Conv2D`.

    Args:
        patch_size: int, or pair of ints: height and width of a patch.
        hidden_dim: int. Width of the vectors.
        use_bias: bool.
        kernel_initializer: initializer of the projection, as a matrix.
        bias_initializer: initializer of the bias.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(batch_size, height, width, channels)`; the sides are multiples of
            the patch's.

    Returns:
        `(batch_size, rows, columns, hidden_dim)`, a vector for each patch.

    Raises:
        ValueError: if a side is no multiple of the patch's.

    References:
        - [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), Eq. 1
    """

    def __init__(
        self,
        patch_size,
        hidden_dim,
        *,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        if np.ndim(patch_size) == 0:
            patch_size = (patch_size, patch_size)
        patch_size = as_counts(patch_size, "patch_size")
        hidden_dim = check_counts(hidden_dim=hidden_dim)
        if len(patch_size) != 2:
            raise ValueError(
                "`patch_size` must be an int or a pair of ints, (height, "
                f"width). Received: patch_size={patch_size}"
            )
        use_bias = check_flags(use_bias=use_bias)
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        self.grid_shape_of(input_shape)
        height, width = self.patch_size
        size = height * width * input_shape[-1]

        # On the whole shape Keras would count fans as those of a convolution.
        def initializer(shape, dtype):
            matrix = self.kernel_initializer((size, self.hidden_dim), dtype)
            return ops.reshape(matrix, shape)

        self.kernel = self.add_weight(
            name="kernel",
            shape=(height, width, input_shape[-1], self.hidden_dim),
            initializer=initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.hidden_dim,),
                initializer=self.bias_initializer,
            )
        self.built = True

    def call(self, x):
        self.grid_shape_of(x.shape)
        height, width = self.patch_size
        channels = x.shape[-1]
        if not keras.backend.is_float_dtype(x.dtype):
            x = ops.cast(x, self.compute_dtype)
        shape = ops.shape(x)
        rows, columns = shape[1] // height, shape[2] // width
        x = ops.reshape(
            x, (shape[0], rows, height, columns, width, channels)
        )  # A patch is read row by row: (B, rows, columns, P, P, C)
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        size = height * width * channels
        x = ops.reshape(x, (shape[0], rows, columns, size))
        kernel = ops.reshape(self.kernel, (size, self.hidden_dim))
        x = ops.matmul(x, ops.cast(kernel, x.dtype))
        return x + ops.cast(self.bias, x.dtype) if self.use_bias else x

    def grid_shape_of(self, image_shape):
        """(rows, columns) of patches of a batch of images.

        Args:
            image_shape: `(batch_size, height, width, channels)`; unknown sides
                are None.

        Raises:
            ValueError: if a side is no multiple of the patch's.
        """
        sides = tuple(image_shape)[1:3]
        pairs = list(zip(sides, self.patch_size, strict=True))
        if any(side is not None and side % patch for side, patch in pairs):
            raise ValueError(
                "Height and width must be multiples of the patch's, here "
                f"{self.patch_size}: resize or pad the images, or choose "
                f"another `patch_size`. Received: height={sides[0]}, "
                f"width={sides[1]}"
            )
        return tuple(side and side // patch for side, patch in pairs)

    def compute_output_shape(self, input_shape):
        grid_shape = self.grid_shape_of(input_shape)
        return (input_shape[0], *grid_shape, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": list(self.patch_size),
            "hidden_dim": self.hidden_dim,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "bias_initializer": keras.initializers.serialize(
                self.bias_initializer
            ),
        }
