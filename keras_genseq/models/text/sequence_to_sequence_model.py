"""The base of models that write one text given another."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import NatsPerStep
from keras_genseq.metrics import Perplexity
from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.batched_apply import power_of_two
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import Input
from keras_genseq.models.base.endpoint import bucketed_size
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.density.sequence_model import bucketed
from keras_genseq.models.text.beam_search import IMPOSSIBLE
from keras_genseq.models.text.beam_search import beam_search
from keras_genseq.models.text.decoding_loop import continue_tokens
from keras_genseq.models.text.generation_options import generation_inputs
from keras_genseq.models.text.generation_options import sampling_options
from keras_genseq.models.text.text_input import text_input
from keras_genseq.models.text.token_padding import as_strings
from keras_genseq.models.text.token_padding import encode_texts
from keras_genseq.models.text.token_padding import holds_text
from keras_genseq.models.text.token_padding import padded_rows
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import all_token_ids
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers
from keras_genseq.ops.values import ensure

_SERVED_BEAM_WIDTH = 4
_MAX_LENGTH_PENALTY = 100.0


class SequenceToSequenceModel(BaseModel):
    """Density over target texts given source texts, and a search in it.

    A subclass says `call(x, y) -> logits`, and the same one token at a time:
    `encode_source`, `initial_cache` and `decode_step`. Data for `fit` are pairs
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
        max_sequence_length = check_counts(
            max_sequence_length=max_sequence_length
        )
        if check_numbers(label_smoothing=label_smoothing) >= 1.0:
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

    def encode_source(self, x):
        """What decoding needs of sources: a structure of tensors."""
        raise NotImplementedError

    def initial_cache(self, batch_size, num_steps):
        """What the decoder knows before the first of `num_steps` tokens."""
        raise NotImplementedError

    def decode_step(self, token_ids, cache, memory):
        """One step of the decoder.

        Args:
            token_ids: `(rows,)` int32; 0 is the beginning. There may be several
                rows, one after the other, for each source.
            cache: structure of tensors, as `initial_cache` returns it.
            memory: what `encode_source` returned.

        Returns:
            `(rows, vocabulary_size)` float32 logits, and the new cache.
        """
        raise NotImplementedError

    def with_end(self, y):
        """Puts the end after the last token of each target."""
        y = ops.pad(ops.cast(y, "int32"), [[0, 0], [0, 1]])
        length = ops.sum(ops.cast(y > 0, "int32"), axis=1, keepdims=True)
        columns = ops.arange(ops.shape(y)[1], dtype="int32")[None, :]
        return ops.where(columns == length, self.end_id, y)

    def example_losses(self, x, y, *, training):
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
        counts = ops.sum(counts, axis=1)
        steps = ops.stack([nll, counts], axis=-1)
        terms = {"nll": nll, "nll_per_step": steps, "perplexity": steps}
        return loss / counts, terms

    def example_counts(self, x, y):
        """Tokens of each target, its end counted."""
        return ops.sum(ops.cast(y > 0, "float32"), axis=1) + 1.0

    def score(self, x, y, *, batch_size=64):
        """Exact log-probability of targets given sources.

        Args:
            x: list of str, or `(num_pairs, time)` token ids.
            y: the same of targets, without their end, which is scored too.
            batch_size: int. Pairs scored at once.

        Returns:
            `(num_pairs,)` float32 tensor, in nats.
        """
        source, target = self._names
        return self.ask(
            "score", **{source: x, target: y}, batch_size=batch_size
        )

    def translate(
        self,
        x,
        max_new_tokens=None,
        *,
        beam_width=4,
        length_penalty=0.6,
        n_best=False,
        batch_size=32,
    ):
        """Searches for the most probable targets with a beam.

        Args:
            x: str, list of str, or `(num_texts, time)` token ids.
            max_new_tokens: int, or one per text. Most tokens of an answer, its
                end counted. None takes 128, or as many as there are positions.
            beam_width: int. 1 decodes greedily.
            length_penalty: float of at least 0, or one per text; 0 compares
                log-probabilities, more favors longer answers.
            n_best: bool. Whether to return all answers of the beam.
            batch_size: int. Texts translated at once.

        Returns:
            str for a str, list of str, or `(num_texts, time)` int32 token ids,
            0 after the end. With `n_best` a list of the answers for each text,
            at most `beam_width`, the best first (ids of shape `(num_texts,
            beam_width, time)`), and their `(num_texts, beam_width)` float32
            scores; of an answer that does not exist, the ids are 0 and the
            score is minus infinity.

        Raises:
            ValueError: if texts or options are out of range.
        """
        beam_width = check_counts(beam_width=beam_width)
        n_best = check_flags(n_best=n_best)
        search = self._search_endpoint(beam_width, n_best)
        answers = self.ask(
            search,
            **{self._names[0]: x},
            max_new_tokens=max_new_tokens,
            length_penalty=length_penalty,
            batch_size=batch_size,
        )
        tokens, scores = answers["token_ids"], answers["score"]
        if not n_best:
            return self._as_answers(tokens, x)
        if not holds_text(x):
            return tokens, scores
        lists = [
            as_strings(self.tokenizer.decode(row[score > -np.inf]), [])
            for row, score in zip(tokens, scores.numpy(), strict=True)
        ]
        return (lists[0] if isinstance(x, (str, bytes)) else lists), scores

    def generate(
        self,
        x,
        max_new_tokens=None,
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
        """Samples targets, one token after the other.

        Args:
            x: str, list of str, or `(num_texts, time)` token ids.
            max_new_tokens: as for `translate`.
            seed: int, or one int per text; None draws one.
            temperature, top_k, top_p, min_p, repetition_penalty,
                no_repeat_ngram_size: as for `CausalLanguageModel.generate`.
            batch_size: int. Texts answered at once.

        Returns:
            As from `translate`.
        """
        tokens = self.ask(
            self._sampling_endpoint(),
            **{self._names[0]: x},
            max_new_tokens=max_new_tokens,
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            no_repeat_ngram_size=no_repeat_ngram_size,
            batch_size=batch_size,
        )
        return self._as_answers(tokens, x)

    def check_inputs(self, x, name="x"):
        if holds_text(x):
            x = encode_texts(self.tokenizer, x, name)
        x = as_sequences(padded_rows(x, name), (), tf.int32, name=name)
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

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets())
        return self._check_target(y, num_rows_of(x), "y")

    def endpoints(self):
        source, target = self._names

        def padded(**texts):
            return bucketed(texts[source], 0), bucketed(texts[target], 0)

        def check(value, num_rows):
            return self._check_target(value, num_rows, target)

        texts = {
            source: self._text_input(source, "sources"),
            target: self._text_input(
                target, "targets, without their end", check
            ),
        }
        return {
            "score": Endpoint(
                self._score,
                texts,
                "log_prob",
                padded,
                "exact log-probability of targets given sources, in nats",
            ),
            "translate": self._search_endpoint(
                _SERVED_BEAM_WIDTH, as_text=self.tokenizer is not None
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
        is_token = ops.cast(
            ops.arange(self.vocabulary_size, dtype="int32") > 0, "float32"
        )
        part = is_token / (self.vocabulary_size - 1)
        return nats + own - ops.matmul(logits, part)

    def _score(self, x, y):
        _, terms = self.example_losses(x, y, training=False)
        return -terms["nll"]

    @property
    def _names(self):
        """Names of the inputs that hold sources and targets."""
        return ("text", "target") if self.tokenizer else ("x", "y")

    def _text_input(self, name, description, check=None):
        check = check or (lambda value, _: self.check_inputs(value, name))
        return text_input(self.tokenizer, description, check)

    def _check_target(self, y, num_rows, name):
        y = self.check_inputs(y, name)
        return ensure(
            y,
            tf.equal(tf.shape(y)[0], num_rows),
            f"`{name}` must have a row for each row of `x`.",
        )

    def _options(self):
        """The inputs of generation, for as many tokens as fit."""
        limit = self.max_sequence_length
        inputs = generation_inputs(max_new_tokens=limit)
        steps = inputs["max_new_tokens"]
        # The default must fit, too.
        inputs["max_new_tokens"] = dataclasses.replace(
            steps,
            default=min(steps.default, limit),
            example=np.array([min(8, limit)], "int32"),
        )
        return inputs

    def _search_endpoint(self, beam_width, n_best=False, as_text=False):
        source = self._names[0]

        def prepared(max_new_tokens, length_penalty, **texts):
            x = bucketed(texts[source], 0)
            return x, max_new_tokens, length_penalty, _room(x, max_new_tokens)

        def search(x, max_new_tokens, length_penalty, room):
            return self._search(
                x, max_new_tokens, length_penalty, room, beam_width
            )

        search.__name__ = f"search_{beam_width}"

        def answered(result, inputs):
            tokens, scores = result
            # Beams that found less than `beam_width` answers.
            scores = tf.where(scores > IMPOSSIBLE / 2, scores, -np.inf)
            if not n_best:
                tokens, scores = tokens[:, 0], scores[:, 0]
            if as_text:
                return {"text": self.tokenizer.decode(tokens), "score": scores}
            return {"token_ids": tokens, "score": scores}

        return Endpoint(
            search,
            {
                source: self._text_input(source, "sources"),
                "max_new_tokens": self._options()["max_new_tokens"],
                "length_penalty": Input(
                    tf.TensorSpec((None,), tf.float32),
                    "0 compares log-probabilities, more favors longer answers",
                    default=0.6,
                    minimum=0.0,
                    maximum=_MAX_LENGTH_PENALTY,
                ),
            },
            answered,
            prepared,
            "searches for the most probable target",
            jit_compile=True,
        )

    def _sampling_endpoint(self):
        source = self._names[0]
        inputs = self._options()
        del inputs["stop_token_id"]

        def prepared(seed, max_new_tokens, **others):
            x = bucketed(others.pop(source), 0)
            room = _room(x, max_new_tokens)
            return x, seed, max_new_tokens, sampling_options(**others), room

        return Endpoint(
            self._sample_targets,
            {source: self._text_input(source, "sources"), **inputs},
            "token_ids",
            prepared,
            "samples targets",
            jit_compile=True,
        )

    def _search(self, x, max_new_tokens, length_penalty, room, width):
        memory = self.encode_source(x)
        num_steps = room.shape[1] or tf.shape(room)[1]
        tokens, scores = beam_search(
            lambda token, cache: self.decode_step(token, cache, memory),
            self.initial_cache(num_rows_of(x) * width, num_steps),
            beam_width=width,
            num_steps=num_steps,
            max_new_tokens=max_new_tokens,
            length_penalty=length_penalty,
            end_id=self.end_id,
        )
        return tf.where(tokens == self.end_id, 0, tokens), scores

    def _sample_targets(self, x, seeds, max_new_tokens, options, room):
        memory = self.encode_source(x)
        num_rows = num_rows_of(x)
        num_steps = room.shape[1] or tf.shape(room)[1]
        hidden = tf.zeros((num_rows, num_steps), tf.int32)
        tokens, _, _ = continue_tokens(
            lambda token, cache: self.decode_step(token, cache, memory),
            hidden,
            hidden > 0,
            max_new_tokens,
            row_uniform(seeds, num_steps),
            options,
            tf.fill([num_rows, 1], self.end_id),
            (
                tf.zeros([num_rows], tf.int32),
                self.initial_cache(num_rows, num_steps),
                tf.ones([num_rows], tf.bool),
            ),
        )
        return tf.where(tokens == self.end_id, 0, tokens)

    def _as_answers(self, tokens, x):
        if not holds_text(x):
            return tokens
        return as_strings(self.tokenizer.decode(tokens), x)


def _room(x, max_new_tokens):
    """A tensor whose width says for how many new tokens there is room."""
    longest = tf.reduce_max(max_new_tokens)
    num_steps = bucketed_size(longest, power_of_two)
    return tf.zeros((num_rows_of(x), num_steps), tf.bool)
