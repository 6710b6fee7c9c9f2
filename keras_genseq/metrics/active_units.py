import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_genseq")
class ActiveUnits(keras.metrics.Metric):
    """Number of latent dimensions that tell examples apart.

    A dimension is active if the mean of its posterior varies over the data by
    more than a threshold; the others have collapsed to the prior and carry
    nothing.

    Args:
        latent_dim: int.
        threshold: float. Least variance of an active dimension.
        name: str. Name of the metric.
        dtype: dtype of its state.

    References:
        - [Burda et al., 2016](https://arxiv.org/abs/1509.00519), section 5.2
    """

    def __init__(
        self, latent_dim, threshold=0.01, name="active_units", dtype=None
    ):
        super().__init__(name=name, dtype=dtype)
        self.latent_dim = latent_dim
        self.threshold = threshold
        for state, shape in (
            ("count", ()),
            ("total", (latent_dim,)),
            ("squares", (latent_dim,)),
        ):
            variable = self.add_variable(shape, "zeros", name=state)
            setattr(self, state, variable)

    def update_state(self, z_mean, sample_weight=None):
        """Adds examples.

        Args:
            z_mean: `(batch_size, latent_dim)` means of posteriors.
            sample_weight: not supported.
        """
        z_mean = ops.cast(z_mean, self.dtype)
        self.count.assign_add(ops.cast(ops.shape(z_mean)[0], self.dtype))
        self.total.assign_add(ops.sum(z_mean, axis=0))
        self.squares.assign_add(ops.sum(ops.square(z_mean), axis=0))

    def variances(self):
        """`(latent_dim,)` variances of the posterior means so far."""
        count = ops.maximum(self.count, 1.0)
        mean = self.total / count
        return self.squares / count - ops.square(mean)

    def result(self):
        active = self.variances() > self.threshold
        return ops.sum(ops.cast(active, self.dtype))

    def get_config(self):
        return {
            "latent_dim": self.latent_dim,
            "threshold": self.threshold,
            "name": self.name,
            "dtype": self.dtype,
        }
