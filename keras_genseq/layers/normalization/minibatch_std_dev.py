import keras
from keras import ops

from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class MinibatchStdDev(keras.layers.Layer):
    """Shows a discriminator how much the images of a batch vary.

    The deviation of every feature over a group of examples, averaged over all
    features and pixels, is appended as one more channel: a generator whose
    images are all alike is found out.

    A group is `group_size` examples that follow each other; where they do not
    come out even, the last group has up to `2 * group_size - 1`, and a smaller
    batch is one group. Groups are those of this replica's share of a batch:
    they are those of the whole batch if `group_size` divides the shares.

    Args:
        group_size: int. Examples of a group.
        epsilon: float. Added to the variance: equal examples have a deviation
            of `sqrt(epsilon)`.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of shape `(batch_size, height, width, channels + 1)`.

    Raises:
        ValueError: if `group_size` is no positive int.

    Differences from the paper:
        The paper's group is the whole batch, as here with a large
        `group_size`. In the authors' code a group is of examples that lie
        apart, and has to divide the batch.

    References:
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196), section 3
    """

    def __init__(self, group_size=4, epsilon=1e-8, **kwargs):
        group_size = check_counts(group_size=group_size)
        epsilon = check_numbers(epsilon=epsilon)
        super().__init__(**kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.group_size = group_size
        self.epsilon = epsilon

    def call(self, inputs):
        # (B, B): row i takes the mean over the group of example i.
        groups = self._groups(ops.shape(inputs)[0])
        same = ops.cast(groups[:, None] == groups, "float32")
        average = same / ops.sum(same, axis=1, keepdims=True)
        x = ops.cast(inputs, "float32")
        features = ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))
        gaps = features - ops.matmul(average, features)
        variance = ops.matmul(average, ops.square(gaps))
        deviation = ops.mean(ops.sqrt(variance + self.epsilon), axis=1)
        return with_map(ops.cast(inputs, self.compute_dtype), deviation)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {
            **super().get_config(),
            "group_size": self.group_size,
            "epsilon": self.epsilon,
        }

    def _groups(self, batch_size):
        """The number of each example's group."""
        last = ops.maximum(batch_size // self.group_size, 1) - 1
        return ops.minimum(
            ops.arange(batch_size, dtype="int32") // self.group_size, last
        )


def with_map(x, values):
    """Images with one more channel, of a value for each image.

    Args:
        x: `(batch_size, height, width, channels)`.
        values: `(batch_size,)`.
    """
    ones = ops.ones_like(x[..., :1])
    values = ops.cast(values, x.dtype)[:, None, None, None]
    return ops.concatenate([x, values * ones], axis=-1)
