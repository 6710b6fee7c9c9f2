"""The base of density models over real-valued series: they forecast."""

import tensorflow as tf
from keras import ops

from keras_genseq.models.base.data_units import DataUnits
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import count_input
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.density.sequence_model import SequenceModel
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_quantiles
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.log_probabilities import normal_log_prob
from keras_genseq.ops.random import path_seeds
from keras_genseq.ops.values import all_finite
from keras_genseq.ops.values import ensure

_SERVED_SAMPLES = 100
_SERVED_QUANTILES = (0.1, 0.5, 0.9)


class ForecastingModel(SequenceModel):
    """Density over series whose every value is normal given the past.

    A subclass says, beside what `SequenceModel` asks for, how a series
    continues (`summarize` and `continue_from`); it then has `forecast`. Its
    `call` returns means and logs of standard deviations.

    With `data_mean` and `data_scale` the model computes in standardized values
    behind its surface: all that it takes and gives, log-densities among it, is
    in the units of the data.

    Args:
        channels: optional int. Values of a step; None for series of rank 2.
        data_mean: optional float, or one per channel. Center of the data.
        data_scale: optional positive float, or one per channel. Their
            standard deviation.
        **kwargs: passed to `keras.Model`.
    """

    # Steps of history without which there is no forecast.
    least_history = 1

    def __init__(self, channels, *, data_mean=None, data_scale=None, **kwargs):
        channels = as_int(channels, "channels", minimum=1, optional=True)
        step_shape = () if channels is None else (channels,)
        super().__init__(step_shape, "float32", **kwargs)
        self.channels = channels
        self.data_units = DataUnits(data_mean, data_scale, channels)

    def summarize(self, history):
        """What of its past a series needs to go on.

        Args:
            history: `(batch_size, time, ...)` tensor.

        Returns:
            `(batch_size, ...)` tensor.
        """
        raise NotImplementedError

    def continue_from(self, summary, future, seeds, temperature):
        """Draws the steps that follow.

        Args:
            summary: what `summarize` returned.
            future: `(batch_size, horizon, ...)` tensor; its shape counts.
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` tensor that scales the noise.

        Returns:
            Tensor like `future`.
        """
        raise NotImplementedError

    def log_prob_from_logits(self, x, logits):
        return normal_log_prob(x, logits[..., 0], logits[..., 1])

    def check_values(self, x, name, where=None):
        return all_finite(x, name=name, where=where)

    def compute_output_shape(self, input_shape):
        return (*input_shape, 2)

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            **self.data_units.get_config(),
        }

    def forecast(
        self,
        history,
        horizon,
        seed=None,
        *,
        num_samples=100,
        quantiles=_SERVED_QUANTILES,
        batch_size=1024,
    ):
        """Continues series, many times over.

        Args:
            history: `(num_series, time[, channels])` floats, at least
                `least_history` steps.
            horizon: int. Steps to forecast.
            seed: int, or one int per series; None draws one.
            num_samples: int. Continuations drawn of each series.
            quantiles: sequence of floats in [0, 1].
            batch_size: int. Continuations drawn at once.

        Returns:
            dict of float32 tensors: `point` `(num_series, horizon[,
            channels])`, every step's mean fed back as if it had happened (of a
            linear model the mean of the future); `samples` `(num_series,
            num_samples, horizon, ...)`; `quantiles` `(num_series,
            len(quantiles), horizon, ...)` of the samples.

        Raises:
            ValueError: if the history is too short or not finite, or
                `horizon`, `num_samples` or `quantiles` are out of range.
        """
        horizon, num_samples = check_counts(
            horizon=horizon, num_samples=num_samples
        )
        return self.ask(
            self._forecast(num_samples, quantiles, with_samples=True),
            history=history,
            horizon=horizon,
            seed=seed,
            batch_size=batch_size,
        )

    def endpoints(self):
        forecast = self._forecast(_SERVED_SAMPLES, _SERVED_QUANTILES)
        return {**super().endpoints(), "forecast": forecast}

    def _forecast(self, num_samples, quantiles, with_samples=False):
        """Continuations of each series; the first one is at temperature 0."""
        quantiles = as_quantiles(quantiles)
        num_paths = num_samples + 1

        def paths(history, horizon, seed):
            summary = self.apply(self.summarize, history)
            num_rows = num_rows_of(history)
            steps = tf.reduce_max(horizon)
            return (
                tf.repeat(summary, num_paths, axis=0),
                self._hidden(num_rows * num_paths, steps),
                tf.reshape(path_seeds(seed, num_paths), [-1]),
                tf.tile(1.0 - tf.one_hot(0, num_paths), [num_rows]),
            )

        def summarized(paths, inputs):
            steps = tf.shape(paths)[1]
            shape = [[-1, num_paths], tf.shape(paths)[1:]]
            paths = tf.reshape(paths, tf.concat(shape, 0))
            inside = tf.sequence_mask(inputs["horizon"], steps)[:, None]
            paths = tf.where(self._per_value(inside), paths, 0.0)
            samples = paths[:, 1:]
            found = ops.quantile(samples, quantiles, axis=1)
            found = tf.stack(tf.unstack(found, len(quantiles)), axis=1)
            answers = {"point": paths[:, 0], "quantiles": found}
            return {**answers, "samples": samples} if with_samples else answers

        return Endpoint(
            self.continue_from,
            {
                "history": tensor_input(
                    (None, *self.step_shape),
                    f"pasts, at least {self.least_history} steps",
                    self._check_history,
                    example=self._hidden(1, self.least_history).numpy(),
                ),
                "horizon": count_input(
                    "steps to forecast",
                    default=8,
                    example=8,
                ),
                "seed": seed_input(),
            },
            summarized,
            paths,
            "continues series, many times over",
        )

    def standardized(self, x):
        """Values without units, a step's as the last axis, even if only one."""
        x = x if self.channels else x[..., None]
        return self.data_units.standardized(x)

    def in_units(self, x):
        """Undoes `standardized`."""
        x = self.data_units.in_units(x)
        return x if self.channels else x[..., 0]

    def completed(self, x, mask, values):
        """Values without units, in units, where a mask does not show `x`."""
        # Those that are shown stay as they are, to the last bit.
        return ops.where(self._per_value(mask), x, self.in_units(values))

    def outputs_in_units(self, mean, log_scale):
        """What `call` returns of means and scales without units."""
        mean = self.data_units.in_units(mean)
        log_scale = self.data_units.log_scale_in_units(log_scale)
        outputs = ops.stack([mean, log_scale], axis=-1)
        return outputs if self.channels else outputs[:, :, 0]

    def _check_history(self, history):
        history = self.check_inputs(history, name="history")
        least = self.least_history
        return ensure(
            history,
            tf.shape(history)[1] >= least,
            f"`history` must have at least {least} steps.",
        )
