import keras
from keras import ops

from keras_genseq.ops.checks import check_counts


@keras.saving.register_keras_serializable(package="keras_genseq")
class TransformerSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of the paper: a rise, then an inverse square root.

    scale d^(-1/2) min(t^(-1/2), t w^(-3/2))                           (Eq. 3)

    at update t = 1, 2, ...; it is largest at t = w.

    Args:
        hidden_dim: int. The d above.
        warmup_steps: int. The w above.
        scale: float.

    Differences from the paper: none known.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), 5.3
    """

    def __init__(self, hidden_dim, *, warmup_steps=4000, scale=1.0):
        hidden_dim, warmup_steps = check_counts(
            hidden_dim=hidden_dim, warmup_steps=warmup_steps
        )
        super().__init__()
        self.hidden_dim = hidden_dim
        self.warmup_steps = warmup_steps
        self.scale = scale

    def __call__(self, step):
        # Optimizers count from 0.
        t = ops.cast(step, "float32") + 1.0
        rate = ops.minimum(t**-0.5, t * self.warmup_steps**-1.5)
        return self.scale * self.hidden_dim**-0.5 * rate

    def get_config(self):
        return {
            "hidden_dim": self.hidden_dim,
            "warmup_steps": self.warmup_steps,
            "scale": self.scale,
        }
