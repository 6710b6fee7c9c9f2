"""The base of models that write one text given another."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import NatsPerStep
from keras_genseq.metrics import Perplexity
from keras_genseq.models.base.base_model import Trainer
from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.base.input_validation import CheckedData
from keras_genseq.models.base.presets import FromPreset
from keras_genseq.models.text.text_translation import TextTranslation
from keras_genseq.models.text.token_padding import widened
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.value_checks import all_token_ids
from keras_genseq.ops.value_checks import ensure


class SequenceToSequenceModel(
    TextTranslation, FromPreset, CheckedData, Trainer
):
    """Density over target texts given source texts, and a search in it.

    A subclass says `call(x, y) -> logits`, and the same one token at a time:
    `remember`, `initial_states` and `next_logits`. Data for `fit` are pairs
    `(x, y)` of token ids, with 0, the padding, at the end of rows. As an input
    0 stands for the start; the last id of the vocabulary ends a target: the
    model adds it, data do not hold it.

    Args:
        vocabulary_size: int. Padding and the end are counted.
        label_smoothing: float. Part of the probability that targets of
            training share out evenly among all tokens; metrics and scores know
            nothing of it.
        max_sequence_length: int. Most tokens of a source, or of a target with
            its end.
        tokenizer: optional `keras_genseq.tokenizers.Tokenizer` of
            `vocabulary_size - 1` ids. With it the model takes and returns
            strings, served ones too.
        **kwargs: passed to `keras.Model`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        vocabulary_size,
        *,
        label_smoothing=0.1,
        max_sequence_length=512,
        tokenizer=None,
        **kwargs,
    ):
        vocabulary_size = as_int(
            vocabulary_size,
            "vocabulary_size",
            minimum=3,
            note=", padding and the end of a text included",
        )
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(
                "`label_smoothing` must be in [0, 1). "
                f"Received: label_smoothing={label_smoothing}"
            )
        if isinstance(tokenizer, dict):
            tokenizer = keras.saving.deserialize_keras_object(tokenizer)
        if tokenizer and tokenizer.vocabulary_size + 1 != vocabulary_size:
            raise ValueError(
                f"The tokenizer has {tokenizer.vocabulary_size} ids, and the "
                "end of a text is one more: `vocabulary_size` must be "
                f"{tokenizer.vocabulary_size + 1}. "
                f"Received: vocabulary_size={vocabulary_size}"
            )
        super().__init__(**kwargs)
        self.autocast = False
        self.vocabulary_size = vocabulary_size
        self.label_smoothing = label_smoothing
        self.max_sequence_length = max_sequence_length
        self.tokenizer = tokenizer
        self.end_id = vocabulary_size - 1
        self.nll = keras.metrics.Mean(name="nll", dtype="float32")
        self.nll_per_step = NatsPerStep(dtype="float32")
        self.perplexity = Perplexity(dtype="float32")

    def remember(self, x):
        """What decoding needs of sources: a structure of tensors."""
        raise NotImplementedError

    def initial_states(self, batch_size, num_steps):
        """What the decoder remembers before the first of `num_steps` tokens."""
        raise NotImplementedError

    def next_logits(self, token_ids, states, memory):
        """One step of the decoder.

        Args:
            token_ids: `(rows,)` int32; 0 is the start. There may be several
                rows, one after the other, for each source.
            states: structure of tensors, as `initial_states` returns it.
            memory: what `remember` returned.

        Returns:
            `(rows, vocabulary_size)` float32 logits, and new states.
        """
        raise NotImplementedError

    def with_end(self, y):
        """Puts the end after the last token of each target."""
        y = ops.pad(ops.cast(y, "int32"), [[0, 0], [0, 1]])
        length = ops.sum(ops.cast(y > 0, "int32"), axis=1, keepdims=True)
        columns = ops.arange(ops.shape(y)[1])[None, :]
        return ops.where(columns == length, self.end_id, y)

    def example_losses(self, x, y, *, training):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} learns targets: give pairs `(x, y)`. "
                "Received `x` alone."
            )
        y = self.with_end(y)
        logits = self(x, y, training=training)
        counts = ops.cast(y > 0, "float32")
        nats = ops.sparse_categorical_crossentropy(y, logits, from_logits=True)
        # Chosen, not multiplied: the nats of padding are huge.
        nll = ops.sum(ops.where(y > 0, nats, 0.0), axis=1)
        loss = nll
        if training and self.label_smoothing:
            spread = ops.where(y > 0, self._spread(y, logits, nats), 0.0)
            loss = (1.0 - self.label_smoothing) * nll
            loss += self.label_smoothing * ops.sum(spread, axis=1)
        steps = ops.stack([nll, ops.sum(counts, axis=1)], axis=-1)
        terms = {"nll": nll, "nll_per_step": steps, "perplexity": steps}
        return loss / ops.cast(ops.shape(y)[1], "float32"), terms

    def score(self, x, y, batch_size=64):
        """Exact log-probability of targets given sources.

        Args:
            x: list of str, or `(num_pairs, time)` token ids.
            y: the same of targets, without their end, which is scored too.
            batch_size: int. Pairs scored at once.

        Returns:
            `(num_pairs,)` float32 tensor, in nats.
        """
        rows = self._as_ids(x, "x"), self._as_ids(y, "y")
        score = self.compile_method(self._score)
        return map_rows(score, tuple(map(widened, rows)), batch_size)

    def check_inputs(self, x, name="x"):
        x = as_sequences(x, (), tf.int32, name=name)
        # The end is for the model to put.
        x = all_token_ids(x, self.vocabulary_size - 1, name=name)
        x = ensure(
            x,
            tf.reduce_all((x[:, 1:] == 0) | (x[:, :-1] > 0)),
            f"`{name}` must have its padding at the end of each row. Received "
            "a token after a 0.",
        )
        limit = self.max_sequence_length
        return ensure(
            x,
            tf.shape(x)[1] <= limit,
            f"This model has {limit} positions (`max_sequence_length`), but "
            f"`{name}` has more steps. Cut it, or make a model with more.",
        )

    def check_targets(self, y, num_rows):
        y = self.check_inputs(y, "y")
        return ensure(
            y,
            tf.equal(tf.shape(y)[0], num_rows),
            "`y` must have a row for each row of `x`.",
        )

    def get_config(self):
        tokenizer = self.tokenizer
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "label_smoothing": self.label_smoothing,
            "max_sequence_length": self.max_sequence_length,
            "tokenizer": tokenizer
            and keras.saving.serialize_keras_object(tokenizer),
        }

    def _spread(self, y, logits, nats):
        """Cross-entropy of all tokens but padding, in equal parts.

        mean_v (log sum exp(logits) - logits_v), without log-probabilities of
        the whole vocabulary: `nats` plus the logit of `y` is the first term.
        """
        own = ops.take_along_axis(logits, y[..., None], axis=-1)[..., 0]
        is_token = ops.cast(ops.arange(self.vocabulary_size) > 0, "float32")
        part = is_token / (self.vocabulary_size - 1)
        return nats + own - ops.matmul(logits, part)

    def _score(self, x, y):
        _, terms = self.example_losses(x, y, training=False)
        return -terms["nll"]
