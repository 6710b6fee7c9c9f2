import keras
from keras import ops

from keras_genseq.layers.recurrent.recurrent_stack import RecurrentStack
from keras_genseq.models.recurrent.carried_states import CarriedStates
from keras_genseq.models.text.causal_language_model import CausalLanguageModel
from keras_genseq.models.text.output_projection import tied_logits
from keras_genseq.models.text.output_projection import without_padding
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts


@keras.saving.register_keras_serializable(package="keras_genseq")
class RecurrentLanguageModel(CarriedStates, CausalLanguageModel):
    """Language model over recurrent layers.

    x_t = E[token_{t-1}],  h_t = layers(x_t, h_{t-1}),  logits_t = h_t V + c

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
            one batch to the next: see `CarriedStates`.
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
    tokenizer = CharacterTokenizer("abcdefgh ")
    model = RecurrentLanguageModel(10, 256, tokenizer=tokenizer)
    model.compile("adam")
    model.fit(tokenizer.encode(texts))
    model.generate("a bad", max_new_tokens=20, temperature=0.8, seed=0)
    ```

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
        self.add_carried_states()
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
            is_first = ops.arange(ops.shape(inputs)[1])[None, :] == 0
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

    def initial_states(self, batch_size, num_steps):
        return self.stack.initial_states(batch_size)

    def next_logits(self, token_ids, states):
        x, states = self.stack.step(self.embedding(token_ids), states)
        return self._logits(x), states

    def encode_ids(self, token_ids):
        """What the last layer remembers of whole texts.

        Args:
            token_ids: `(batch_size, time)` int32.

        Returns:
            `(batch_size, units)` float32: the output after the last token.
        """
        start = ops.zeros_like(token_ids[:, :1])
        inputs = ops.concatenate([start, token_ids], axis=1)
        is_start = ops.arange(ops.shape(inputs)[1])[None, :] == 0
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
