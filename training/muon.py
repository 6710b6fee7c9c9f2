"""Momentum made orthogonal, of the kernels of convolutions too."""

import keras
from keras import ops

# Of the polynomial that drives all singular values towards one.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
# What Adam's updates have, by root mean square.
_UPDATE_SIZE = 0.2


@keras.saving.register_keras_serializable(package="keras_genseq")
class Muon(keras.optimizers.Adam):
    """Muon for matrices and for kernels of 2D convolutions, Adam for the rest.

    `keras.optimizers.Muon` leaves convolutions to Adam. Here a kernel is the
    matrix that maps the values under it to the filters. Vectors, kernels of one
    channel or filter, and biases of positions are Adam's. Not a subclass of
    Keras's: it rounds the momentum otherwise and keeps other variables, so that
    neither updates nor checkpoints would stay as they are.

    Args:
        learning_rate: float or schedule. An update has the size of Adam's at
            the same rate.
        adam_ratio: float. Adam's rate is this many times `learning_rate`.
        momentum: float in [0, 1). Of the averaged gradient, as Nesterov has it.
        num_iterations: int. Newton-Schulz steps that make it orthogonal.
        name: str.
        **kwargs: passed to `keras.optimizers.Adam`.

    References:
        - [Jordan et al., 2024](https://kellerjordan.github.io/posts/muon/)
        - [Liu et al., 2025](https://arxiv.org/abs/2502.16982)
    """

    def __init__(
        self,
        learning_rate=0.004,
        *,
        adam_ratio=0.4,
        momentum=0.95,
        num_iterations=5,
        name="muon",
        **kwargs,
    ):
        super().__init__(learning_rate, name=name, **kwargs)
        self.adam_ratio = adam_ratio
        self.momentum = momentum
        self.num_iterations = num_iterations

    def update_step(self, gradient, variable, learning_rate):
        if not is_matrix(variable.shape):
            return super().update_step(
                gradient, variable, learning_rate * self.adam_ratio
            )
        # The second moment of Adam stays at 0 for matrices.
        average = self._momentums[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype)
        new = self.momentum * ops.convert_to_tensor(average) + gradient
        self.assign(average, new)
        matrix = ops.reshape(
            gradient + self.momentum * new, (-1, variable.shape[-1])
        )
        size = _UPDATE_SIZE * max(matrix.shape) ** 0.5
        update = size * orthogonalized(matrix, self.num_iterations)
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * ops.reshape(update, variable.shape))

    def get_config(self):
        return {
            **super().get_config(),
            "adam_ratio": self.adam_ratio,
            "momentum": self.momentum,
            "num_iterations": self.num_iterations,
        }


def is_matrix(shape):
    """Whether weights of this shape map several values to several values."""
    return len(shape) in (2, 4) and min(shape[-2:]) > 1


def orthogonalized(matrix, num_iterations=5):
    """A matrix with the singular vectors of another one, its values near one.

    Args:
        matrix: `(rows, columns)` float tensor.
        num_iterations: int. Newton-Schulz steps; after five, singular values
            above a thousandth of the norm lie between 0.6 and 1.3.

    Returns:
        Tensor of the same shape.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if is_tall else matrix
    x = x / (ops.norm(x) + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(num_iterations):
        gram = x @ ops.transpose(x)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return ops.transpose(x) if is_tall else x
