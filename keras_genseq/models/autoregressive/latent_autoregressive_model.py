import keras
from keras import ops

from keras_genseq.layers.recurrent.registry import layer_class
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.density.forecasting_model import ForecastingModel
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.scan import scan
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class LatentAutoregressiveModel(ForecastingModel):
    """Keeps a summary of the whole past in place of a window of it.

        h_t = g(h_{t-1}, x_{t-1}),    x_t ~ p(x_t | h_t)

    The transition g is a recurrent cell, with `h_0 = 0` and `x_0 = 0`, and
    `p(x_t | h_t)` is normal: a linear layer of the state says its mean and
    scale. There are as many parameters for a thousand steps as for one.

    Args:
        units: int. Width of the state h.
        cell: `"simple_rnn"`, `"lstm"` or `"gru"`. With the first, g is the
            hyperbolic tangent of an affine function.
        channels: optional int. Values of a step; None for series of rank 2.
        constant_scale: bool. Each channel has one standard deviation at all
            steps, as in the linear model: one that the state says learns to be
            sure of what it has seen, and errs where a series drifts.
        **kwargs: `data_mean` and `data_scale`, as for `ForecastingModel`, and
            what `keras.Model` takes.

    Call arguments:
        x: `(batch_size, time)` floats, or `(batch_size, time, channels)`.

    Returns:
        Float32 tensor of the shape of `x` and one axis more: mean and log of
        the standard deviation of every value, given all steps before it.

    Example:

    ```python
    series = np.sin(np.arange(200.0)).astype("float32").reshape(8, 25)
    model = models.LatentAutoregressiveModel(4)
    model.compile("adam")
    model.fit(series, verbose=0)
    quantiles = model.forecast(series, horizon=4, seed=0)["quantiles"]
    states = model.encode(series)  # after the last step
    ```

    Differences from the paper: none known.
    """

    def __init__(
        self,
        units,
        *,
        cell="gru",
        channels=None,
        constant_scale=False,
        **kwargs,
    ):
        units = check_counts(units=units)
        recurrent = layer_class(cell)
        constant_scale = check_flags(constant_scale=constant_scale)
        super().__init__(channels, **kwargs)
        self.units = units
        self.cell = cell
        # Densities are float32 under every policy: so is what they hang on.
        self.recurrent = recurrent(
            units, return_sequences=True, return_state=True, dtype="float32"
        )
        self.constant_scale = constant_scale
        size = channels or 1
        self.head = keras.layers.Dense(
            size if constant_scale else 2 * size, dtype="float32"
        )
        self.build((None, None, *self.step_shape))

    def build(self, input_shape):
        self.recurrent.build((None, None, self.channels or 1))
        self.head.build((None, self.units))
        if self.constant_scale:
            self.log_scale = self.add_weight(
                name="log_scale",
                shape=(self.channels or 1,),
                initializer="zeros",
                dtype="float32",
                autocast=False,
            )
        self.built = True

    def call(self, x, training=False):
        values = self.standardized(ops.cast(x, "float32"))
        num_steps = ops.shape(values)[1]
        # Step t sees what lies before it.
        values = ops.pad(values, [[0, 0], [1, 0], [0, 0]])[:, :num_steps]
        hidden, *_ = self.recurrent(values, training=training)
        return self.outputs_in_units(*self._conditional(hidden))

    def draw(self, x, mask, seeds, temperature):
        rows = ops.shape(x)[0]
        zeros = ops.zeros((rows, self.channels or 1))
        states = [ops.zeros((rows, self.units))] * self._num_states
        _, states = self.recurrent.cell(zeros, states)
        return self._draw_from(states, x, mask, seeds, temperature)

    def encode(self, x, *, batch_size=256):
        """The state after the last step: all that forecasts know of a series.

        Args:
            x: `(num_series, time[, channels])` floats.
            batch_size: int. Series encoded at once.

        Returns:
            `(num_series, units)` float32 tensor; of an LSTM the hidden and the
            cell state side by side, `(num_series, 2 * units)`.

        Raises:
            ValueError: as for `log_prob`.
        """
        return self.ask("encode", x=x, batch_size=batch_size)

    def summarize(self, history):
        values = self.standardized(ops.cast(history, "float32"))
        values = ops.pad(values, [[0, 0], [1, 0], [0, 0]])
        _, *states = self.recurrent(values)
        return ops.concatenate(states, axis=-1)

    def continue_from(self, summary, future, seeds, temperature):
        states = ops.split(summary, self._num_states, axis=-1)
        mask = ops.zeros(ops.shape(future)[:2], "bool")
        return self._draw_from(states, future, mask, seeds, temperature)

    def endpoints(self):
        encode = Endpoint(
            self.summarize,
            {"x": self.example_input()},
            "z",
            description="the state after the last step",
        )
        return {**super().endpoints(), "encode": encode}

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "constant_scale": self.constant_scale,
        }

    @property
    def _num_states(self):
        return len(self.recurrent.cell.state_names)

    def _draw_from(self, states, x, mask, seeds, temperature):
        """Draws from the states that the first step is drawn from."""
        values = self.standardized(x)
        rows, num_steps, size = ops.shape(values)
        noise = ops.reshape(
            row_normal(seeds, num_steps * size), (rows, num_steps, size)
        )
        noise = noise * temperature[:, None, None]

        def step(states, inputs):
            value, shown, e = inputs
            mean, log_scale = self._conditional(states[0])
            drawn = mean + ops.exp(log_scale) * e
            value = ops.where(shown[:, None], value, drawn)
            _, states = self.recurrent.cell(value, states)
            return list(states), value

        inputs = (
            ops.transpose(values, (1, 0, 2)),
            ops.transpose(mask),
            ops.transpose(noise, (1, 0, 2)),
        )
        _, values = scan(step, list(states), inputs)
        values = ops.transpose(values, (1, 0, 2))
        return self.completed(x, mask, values)

    def _conditional(self, hidden):
        """Mean and log scale of the values that a state predicts."""
        outputs = self.head(hidden)
        if self.constant_scale:
            return outputs, ops.zeros_like(outputs) + self.log_scale
        return ops.split(outputs, 2, axis=-1)
