"""The base of models of text, read and written from left to right."""

import keras
import numpy as np
from keras import ops

from keras_genseq.metrics import Perplexity
from keras_genseq.models.density.sequence_model import SequenceModel
from keras_genseq.models.text.text_generation import TextGeneration
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.value_checks import all_token_ids


class CausalLanguageModel(TextGeneration, SequenceModel):
    """Density over texts: each token given all earlier ones.

    A subclass says `call(token_ids) -> logits`, and the same one token at a
    time, for generation at the cost of one step per token: `initial_states`
    and `next_logits`. It may say `states_after`, which reads a prompt at once,
    and `encode_ids`. Id 0 is padding, at the end of a row; as an input it
    stands for the start of a text, so that the first token is scored and drawn
    like any other, and an empty prompt has an answer.

    Args:
        vocabulary_size: int. Token ids are below it; 0 is padding.
        tokenizer: optional `keras_genseq.tokenizers.Tokenizer`. With it the
            model takes and returns strings, served ones too.
        stop_token_id: optional int, or tuple of ints. Generation ends after
            this token, or any of them.
        **kwargs: passed to `keras.Model`.

    Raises:
        ValueError: if `vocabulary_size` or `stop_token_id` is out of range, or
            the tokenizer has another vocabulary.
    """

    padding_value = 0

    def __init__(
        self, vocabulary_size, *, tokenizer=None, stop_token_id=None, **kwargs
    ):
        vocabulary_size = as_int(
            vocabulary_size,
            "vocabulary_size",
            minimum=2,
            note=", padding included",
        )
        if isinstance(tokenizer, dict):
            tokenizer = keras.saving.deserialize_keras_object(tokenizer)
        if tokenizer and tokenizer.vocabulary_size != vocabulary_size:
            raise ValueError(
                f"The tokenizer has {tokenizer.vocabulary_size} ids, padding "
                "among them: `vocabulary_size` must be the same. "
                f"Received: vocabulary_size={vocabulary_size}"
            )
        if isinstance(stop_token_id, (list, tuple)):
            stop_token_id = tuple(
                as_int(stop, "stop_token_id") for stop in stop_token_id
            )
        else:
            stop_token_id = as_int(
                stop_token_id, "stop_token_id", optional=True
            )
        stops = np.atleast_1d([] if stop_token_id is None else stop_token_id)
        if not all(0 < stop < vocabulary_size for stop in stops):
            raise ValueError(
                f"`stop_token_id` must be from 1 to {vocabulary_size - 1}. "
                f"Received: stop_token_id={stop_token_id}"
            )
        super().__init__((), "int32", **kwargs)
        self.vocabulary_size = vocabulary_size
        self.tokenizer = tokenizer
        self.stop_token_id = stop_token_id
        self.perplexity = Perplexity(dtype="float32")

    def initial_states(self, batch_size, num_steps):
        """What the model remembers before the first token.

        Args:
            batch_size: int or integer tensor.
            num_steps: int or integer tensor. The most steps there will be.

        Returns:
            Structure of tensors `(batch_size, ...)`.
        """
        raise NotImplementedError

    def states_after(self, token_ids, num_read, num_steps):
        """What the model remembers after the beginning of texts, all at once.

        Args:
            token_ids: `(batch_size, time)` int32; 0 is padding.
            num_read: int32 scalar. How many of the tokens of each row it is to
                know.
            num_steps: int or integer tensor. The most steps there will be.

        Returns:
            Structure of tensors, as `initial_states` returns it; or None, where
            only one step after the other leads there.
        """
        return None

    def next_logits(self, token_ids, states):
        """One step: from the token last seen to what comes next.

        Args:
            token_ids: `(batch_size,)` int32; 0 is the start of a text.
            states: structure of tensors, as `initial_states` returns it.

        Returns:
            `(batch_size, vocabulary_size)` float32 logits, and new states.
        """
        raise NotImplementedError

    def log_prob_from_logits(self, x, logits):
        nats = ops.sparse_categorical_crossentropy(x, logits, from_logits=True)
        # Chosen, not multiplied: the nats of padding are huge.
        return -ops.sum(ops.where(x > 0, nats, 0.0), axis=1)

    def check_values(self, x, name, where=None):
        return all_token_ids(x, self.vocabulary_size, name=name, where=where)

    def num_steps(self, x):
        return ops.sum(ops.cast(x > 0, "float32"), axis=1)

    @property
    def step_metrics(self):
        return [self.nll_per_step, self.perplexity]

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.vocabulary_size)

    def get_config(self):
        tokenizer = self.tokenizer
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "tokenizer": tokenizer
            and keras.saving.serialize_keras_object(tokenizer),
            "stop_token_id": self.stop_token_id,
        }
