"""Forecasts by drawing: what any model of real-valued sequences can do."""

import random

import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq import export
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import ensure
from keras_genseq.ops.random import path_seeds
from keras_genseq.ops.random import row_seeds

_SERVED_SAMPLES = 100
_SERVED_QUANTILES = (0.1, 0.5, 0.9)


class Forecasting:
    """Gives a `SequenceModel` with an `order` the method `forecast`."""

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
            history: `(num_series, time[, channels])` floats, at least `order`
                steps; the last `order` of them count.
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
            ValueError: if the history is shorter than `order` or not finite,
                or `horizon`, `num_samples` or `quantiles` are out of range.
        """
        for name, value in (("horizon", horizon), ("num_samples", num_samples)):
            if value < 1:
                raise ValueError(
                    f"`{name}` must be at least 1. Received: {name}={value}"
                )
        quantiles = np.asarray(quantiles, "float32")
        if quantiles.ndim != 1 or not np.all(
            (quantiles >= 0) & (quantiles <= 1)
        ):
            raise ValueError(
                "`quantiles` must be a list of numbers in [0, 1]. "
                f"Received: {quantiles.tolist()}"
            )
        history = self._check_history(history)
        rows = history.shape[0]
        if seed is None:
            seed = random.randrange(2**31)
        if isinstance(seed, int):
            seed = row_seeds(seed % 2**32, rows)
        seeds = as_row_values(seed, rows, tf.int32, name="seed")
        paths = self._paths(
            history,
            horizon,
            seeds,
            num_samples,
            lambda *inputs: self._draw_rows(*inputs, batch_size),
        )
        return _summary(paths, quantiles)

    def serving_signatures(self):
        signatures = super().serving_signatures()
        shape = (None, *self.step_shape)
        row_int = tf.TensorSpec((None,), tf.int32)

        def forecast(history, horizon, seed):
            history = self._check_history(history)
            rows = tf.shape(history)[0]
            seed = as_row_values(seed, rows, tf.int32, name="seed")
            horizon = as_row_values(
                horizon, rows, tf.int32, name="horizon", minimum=1
            )
            steps = tf.reduce_max(horizon)
            paths = self._paths(
                history, steps, seed, _SERVED_SAMPLES, self.draw
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
                "history": self._hidden(1, self.order).numpy(),
                "horizon": np.array([8], "int32"),
                "seed": np.zeros((1,), "int32"),
            },
        )
        return signatures

    def _check_history(self, history):
        history = self.check_inputs(history, name="history")
        return ensure(
            history,
            tf.shape(history)[1] >= self.order,
            f"`history` must have at least {self.order} steps, the order.",
        )

    def _paths(self, history, horizon, seeds, num_samples, draw):
        """Continuations `(num_series, 1 + num_samples, horizon, ...)`.

        The first one is at temperature 0.
        """
        rows, num_paths = tf.shape(history)[0], num_samples + 1
        known = history[:, -self.order :]
        x = tf.concat([known, self._hidden(rows, horizon)], axis=1)
        x = tf.repeat(x, num_paths, axis=0)
        mask = tf.repeat(
            tf.sequence_mask([self.order], self.order + horizon),
            rows * num_paths,
            axis=0,
        )
        is_point = tf.one_hot(0, num_paths)
        paths = draw(
            x,
            mask,
            tf.reshape(path_seeds(seeds, num_paths), [-1]),
            tf.tile(1.0 - is_point, [rows]),
        )[:, self.order :]
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
