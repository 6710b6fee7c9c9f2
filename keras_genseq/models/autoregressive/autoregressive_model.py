import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.models.density.forecasting_model import ForecastingModel
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.scan import scan

# Of a series that its past predicts exactly: the density stays finite.
_LEAST_SCALE = 1e-6


@keras.saving.register_keras_serializable(package="keras_genseq")
class AutoregressiveModel(ForecastingModel):
    """AR(tau): the next value is normal, its mean a function of the last ones.

    Without hidden units it is the linear model, one scale for all steps:

        x_t = b + sum_i phi_i x_{t-i} + e_t,    e_t ~ N(0, s^2)

    With hidden units, a perceptron of the window says mean and scale. The
    first `order` steps of a series have no whole window: they are scored, and
    drawn, as independent normal variables of the series' own mean and scale.

    Args:
        order: int. Values that the next one depends on (the papers' tau).
        channels: optional int. Values of a step, each predicted from all of
            them; None for series of rank 2.
        hidden_units: tuple of ints. Widths of the hidden layers; `()` is the
            linear model.
        activation: activation of the hidden layers.
        **kwargs: `data_mean` and `data_scale`, as for `ForecastingModel`, and
            what `keras.Model` takes.

    Call arguments:
        x: `(batch_size, time)` floats, or `(batch_size, time, channels)`.

    Returns:
        Float32 tensor of the shape of `x` and one axis more: mean and log of
        the standard deviation of every value. Those of a step depend on the
        `order` steps before it, and on no other.

    Example:

    ```python
    series = np.sin(np.arange(200.0)).astype("float32").reshape(8, 25)
    model = models.AutoregressiveModel(3)
    model.adapt(series)  # least squares; `fit` descends to the same
    quantiles = model.forecast(series, horizon=4, seed=0)["quantiles"]
    ```

    Differences from the paper: none known.
    """

    def __init__(
        self,
        order,
        *,
        channels=None,
        hidden_units=(),
        activation="relu",
        **kwargs,
    ):
        order = check_counts(order=order)
        hidden_units = as_counts(hidden_units, "hidden_units")
        super().__init__(channels, **kwargs)
        self.order = order
        self.hidden_units = hidden_units
        self.activation = keras.activations.get(activation)
        self.hidden_layers = [
            keras.layers.Dense(units, self.activation, dtype="float32")
            for units in hidden_units
        ]
        self.build((None, None, *self.step_shape))

    def build(self, input_shape):
        def add_weight(name, shape, initializer="zeros"):
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=initializer,
                dtype="float32",
                autocast=False,
            )

        size = self.channels or 1
        width = self.order * size
        for layer in self.hidden_layers:
            layer.build((None, width))
            width = layer.units
        self.kernel = add_weight(
            "kernel",
            (width, size),
            # A linear model begins without memory: none that could explode.
            "glorot_uniform" if self.hidden_units else "zeros",
        )
        self.bias = add_weight("bias", (size,))
        self.log_scale = add_weight("log_scale", (size,))
        self.initial_mean = add_weight("initial_mean", (size,))
        self.initial_log_scale = add_weight("initial_log_scale", (size,))
        if self.hidden_units:
            self.scale_kernel = add_weight("scale_kernel", (width, size))
        self.built = True

    def call(self, x):
        values = self.standardized(ops.cast(x, "float32"))
        num_steps = ops.shape(values)[1]
        lags = [
            ops.pad(values, [[0, 0], [lag, 0], [0, 0]])[:, :num_steps]
            for lag in range(1, self.order + 1)
        ]
        mean, log_scale = self._conditional(
            ops.concatenate(lags, axis=-1),
            ops.arange(num_steps, dtype="int32")[None, :, None],
        )
        return self.outputs_in_units(mean, log_scale)

    def draw(self, x, mask, seeds, temperature):
        values = self.standardized(x)
        rows, num_steps, size = ops.shape(values)
        noise = row_normal(seeds, num_steps * size)
        noise = ops.reshape(noise, (rows, num_steps, size))
        noise = noise * temperature[:, None, None]

        def step(state, inputs):
            window, t = state
            value, shown, e = inputs
            flat = ops.reshape(window, (-1, self.order * (self.channels or 1)))
            mean, log_scale = self._conditional(flat, t)
            drawn = mean + ops.exp(log_scale) * e
            value = ops.where(shown[:, None], value, drawn)
            # Latest first, as in `call`.
            window = ops.concatenate([value[:, None], window[:, :-1]], axis=1)
            return (window, t + 1), value

        window = ops.repeat(ops.zeros_like(values[:, :1]), self.order, axis=1)
        inputs = (
            ops.transpose(values, (1, 0, 2)),
            ops.transpose(mask),
            ops.transpose(noise, (1, 0, 2)),
        )
        _, values = scan(step, (window, 0), inputs)
        values = ops.transpose(values, (1, 0, 2))
        return self.completed(x, mask, values)

    @property
    def least_history(self):
        return self.order

    def summarize(self, history):
        return history[:, -self.order :]

    def continue_from(self, summary, future, seeds, temperature):
        x = ops.concatenate([summary, future], axis=1)
        rows, num_steps = ops.shape(x)[:2]
        shown = ops.arange(num_steps, dtype="int32") < self.order
        mask = ops.broadcast_to(shown, (rows, num_steps))
        return self.draw(x, mask, seeds, temperature)[:, self.order :]

    def adapt(self, dataset):
        """Sets a linear model by least squares: its maximum likelihood.

        Args:
            dataset: array `(num_series, time)`, or with channels, or
                `tf.data.Dataset` of batches of such; its windows are held in
                memory together.

        Raises:
            ValueError: if the model has hidden layers, or no series is longer
                than `order`.
        """
        if self.hidden_units:
            raise ValueError(
                "`adapt` is the closed form of the linear model. Train a model "
                "with hidden layers by `fit`. "
                f"Received: hidden_units={self.hidden_units}"
            )
        is_dataset = isinstance(dataset, tf.data.Dataset)
        values, windows, targets = [], [], []
        for x in dataset if is_dataset else [dataset]:
            x = self.standardized(self.check_inputs(x)).numpy()
            x = x.astype("float64")
            values.append(x.reshape(-1, x.shape[-1]))
            for end in range(self.order, x.shape[1]):
                window = x[:, end - self.order : end][:, ::-1]
                windows.append(window.reshape(len(x), -1))
                targets.append(x[:, end])
        if not windows:
            raise ValueError(
                f"`adapt` needs series longer than {self.order} steps, the "
                "order. Received none."
            )
        windows, targets = np.concatenate(windows), np.concatenate(targets)
        design = np.concatenate([windows, np.ones((len(windows), 1))], axis=1)
        solution = np.linalg.lstsq(design, targets, rcond=None)[0]
        scale = np.std(targets - design @ solution, axis=0)
        values = np.concatenate(values)
        self.kernel.assign(solution[:-1])
        self.bias.assign(solution[-1])
        self.log_scale.assign(_log(scale))
        self.initial_mean.assign(values.mean(0))
        self.initial_log_scale.assign(_log(values.std(0)))

    @property
    def coefficients(self):
        """phi of a linear model: `(order,)`, or `(order, channels, channels)`.

        Lag 1 comes first; with channels, axis 1 is the past and axis 2 the
        next step.
        """
        if self.hidden_units:
            raise ValueError("Only a linear model has coefficients.")
        kernel = ops.convert_to_numpy(self.kernel)
        if self.channels is None:
            return kernel[:, 0]
        kernel = kernel.reshape(self.order, self.channels, self.channels)
        scale = np.broadcast_to(self.data_units.scale, self.channels)
        return kernel * scale / scale[:, None]

    def get_config(self):
        return {
            **super().get_config(),
            "order": self.order,
            "hidden_units": list(self.hidden_units),
            "activation": keras.activations.serialize(self.activation),
        }

    def _conditional(self, windows, t):
        """Mean and log scale of the values at steps `t`, given the past."""
        h = windows
        for layer in self.hidden_layers:
            h = layer(h)
        mean = ops.matmul(h, self.kernel) + self.bias
        log_scale = ops.zeros_like(mean) + self.log_scale
        if self.hidden_units:
            log_scale = log_scale + ops.matmul(h, self.scale_kernel)
        begun = t >= self.order
        return (
            ops.where(begun, mean, self.initial_mean),
            ops.where(begun, log_scale, self.initial_log_scale),
        )


def _log(scale):
    return np.log(np.maximum(scale, _LEAST_SCALE))
