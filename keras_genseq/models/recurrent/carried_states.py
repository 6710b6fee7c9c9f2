"""Truncated backpropagation through time, across batches."""

import keras
import tensorflow as tf
from keras import ops

_WINDOW = 256


class CarriedStates:
    """Gives a recurrent `CausalLanguageModel` texts longer than a batch.

    With a `stateful_batch_size`, row i of a training batch goes on where row i
    of the batch before it ended. Gradients stop there; states and the last
    token go on, in weights that are not trained: a checkpoint holds them, and
    a resumed run goes on in the middle of the text. Every epoch of `fit`
    begins anew, and evaluation neither uses nor changes them. Under several
    replicas each carries on its own rows.

    A model that has only seen the middle of one long text cannot begin one:
    with `stateful_windows`, every row begins a new text after so many batches,
    from zero states and without a last token. Rows take turns.

    Training batches must then have `stateful_batch_size` rows, in the order of
    the text (`shuffle=False`), and no padding.
    """

    def add_carried_states(self):
        """Makes the weights that hold the carry; `build` calls it."""
        self.carried = []
        if self.stateful_batch_size is None:
            return
        for i, part in enumerate(self.initial_carry(self.stateful_batch_size)):
            self.carried.append(
                self.add_weight(
                    name=f"carried_{i}",
                    shape=part.shape,
                    initializer="zeros",
                    dtype="float32" if i else "int32",
                    trainable=False,
                    autocast=False,
                    # All replicas assign the same: see `_carry_on`.
                    aggregation="only_first_replica",
                )
            )

    def reset_carried_states(self):
        """Lets the next training batch begin new texts."""
        for variable in self.carried:
            variable.assign(ops.zeros_like(variable))

    def fit(self, *args, callbacks=None, **kwargs):
        if self.carried:
            # Before the others, one of which may restore a checkpoint.
            callbacks = [_NewTexts(), *(callbacks or [])]
        return super().fit(*args, callbacks=callbacks, **kwargs)

    def train_step(self, data):
        if not self.carried:
            return super().train_step(data)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if y is not None or sample_weight is not None:
            raise ValueError(
                "A stateful language model trains on token ids alone. Pass a "
                "data set of `x`, without targets and weights."
            )

        def loss_fn(batch):
            x, carry = batch
            logits, carry = self.window(x, carry, training=True, padded=False)
            nll = -self.log_prob_from_logits(x, logits)
            losses, terms = self.losses_from_nll(x, nll)
            return losses, {**terms, **dict(enumerate(carry))}

        losses, terms = self.minimize(loss_fn, (x, self._rows_of_replica(x)))
        self._carry_on([terms.pop(i) for i in range(len(self.carried))])
        return self.track(losses, terms)

    def stream_log_prob(self, token_ids, window=_WINDOW):
        """Scores long texts window by window, carrying the states.

        The result is that of `log_prob`, at the memory of one window.

        Args:
            token_ids: `(num_texts, time)` integers; 0 is padding.
            window: int. Tokens scored at once.

        Returns:
            `(num_texts,)` float64 array, in nats.
        """
        token_ids = self.check_inputs(token_ids)
        num_rows, num_steps = token_ids.shape
        padded = tf.pad(token_ids, [[0, 0], [0, -num_steps % window]])
        score = self.compile_method(self._score_window)
        carry = [tf.convert_to_tensor(c) for c in self.initial_carry(num_rows)]
        # Of a million terms: float32 would lose the last digits.
        total = tf.zeros((num_rows,), "float64")
        for start in range(0, num_steps, window):
            log_prob, carry = score(padded[:, start : start + window], carry)
            total += tf.cast(log_prob, "float64")
        return total.numpy()

    def _score_window(self, x, carry):
        logits, carry = self.window(x, carry)
        return self.log_prob_from_logits(x, logits), carry

    def _rows_of_replica(self, x):
        """The carry of the rows that this replica trains on."""
        context = tf.distribute.get_replica_context()
        num_replicas = context.num_replicas_in_sync
        size, whole = self.stateful_batch_size, x.shape[0]
        if size % num_replicas or (whole and whole * num_replicas != size):
            raise ValueError(
                f"This model carries the states of {size} rows over to the "
                "next batch: every training batch must have just as many, and "
                f"replicas share them evenly. Received: {whole} rows on each "
                f"of {num_replicas} replicas. Drop a last, smaller batch."
            )
        rows = size // num_replicas
        first = context.replica_id_in_sync_group * rows
        carry = [
            tf.slice(
                tf.convert_to_tensor(variable),
                [first, *([0] * (len(variable.shape) - 1))],
                [rows, *variable.shape[1:]],
            )
            for variable in self.carried
        ]
        if self.stateful_windows is None:
            return carry
        update = tf.cast(self.optimizer.iterations, "int32")
        turns = (update + first + tf.range(rows)) % self.stateful_windows
        goes_on = turns[:, None] > 0
        return [
            tf.where(goes_on if i else goes_on[:, 0], part, 0)
            for i, part in enumerate(carry)
        ]

    def _carry_on(self, carry):
        """Keeps what the next batch needs, the rows of all replicas."""
        context = tf.distribute.get_replica_context()
        for variable, rows in zip(self.carried, carry, strict=True):
            rows = tf.cast(rows, variable.dtype)
            if context.num_replicas_in_sync > 1:
                rows = context.all_gather(rows, axis=0)
            variable.assign(tf.ensure_shape(rows, variable.shape))


class _NewTexts(keras.callbacks.Callback):
    """Begins every epoch at the start of texts."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.reset_carried_states()
