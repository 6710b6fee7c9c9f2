import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.models.base.data_units import DataUnits
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import Input
from keras_genseq.models.recurrent.sequence_predictor import SequencePredictor
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_quantiles
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.log_probabilities import normal_log_prob
from keras_genseq.ops.random import normal_quantile
from keras_genseq.ops.values import all_finite
from keras_genseq.ops.values import ensure

_SERVED_QUANTILES = (0.1, 0.5, 0.9)


@keras.saving.register_keras_serializable(package="keras_genseq")
class SequenceForecaster(SequencePredictor):
    """Says all steps of the future at once, each as a normal distribution.

    Recurrent layers read the past; a linear layer of what they make of it says
    a mean and a scale for every step ahead. Nothing is fed back, so errors do
    not add up, and given the past the steps are independent: for paths that
    hang together, see `LatentAutoregressiveModel`.

    With `num_targets` the future need not be more of the same: a horizon of 1
    makes it a regression of one vector on a sequence.

    Args:
        horizon: int. Steps ahead.
        units: int. Width of each recurrent layer.
        num_targets: optional int. Values of a future step; None for those of
            the past, `channels`.
        fixed_scale: optional float. Standard deviation of all values, not
            learned: training then minimizes the squared error.
        data_mean: optional float, or one per channel of the past. With
            `data_scale` the layers read standardized values; the future, if it
            is more of the same, is in the units of the data as the past is.
        data_scale: optional positive float, or one per channel: the standard
            deviation of the data.
        **kwargs: what is read and how: `channels` and `padding_value`, or
            `vocabulary_size` and `embedding_dim`; `cell`, `num_layers`,
            `bidirectional`, `dropout`, `pooling`. See `SequencePredictor`, to
            which they are passed.

    Call arguments:
        x: `(batch_size, time)` floats, `(batch_size, time, channels)`, or
            int32 token ids.
        training: bool. Whether dropout acts.

    Returns:
        Float32 tensor of the shape of a future, `(batch_size, horizon)` or
        `(batch_size, horizon, values)`, and one axis more: mean and log of the
        standard deviation of every value.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    ```python
    series = np.sin(np.arange(200.0)).astype("float32").reshape(8, 25)
    past, future = series[:, :20], series[:, 20:]
    model = models.SequenceForecaster(5, 8, cell="gru")
    model.compile("adam")
    model.fit(past, future, verbose=0)
    quantiles = model.forecast(past)["quantiles"]
    ```

    Differences from the paper: none known.
    """

    def __init__(
        self,
        horizon,
        units,
        *,
        num_targets=None,
        fixed_scale=None,
        data_mean=None,
        data_scale=None,
        **kwargs,
    ):
        horizon = check_counts(horizon=horizon)
        num_targets = as_int(
            num_targets, "num_targets", minimum=1, optional=True
        )
        if fixed_scale is not None and not fixed_scale > 0.0:
            raise ValueError(
                "`fixed_scale` must be positive. "
                f"Received: fixed_scale={fixed_scale}"
            )
        if kwargs.pop("return_sequences", False):
            raise ValueError(
                "A forecast follows the last step: `return_sequences` is for "
                "`SequenceClassifier`."
            )
        super().__init__(units, **kwargs)
        if self.vocabulary_size and num_targets is None:
            raise ValueError(
                "Of token ids no normal variable can be forecast: say how many "
                "real values with `num_targets`."
            )
        self.horizon = horizon
        self.num_targets = num_targets
        self.fixed_scale = fixed_scale
        self.data_units = DataUnits(data_mean, data_scale, self.channels)
        values = num_targets or self.channels
        self.target_shape = () if values is None else (values,)
        size = horizon * (values or 1)
        self.head = keras.layers.Dense(
            2 * size if fixed_scale is None else size, dtype="float32"
        )
        self.nll = keras.metrics.Mean(name="nll", dtype="float32")
        self.mse = keras.metrics.Mean(name="mse", dtype="float32")
        self.mae = keras.metrics.Mean(name="mae", dtype="float32")
        self.build((None, None, *self.step_shape))

    def build(self, input_shape):
        self.head.build((None, self._width))
        self.built = True

    def standardized(self, x):
        return self.data_units.standardized(x)

    def predict_from(self, z):
        shape = (-1, self.horizon, *self.target_shape)
        outputs = self.head(z)
        if self.fixed_scale is None:
            mean, log_scale = ops.split(outputs, 2, axis=-1)
        else:
            mean, log_scale = outputs, ops.zeros_like(outputs)
        mean, log_scale = (
            ops.reshape(part, shape) for part in (mean, log_scale)
        )
        if self.num_targets is None:
            mean = self.data_units.in_units(mean)
            log_scale = self.data_units.log_scale_in_units(log_scale)
        if self.fixed_scale is not None:
            log_scale = ops.zeros_like(mean) + np.log(self.fixed_scale)
        return ops.stack([mean, log_scale], axis=-1)

    def example_losses(self, x, y, *, training):
        outputs = self(x, training=training)
        nll = -normal_log_prob(y, outputs[..., 0], outputs[..., 1])
        axes = tuple(range(1, len(y.shape)))
        error = y - outputs[..., 0]
        size = self.horizon * int(np.prod(self.target_shape))
        return nll / size, {
            "nll": nll,
            "mse": ops.mean(ops.square(error), axis=axes),
            "mae": ops.mean(ops.abs(error), axis=axes),
        }

    def log_prob(self, x, y, *, batch_size=256):
        """Log-density of futures given their pasts.

        Args:
            x: pasts, as for `fit`.
            y: futures, `(num_examples, horizon)` or with values.
            batch_size: int. Examples scored at once.

        Returns:
            `(num_examples,)` float32 tensor, in nats.

        Raises:
            ValueError: as for `encode`, and if `y` has another shape, or NaN.
        """
        return self.ask("score", x=x, y=y, batch_size=batch_size)

    def forecast(self, history, *, quantiles=_SERVED_QUANTILES, batch_size=256):
        """The future of each past, step by step.

        Args:
            history: pasts, as for `fit`.
            quantiles: sequence of floats in (0, 1).
            batch_size: int. Pasts read at once.

        Returns:
            dict of float32 tensors: `point`, the means, and `scale`, the
            standard deviations, both `(num_examples, horizon[, values])`;
            `quantiles` `(num_examples, len(quantiles), horizon[, values])`.

        Raises:
            ValueError: as for `encode`, and if `quantiles` are out of range.
        """
        forecast = self._forecast(quantiles)
        return self.ask(forecast, history=history, batch_size=batch_size)

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets())
        return self._check_future(y, tf.shape(x)[0])

    def _check_future(self, y, num_rows):
        y = as_sequences(y, self.target_shape, tf.dtypes.float32, name="y")
        y = ensure(
            y,
            (tf.shape(y)[1] == self.horizon) & (tf.shape(y)[0] == num_rows),
            f"`y` must have {self.horizon} steps, the horizon, and a row for "
            "each of `x`.",
        )
        y = tf.ensure_shape(y, (None, self.horizon, *self.target_shape))
        return all_finite(y, name="y")

    def endpoints(self):
        shape = (self.horizon, *self.target_shape)
        future = Input(
            tf.TensorSpec((None, *shape), tf.float32),
            "futures",
            self._check_future,
        )
        return {
            **super().endpoints(),
            "score": Endpoint(
                self._score,
                {"x": self.example_input(), "y": future},
                "log_prob",
                description="log-density of futures given their pasts, in nats",
            ),
            "forecast": self._forecast(_SERVED_QUANTILES),
        }

    def _forecast(self, quantiles):
        quantiles = as_quantiles(quantiles)
        return Endpoint(
            self._outputs,
            {"history": self.example_input("history")},
            lambda outputs, _: _summary(outputs, quantiles),
            description="the future of each past, step by step",
        )

    def get_config(self):
        config = super().get_config()
        del config["return_sequences"]
        return {
            **config,
            "horizon": self.horizon,
            "num_targets": self.num_targets,
            "fixed_scale": self.fixed_scale,
            **self.data_units.get_config(),
        }

    def _outputs(self, x):
        return self(x, training=False)

    def _score(self, x, y):
        outputs = self(x, training=False)
        return normal_log_prob(y, outputs[..., 0], outputs[..., 1])


def _summary(outputs, quantiles):
    mean, scale = outputs[..., 0], ops.exp(outputs[..., 1])
    # Of a standard normal variable: those of any other are shifted and scaled.
    normal = normal_quantile(quantiles)
    normal = ops.reshape(normal, (1, -1, *[1] * (len(mean.shape) - 1)))
    return {
        "point": mean,
        "scale": scale,
        "quantiles": mean[:, None] + normal * scale[:, None],
    }
