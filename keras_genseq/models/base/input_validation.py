"""Checks of training data on their way to a model."""

import tensorflow as tf


class CheckedData:
    """Lets every batch pass `check_inputs` before `fit` and `evaluate`.

    For a class before `keras.Model` in the order of resolution.
    """

    def check_inputs(self, x, name="x"):
        """Checks examples and returns them as a tensor.

        Args:
            x: array or tensor of examples.
            name: str. What error messages call it.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        raise NotImplementedError

    def check_targets(self, y, num_rows):
        """Checks what comes with the examples; by default it passes.

        Args:
            y: targets of a batch.
            num_rows: int or integer tensor. Examples of the batch.

        Raises:
            ValueError: as for `check_inputs`.
        """
        return y

    def fit(self, x=None, y=None, *args, validation_data=None, **kwargs):
        return super().fit(
            self._checked(x),
            self._checked_targets(y),
            *args,
            validation_data=self._checked(validation_data),
            **kwargs,
        )

    def evaluate(self, x=None, y=None, *args, **kwargs):
        return super().evaluate(
            self._checked(x), self._checked_targets(y), *args, **kwargs
        )

    def _checked(self, data):
        if isinstance(data, tf.data.Dataset):
            return data.map(
                self._check_batch, num_parallel_calls=tf.data.AUTOTUNE
            )
        if isinstance(data, tf.distribute.DistributedDataset):
            return data
        return data if data is None else self._check_batch(data)

    def _checked_targets(self, y):
        return y if y is None else self.check_targets(y, len(y))

    @tf.autograph.experimental.do_not_convert
    def _check_batch(self, *batch):
        batch = batch[0] if len(batch) == 1 else batch
        if isinstance(batch, (tuple, list)):
            x, *rest = batch
            x = self.check_inputs(x)
            if rest and rest[0] is not None:
                rest[0] = self.check_targets(rest[0], tf.shape(x)[0])
            return (x, *rest)
        if hasattr(batch, "__array__"):
            return self.check_inputs(batch)
        return batch
