import keras
import tensorflow as tf
from keras import ops

from keras_genseq.layers.recurrent.recurrent_stack import RecurrentStack
from keras_genseq.models.base.input_validation import holds_rows
from keras_genseq.models.base.replica_state import ReplicaState
from keras_genseq.models.text.causal_language_model import CausalLanguageModel
from keras_genseq.models.text.output_projection import tied_logits
from keras_genseq.models.text.output_projection import without_padding
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_flags

_WINDOW = 256


@keras.saving.register_keras_serializable(package="keras_genseq")
class RecurrentLanguageModel(CausalLanguageModel):
    """Language model over recurrent layers.

    x_t = E[token_{t-1}],  h_t = layers(x_t, h_{t-1}),  logits_t = h_t V + c

    With a `stateful_batch_size` it trains on contiguous texts by truncated
    backpropagation through time: row i of a batch continues row i of the batch
    before it. Gradients stop there; states and the last token go on, in weights
    that are not trained: a checkpoint holds them, and a resumed run continues
    in the middle of the text. Every epoch of `fit` begins anew, and evaluation
    neither uses nor changes them. Under several replicas each carries on its
    own rows. Batches must then have `stateful_batch_size` rows, in the order of
    the text, without padding; arrays are not shuffled.

    A model that has only seen the middle of one long text cannot begin one:
    with `stateful_windows`, every row begins a new text after so many batches,
    from zero states and without a last token. Rows take turns.

    Args:
        vocabulary_size: int. Token ids are below it; 0 is padding.
        units: int. Width of every recurrent layer.
        cell: `"lstm"`, `"gru"` or `"simple_rnn"`.
        num_layers: int.
        embedding_dim: optional int; None takes `units`.
        tie_embeddings: bool. Whether V is the transpose of E.
        dropout: float. Part of every layer's outputs that training drops; the
            states go on in time untouched.
        embedding_dropout: float. Part of the embeddings that training drops. At
            0 the first layer takes the whole table through its kernel instead
            of every token, which is faster for small vocabularies.
        stateful_batch_size: optional int. `fit` then carries the states from
            one batch to the next.
        stateful_windows: optional int. Batches after which a row whose states
            are carried begins a new text; None carries them through an epoch.
        tokenizer, stop_token_id: as for `CausalLanguageModel`.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        token_ids: `(batch_size, time)` int32; 0 is padding, at the end of rows.
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, time, vocabulary_size)` float32 logits; those of a step
        depend on the tokens before it alone.

    Raises:
        ValueError: if an argument is out of range, or embeddings of another
            width than `units` are to be tied.

    Example:

    ```python
    tokenizer = tokenizers.CharacterTokenizer("abcdefgh ")
    model = models.RecurrentLanguageModel(10, 16, tokenizer=tokenizer)
    model.compile("adam")
    model.fit(["a bad cab", "a faded head"], verbose=0)
    text = model.generate("a bad", max_new_tokens=4, seed=0)
    ```

    Differences from the paper: none known.

    References:
        - [Mikolov et al., 2010](
          https://doi.org/10.21437/Interspeech.2010-343)
        - [Zaremba et al., 2014](https://arxiv.org/abs/1409.2329)
        - [Press and Wolf, 2017](https://arxiv.org/abs/1608.05859)
    """

    def __init__(
        self,
        vocabulary_size,
        units,
        *,
        cell="lstm",
        num_layers=1,
        embedding_dim=None,
        tie_embeddings=False,
        dropout=0.0,
        embedding_dropout=0.0,
        stateful_batch_size=None,
        stateful_windows=None,
        tokenizer=None,
        stop_token_id=None,
        **kwargs,
    ):
        vocabulary_size, units, num_layers = check_counts(
            vocabulary_size=vocabulary_size, units=units, num_layers=num_layers
        )
        embedding_dim, stateful_batch_size, stateful_windows = (
            as_int(value, name, minimum=1, optional=True)
            for name, value in (
                ("embedding_dim", embedding_dim),
                ("stateful_batch_size", stateful_batch_size),
                ("stateful_windows", stateful_windows),
            )
        )
        if tie_embeddings and embedding_dim not in (None, units):
            raise ValueError(
                "Tied embeddings must be as wide as the layers: leave "
                "`embedding_dim` out. Received: "
                f"embedding_dim={embedding_dim}, units={units}"
            )
        tie_embeddings = check_flags(tie_embeddings=tie_embeddings)
        super().__init__(
            vocabulary_size,
            tokenizer=tokenizer,
            stop_token_id=stop_token_id,
            **kwargs,
        )
        self.units = units
        self.cell = cell
        self.num_layers = num_layers
        self.embedding_dim = embedding_dim
        self.tie_embeddings = tie_embeddings
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.stateful_batch_size = stateful_batch_size
        self.stateful_windows = stateful_windows

        dtype = self.dtype_policy
        self.embedding = keras.layers.Embedding(
            vocabulary_size, embedding_dim or units, dtype=dtype
        )
        self.dropped_embedding = keras.layers.Dropout(
            embedding_dropout, dtype=dtype
        )
        self.stack = RecurrentStack(
            units,
            cell=cell,
            num_layers=num_layers,
            dropout=dropout,
            dtype=dtype,
        )
        self.head = (
            None
            if tie_embeddings
            else keras.layers.Dense(vocabulary_size, dtype=dtype)
        )
        self.build((None, None))

    def build(self, input_shape):
        self.embedding.build((None, None))
        self.stack.build((None, None, self.embedding.output_dim))
        if self.head:
            self.head.build((None, self.units))
        else:
            self.output_bias = self.add_weight(
                name="output_bias",
                shape=(self.vocabulary_size,),
                initializer="zeros",
            )
        self.carry = None
        if self.stateful_batch_size is not None:
            first = self.initial_carry(self.stateful_batch_size)
            # The carry is float32 under every dtype policy.
            first[1:] = [ops.cast(part, "float32") for part in first[1:]]
            self.carry = ReplicaState(self, "carried", first)
        self.built = True

    def call(self, token_ids, training=False):
        first = self.initial_carry(ops.shape(token_ids)[0])
        return self.window(token_ids, first, training=training)[0]

    def initial_carry(self, batch_size):
        """What a window needs of the text before it, at the start of a text.

        Returns:
            list of tensors: the last token `(batch_size,)`, then the states of
            all layers, `(batch_size, units)` each.
        """
        start = ops.zeros((batch_size,), "int32")
        return [start, *self.stack.initial_states(batch_size)]

    def window(self, token_ids, carry, training=False, padded=True):
        """A part of longer texts, given what came before it.

        Args:
            token_ids: `(batch_size, time)` int32.
            carry: as `initial_carry` returns it.
            training: bool.
            padded: bool. False promises that no token is padding.

        Returns:
            `(batch_size, time, vocabulary_size)` float32 logits, and the carry
            for the window that follows.
        """
        token_ids = ops.cast(token_ids, "int32")
        inputs = ops.concatenate([carry[0][:, None], token_ids[:, :-1]], axis=1)
        mask = None
        if padded:
            # A step counts if it has seen or predicts a token. The first one
            # always does: cuDNN refuses rows of padding alone.
            is_first = (
                ops.arange(ops.shape(inputs)[1], dtype="int32")[None, :] == 0
            )
            mask = (inputs > 0) | (token_ids > 0) | is_first
        options = {"states": carry[1:], "mask": mask, "training": training}
        if training and self.embedding_dropout:
            x = self.dropped_embedding(self.embedding(inputs), training=True)
            x, states = self.stack(x, **options)
        else:
            x, states = self.stack.call_tokens(
                inputs, self.embedding.embeddings, **options
            )
        return self._logits(x), [token_ids[:, -1], *states]

    def as_examples(self, x, y=None, sample_weight=None):
        # Rows that go on in the next batch are cut by who makes the batches.
        if self.carry:
            return x, y, sample_weight
        return super().as_examples(x, y, sample_weight)

    def reset_carried_states(self):
        """Lets the next training batch begin new texts."""
        if self.carry:
            self.carry.reset()

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        **kwargs,
    ):
        if self.carry:
            # Before the others, one of which may restore a checkpoint.
            callbacks = [_NewTexts(), *keras.tree.flatten(callbacks or [])]
            shuffle = False
            if holds_rows(x):
                batch_size = batch_size or self.stateful_batch_size
            if holds_rows(x) and hasattr(x, "__len__"):
                if batch_size != self.stateful_batch_size:
                    raise ValueError(self._other_rows(batch_size))
                if len(x) % self.stateful_batch_size:
                    raise ValueError(self._other_rows(len(x)))
        return super().fit(
            x,
            y,
            batch_size,
            epochs,
            verbose,
            callbacks,
            validation_split,
            validation_data,
            shuffle,
            **kwargs,
        )

    def train_step(self, data):
        if not self.carry:
            return super().train_step(data)
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(
                "A stateful language model does not weigh texts: leave the "
                "sample weights out."
            )

        def loss_fn(batch):
            x, carry = batch
            logits, carry = self.window(x, carry, training=True, padded=False)
            nll = -self.log_prob_from_logits(x, logits)
            losses = nll / ops.cast(ops.shape(x)[1], "float32")
            _, terms = self.losses_from_nll(x, nll)
            return losses, {**terms, **dict(enumerate(carry))}

        losses, terms = self.minimize(loss_fn, (x, self._carry_of_batch(x)))
        carry = range(len(self.carry.variables))
        self.carry.write([terms.pop(i) for i in carry])
        return self.track(losses, terms)

    def _carry_of_batch(self, x):
        """The carry of the rows that this replica trains on."""
        context = tf.distribute.get_replica_context()
        num_replicas = context.num_replicas_in_sync
        size, whole = self.stateful_batch_size, x.shape[0]
        if size % num_replicas or (whole and whole * num_replicas != size):
            raise ValueError(self._other_rows(whole, num_replicas))
        carry = self.carry.read()
        if self.stateful_windows is None:
            return carry
        rows = self.carry.first_row() + tf.range(self.carry.rows_per_replica())
        update = tf.cast(self.optimizer.iterations, "int32")
        goes_on = ((update + rows) % self.stateful_windows > 0)[:, None]
        return [
            tf.where(goes_on if i else goes_on[:, 0], part, 0)
            for i, part in enumerate(carry)
        ]

    def _other_rows(self, rows, num_replicas=1):
        return (
            f"This model carries the states of {self.stateful_batch_size} rows "
            "over to the next batch: every training batch must have just as "
            "many, and replicas share them evenly. "
            f"Received: {rows} rows on each of {num_replicas} replicas. Drop a "
            "last, smaller batch."
        )

    def stream_log_prob(self, token_ids, *, window=_WINDOW):
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

    def initial_cache(self, batch_size, num_steps):
        return self.stack.initial_states(batch_size)

    def decode_step(self, token_ids, cache):
        x, cache = self.stack.step(self.embedding(token_ids), cache)
        return self._logits(x), cache

    def encode_ids(self, token_ids):
        """The last layer's state after whole texts.

        Args:
            token_ids: `(batch_size, time)` int32.

        Returns:
            `(batch_size, units)` float32: the output after the last token.
        """
        start = ops.zeros_like(token_ids[:, :1])
        inputs = ops.concatenate([start, token_ids], axis=1)
        is_start = ops.arange(ops.shape(inputs)[1], dtype="int32")[None, :] == 0
        _, states = self.stack.call_tokens(
            inputs, self.embedding.embeddings, mask=(inputs > 0) | is_start
        )
        size = len(states) // self.num_layers
        return ops.cast(states[-size], "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "num_layers": self.num_layers,
            "embedding_dim": self.embedding_dim,
            "tie_embeddings": self.tie_embeddings,
            "dropout": self.dropout,
            "embedding_dropout": self.embedding_dropout,
            "stateful_batch_size": self.stateful_batch_size,
            "stateful_windows": self.stateful_windows,
        }

    def _logits(self, x):
        if self.head:
            return without_padding(self.head(x))
        x = tied_logits(x, self.embedding.embeddings)
        return without_padding(x + ops.cast(self.output_bias, x.dtype))


class _NewTexts(keras.callbacks.Callback):
    """Begins every epoch at the start of texts."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.reset_carried_states()
