"""The base of density models over real-valued series: they forecast."""

import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq import export
from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.density.sequence_model import SequenceModel
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_quantiles
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.log_probabilities import normal_log_prob
from keras_genseq.ops.random import path_seeds
from keras_genseq.ops.value_checks import all_finite
from keras_genseq.ops.value_checks import ensure

_SERVED_SAMPLES = 100
_SERVED_QUANTILES = (0.1, 0.5, 0.9)


class SeriesModel(SequenceModel):
    """Density over series whose every value is normal given the past.

    A subclass says, beside what `SequenceModel` asks for, how a series goes on
    (`summarize` and `go_on`); it then has `forecast`. Its `call` returns means
    and logs of standard deviations.

    Args:
        channels: optional int. Values of a step; None for series of rank 2.
        **kwargs: passed to `keras.Model`.
    """

    # Steps of history without which there is no forecast.
    least_history = 1

    def __init__(self, channels, **kwargs):
        channels = as_int(channels, "channels", minimum=1, optional=True)
        step_shape = () if channels is None else (channels,)
        super().__init__(step_shape, "float32", **kwargs)
        self.channels = channels

    def summarize(self, history):
        """What of its past a series needs to go on.

        Args:
            history: `(batch_size, time, ...)` tensor.

        Returns:
            `(batch_size, ...)` tensor.
        """
        raise NotImplementedError

    def go_on(self, summary, future, seeds, temperature):
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
        return {**super().get_config(), "channels": self.channels}

    def forecast(
        self,
        history,
        horizon,
        num_samples=100,
        quantiles=(0.1, 0.5, 0.9),
        seed=None,
        batch_size=1024,
    ):
        """Continues series, many times over.

        Args:
            history: `(num_series, time[, channels])` floats, at least
                `least_history` steps.
            horizon: int. Steps to forecast.
            num_samples: int. Continuations drawn of each series.
            quantiles: sequence of floats in [0, 1].
            seed: int, or one int per series; None draws one.
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
        quantiles = as_quantiles(quantiles)
        history = self._check_history(history)
        rows = history.shape[0]
        seeds = as_seeds(seed, rows)
        go_on = self.compile_method(self.go_on)
        paths = self._paths(
            map_rows(
                self.compile_method(self.summarize), (history,), batch_size
            ),
            horizon,
            seeds,
            num_samples,
            lambda *inputs: map_rows(go_on, inputs, batch_size),
        )
        return _summary(paths, quantiles)

    def serving_signatures(self):
        signatures = super().serving_signatures()
        shape = (None, *self.step_shape)
        row_int = tf.TensorSpec((None,), tf.int32)

        def forecast(history, horizon, seed):
            history = self._check_history(history)
            rows = tf.shape(history)[0]
            seed = as_seeds(seed, rows)
            horizon = as_row_values(
                horizon, rows, tf.int32, name="horizon", minimum=1
            )
            steps = tf.reduce_max(horizon)
            paths = self._paths(
                self.summarize(history),
                steps,
                seed,
                _SERVED_SAMPLES,
                self.go_on,
            )
            inside = tf.sequence_mask(horizon, steps)[:, None]
            paths = tf.where(self._per_value(inside), paths, 0.0)
            summary = _summary(paths, np.array(_SERVED_QUANTILES, "float32"))
            return {name: summary[name] for name in ("point", "quantiles")}

        signatures["forecast"] = export.Signature(
            forecast,
            {
                "history": tf.TensorSpec((None, *shape), tf.float32),
                "horizon": row_int,
                "seed": row_int,
            },
            {
                "history": self._hidden(1, self.least_history).numpy(),
                "horizon": np.array([8], "int32"),
                "seed": np.zeros((1,), "int32"),
            },
        )
        return signatures

    def with_channels(self, x):
        """Values of a step as the last axis, even if there is one only."""
        return x if self.channels else x[..., None]

    def without_channels(self, x):
        """Undoes `with_channels`."""
        return x if self.channels else x[..., 0]

    def _check_history(self, history):
        history = self.check_inputs(history, name="history")
        least = self.least_history
        return ensure(
            history,
            tf.shape(history)[1] >= least,
            f"`history` must have at least {least} steps.",
        )

    def _paths(self, summary, horizon, seeds, num_samples, go_on):
        """Continuations `(num_series, 1 + num_samples, horizon, ...)`.

        The first one is at temperature 0.
        """
        rows, num_paths = tf.shape(summary)[0], num_samples + 1
        paths = go_on(
            tf.repeat(summary, num_paths, axis=0),
            self._hidden(rows * num_paths, horizon),
            tf.reshape(path_seeds(seeds, num_paths), [-1]),
            tf.tile(1.0 - tf.one_hot(0, num_paths), [rows]),
        )
        shape = [[rows, num_paths], tf.shape(paths)[1:]]
        return tf.reshape(paths, tf.concat(shape, 0))


def _summary(paths, quantiles):
    samples = paths[:, 1:]
    summary = ops.quantile(samples, quantiles, axis=1)
    return {
        "point": paths[:, 0],
        "samples": samples,
        "quantiles": tf.stack(tf.unstack(summary, len(quantiles)), axis=1),
    }
