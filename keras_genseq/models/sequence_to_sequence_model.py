"""The base of models that write one text given another."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq import export
from keras_genseq.metrics import NatsPerStep
from keras_genseq.metrics import Perplexity
from keras_genseq.models.beam_search import beam_search
from keras_genseq.models.checked_data import CheckedData
from keras_genseq.models.generation_request import as_request
from keras_genseq.models.presets import FromPreset
from keras_genseq.models.rows import map_rows
from keras_genseq.models.token_loop import continue_tokens
from keras_genseq.models.trainer import Trainer
from keras_genseq.ops.checks import all_token_ids
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.checks import ensure
from keras_genseq.ops.random import row_uniform
from keras_genseq.samplers.token_sampling import EXCLUDED

_SERVED_BEAM_WIDTH = 4


class SequenceToSequenceModel(FromPreset, CheckedData, Trainer):
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
        if not isinstance(vocabulary_size, int) or vocabulary_size < 3:
            raise ValueError(
                "`vocabulary_size` must be an int of at least 3, padding and "
                "the end of a text included. "
                f"Received: vocabulary_size={vocabulary_size!r}"
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

    def as_logits(self, logits):
        """Float32 logits that give padding no probability."""
        is_padding = ops.arange(self.vocabulary_size) == 0
        return ops.cast(logits, "float32") + ops.where(
            is_padding, EXCLUDED, 0.0
        )

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
        return map_rows(score, tuple(map(_widened, rows)), batch_size)

    def translate(
        self,
        x,
        max_new_tokens=128,
        *,
        beam_width=4,
        length_penalty=0.6,
        n_best=False,
        batch_size=32,
    ):
        """Searches for the likeliest targets with a beam.

        Args:
            x: str, list of str, or `(num_texts, time)` token ids.
            max_new_tokens: int, or one per text. Most tokens of an answer, its
                end counted.
            beam_width: int. 1 takes the likeliest token at every step.
            length_penalty: float of at least 0, or one per text; 0 compares
                log-probabilities, more favours longer answers.
            n_best: bool. Whether to return all answers of the beam.
            batch_size: int. Texts translated at once.

        Returns:
            str for a str, list of str, or `(num_texts, time)` int32 token ids,
            0 after the end. With `n_best` a list of `beam_width` answers for
            each text (ids of shape `(num_texts, beam_width, time)`), the best
            first, and their `(num_texts, beam_width)` float32 scores.

        Raises:
            ValueError: if texts or options are out of range.
        """
        if not isinstance(beam_width, int) or beam_width < 1:
            raise ValueError(
                "`beam_width` must be a positive int. "
                f"Received: beam_width={beam_width!r}"
            )
        ids = self._as_ids(x, "x")
        rows = self._search_rows(ids, max_new_tokens, length_penalty)
        num_steps = _power_of_two(int(tf.reduce_max(rows[1])))

        def search(x, max_new_tokens, length_penalty):
            return self._search(
                x, max_new_tokens, length_penalty, beam_width, num_steps
            )

        search.__name__ = f"search_{beam_width}_{num_steps}"
        search = self.compile_method(search, jit_compile=True)
        tokens, scores = map_rows(
            search, (_widened(rows[0]), *rows[1:]), batch_size
        )
        if not n_best:
            return self._as_answers(tokens[:, 0], x)
        if not _holds_text(x):
            return tokens, scores
        lists = [self._texts(row) for row in tokens]
        return (lists[0] if isinstance(x, (str, bytes)) else lists), scores

    def generate(
        self,
        x,
        max_new_tokens=128,
        *,
        seed=None,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        min_p=0.0,
        repetition_penalty=None,
        no_repeat_ngram_size=None,
        batch_size=32,
    ):
        """Draws targets, one token after the other.

        Args:
            x: str, list of str, or `(num_texts, time)` token ids.
            max_new_tokens: as for `translate`.
            seed: int, or one int per text; None draws one.
            temperature, top_k, top_p, min_p, repetition_penalty,
                no_repeat_ngram_size: as for `TextGeneration.generate`.
            batch_size: int. Texts answered at once.

        Returns:
            As from `translate`.
        """
        ids = self._as_ids(x, "x")
        request = as_request(
            ids,
            seed,
            self._search_rows(ids, max_new_tokens, 0.0)[1],
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            no_repeat_ngram_size=no_repeat_ngram_size,
        )
        num_steps = _power_of_two(int(tf.reduce_max(request.max_new_tokens)))

        def draw(x, seeds, max_new_tokens, options, _):
            return self._draw(x, seeds, max_new_tokens, options, num_steps)

        draw.__name__ = f"draw_{num_steps}"
        draw = self.compile_method(draw, jit_compile=True)
        request = request._replace(prompt=_widened(ids))
        return self._as_answers(map_rows(draw, request, batch_size), x)

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

    def serving_signatures(self):
        """Signatures of the exported model: see `keras_genseq.export`."""
        row_int = tf.TensorSpec((None,), tf.int32)
        row_float = tf.TensorSpec((None,), tf.float32)
        spec, example = tf.TensorSpec((None, None), tf.int32), [[1, 1]]
        names = "x", "y"
        example = np.array(example, "int32")
        if self.tokenizer:
            spec = tf.TensorSpec((None,), tf.string)
            names = "text", "target"
            example = np.array([self.tokenizer.example], object)

        def read(request, name):
            return self._as_ids(request[name], name)

        def score(**request):
            x, y = (read(request, name) for name in names)
            y = ensure(
                y,
                tf.equal(tf.shape(y)[0], tf.shape(x)[0]),
                f"`{names[1]}` must have a row for each row of `{names[0]}`.",
            )
            return {"log_prob": self._score(x, y)}

        def translate(max_new_tokens, length_penalty, **request):
            rows = self._search_rows(
                read(request, names[0]), max_new_tokens, length_penalty
            )
            num_steps = tf.reduce_max(rows[1])
            tokens, scores = self._search(*rows, _SERVED_BEAM_WIDTH, num_steps)
            answer = {"score": scores[:, 0]}
            if self.tokenizer:
                return {"text": self.tokenizer.decode(tokens[:, 0]), **answer}
            return {"token_ids": tokens[:, 0], **answer}

        one = {names[0]: spec}, {names[0]: example}
        return {
            "score": export.Signature(
                score,
                dict.fromkeys(names, spec),
                dict.fromkeys(names, example),
            ),
            "translate": export.Signature(
                translate,
                {
                    **one[0],
                    "max_new_tokens": row_int,
                    "length_penalty": row_float,
                },
                {
                    **one[1],
                    "max_new_tokens": np.array([8], "int32"),
                    "length_penalty": np.array([0.6], "float32"),
                },
            ),
        }

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

    def _search(self, x, max_new_tokens, length_penalty, width, num_steps):
        memory = self.remember(x)
        rows = x.shape[0] or tf.shape(x)[0]
        tokens, scores = beam_search(
            lambda token, states: self.next_logits(token, states, memory),
            self.initial_states(rows * width, num_steps),
            beam_width=width,
            num_steps=num_steps,
            max_new_tokens=max_new_tokens,
            length_penalty=length_penalty,
            end_id=self.end_id,
        )
        return tf.where(tokens == self.end_id, 0, tokens), scores

    def _draw(self, x, seeds, max_new_tokens, options, num_steps):
        memory = self.remember(x)
        rows = x.shape[0] or tf.shape(x)[0]
        hidden = tf.zeros((rows, num_steps), tf.int32)
        tokens, _, _ = continue_tokens(
            lambda token, states: self.next_logits(token, states, memory),
            hidden,
            hidden > 0,
            max_new_tokens,
            row_uniform(seeds, num_steps),
            options,
            tf.fill([rows], self.end_id),
            (
                tf.zeros([rows], tf.int32),
                self.initial_states(rows, num_steps),
                tf.ones([rows], tf.bool),
            ),
        )
        return tf.where(tokens == self.end_id, 0, tokens)

    def _search_rows(self, x, max_new_tokens, length_penalty):
        rows = x.shape[0] or tf.shape(x)[0]
        return (
            x,
            as_row_values(
                max_new_tokens,
                rows,
                tf.int32,
                name="max_new_tokens",
                minimum=1,
                maximum=self.max_sequence_length,
            ),
            as_row_values(
                length_penalty,
                rows,
                tf.float32,
                name="length_penalty",
                minimum=0.0,
            ),
        )

    def _as_ids(self, x, name):
        """Checked token ids of texts or ids."""
        if _holds_text(x):
            if self.tokenizer is None:
                raise ValueError(
                    "This model has no tokenizer: it takes token ids. Make it "
                    "with `tokenizer=`, or encode the text first."
                )
            x = [x] if isinstance(x, (str, bytes)) else x
            x = self.tokenizer.encode(x, name)
            # A batch of empty texts is one of padding alone.
            missing = tf.cast(tf.equal(tf.shape(x)[1], 0), tf.int32)
            x = tf.pad(x, [[0, 0], [0, missing]])
        return self.check_inputs(x, name)

    def _as_answers(self, tokens, x):
        if not _holds_text(x):
            return tokens
        texts = self._texts(tokens)
        return texts[0] if isinstance(x, (str, bytes)) else texts

    def _texts(self, tokens):
        return [t.decode() for t in self.tokenizer.decode(tokens).numpy()]


def _holds_text(x):
    if isinstance(x, (str, bytes)):
        return True
    return tf.convert_to_tensor(x).dtype == tf.string


def _power_of_two(size):
    return 1 << max(size - 1, 0).bit_length()


def _widened(x):
    """Lengthens rows to a power of two: a handful of shapes to compile."""
    return tf.pad(x, [[0, 0], [0, _power_of_two(x.shape[1]) - x.shape[1]]])
