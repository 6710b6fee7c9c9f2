"""The base of models of text, read and written from left to right."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import Perplexity
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import rounds_sizes_up
from keras_genseq.models.density.sequence_model import SequenceModel
from keras_genseq.models.density.sequence_model import bucketed
from keras_genseq.models.text.decoding_loop import continue_tokens
from keras_genseq.models.text.generation_options import generation_inputs
from keras_genseq.models.text.generation_options import sampling_options
from keras_genseq.models.text.streaming import text_pieces
from keras_genseq.models.text.text_input import text_input
from keras_genseq.models.text.token_padding import as_strings
from keras_genseq.models.text.token_padding import encode_texts
from keras_genseq.models.text.token_padding import holds_text
from keras_genseq.models.text.token_padding import padded_at_the_end
from keras_genseq.models.text.token_padding import padded_rows
from keras_genseq.models.text.token_padding import room_for
from keras_genseq.models.text.token_padding import shifted
from keras_genseq.models.text.token_padding import token_windows
from keras_genseq.models.text.token_padding import widened
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import all_token_ids
from keras_genseq.ops.values import as_int32
from keras_genseq.ops.values import not_empty
from keras_genseq.samplers import SamplingOptions

# Shorter prompts share a program.
_LEAST_WIDTH = 16
# Texts that a model without a limit of its own trains on at once.
_WINDOW_LENGTH = 1024


class CausalLanguageModel(SequenceModel):
    """Density over texts: each token given all earlier ones.

    A subclass says `call(token_ids) -> logits`, and the same one token at a
    time, for generation at the cost of one step per token: `initial_cache`
    and `decode_step`. It may say `prefill`, which reads a prompt at once, and
    `encode_ids`. Id 0 is padding, at the end of a row (padding in front is
    moved there); as an input it stands for the beginning of a text (BOS), so
    that the first token is scored and drawn like any other, and an empty prompt
    has an answer.

    Where token ids are taken, texts are, too, if there is a tokenizer, and
    lists of rows of any length. `fit` and `evaluate` cut texts that are too
    long for a row into windows; `score` is of whole texts.

    Args:
        vocabulary_size: int. Token ids are below it; 0 is padding.
        tokenizer: optional `keras_genseq.tokenizers.Tokenizer`. With it the
            model takes and returns strings, served ones too.
        stop_token_id: optional int, or tuple of ints. Generation ends after
            this token (EOS), or any of them.
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

    def initial_cache(self, batch_size, num_steps):
        """What decoding knows of texts before the first token.

        Args:
            batch_size: int or integer tensor.
            num_steps: int or integer tensor. The most steps there will be.

        Returns:
            Structure of tensors `(batch_size, ...)`.
        """
        raise NotImplementedError

    def prefill(self, token_ids, num_read, num_steps):
        """The cache after the beginning of texts, all at once.

        Args:
            token_ids: `(batch_size, time)` int32; 0 is padding.
            num_read: int32 scalar. How many of the tokens of each row it is to
                know.
            num_steps: int or integer tensor. The most steps there will be.

        Returns:
            Structure of tensors, as `initial_cache` returns it; or None, where
            only one step after the other leads there.
        """
        return None

    def decode_step(self, token_ids, cache):
        """One step: from the token last seen to what comes next.

        Args:
            token_ids: `(batch_size,)` int32; 0 is the beginning of a text.
            cache: structure of tensors, as `initial_cache` returns it.

        Returns:
            `(batch_size, vocabulary_size)` float32 logits, and the new cache.
        """
        raise NotImplementedError

    def encode_ids(self, token_ids):
        """Encodings of rows of token ids.

        Args:
            token_ids: `(batch_size, time)` int32; 0 is padding.

        Returns:
            `(batch_size, units)` float32 tensor.
        """
        raise NotImplementedError

    def log_prob_from_logits(self, x, logits):
        nats = ops.sparse_categorical_crossentropy(x, logits, from_logits=True)
        # Chosen, not multiplied: the nats of padding are huge.
        return -ops.sum(ops.where(x > 0, nats, 0.0), axis=1)

    def check_inputs(self, x, name="x"):
        x = super().check_inputs(self._token_ids(x, name), name)
        return padded_at_the_end(x, name)

    def as_examples(self, x, y=None, sample_weight=None):
        """Cuts texts that are too long for a row into windows.

        Args:
            x: strings, of which each window of `max_sequence_length` tokens
                (of 1,024, where there is no such limit) becomes an example;
                anything else stays as it is.
            y: None.
            sample_weight: one weight for each text, which its windows take.
        """
        if self.tokenizer is None or not holds_text(x):
            return x, y, sample_weight
        window_length = self.max_sequence_length or _WINDOW_LENGTH
        x, rows = token_windows(self.tokenizer, x, window_length)
        if sample_weight is not None:
            num_weights, num_texts = len(sample_weight), rows.max() + 1
            if num_weights != num_texts:
                raise ValueError(
                    "`sample_weight` must hold one weight for each text. "
                    f"Received: {num_weights} for {num_texts} texts"
                )
            sample_weight = np.asarray(sample_weight)[rows]
        return x, y, sample_weight

    def check_values(self, x, name, where=None):
        return all_token_ids(x, self.vocabulary_size, name=name, where=where)

    def num_steps(self, x):
        return ops.sum(ops.cast(x > 0, "float32"), axis=1)

    @property
    def step_metrics(self):
        return [self.nll_per_step, self.perplexity]

    def draw(self, x, mask, seeds, temperature):
        num_rows, num_steps = _sizes(x)
        x, _, _ = continue_tokens(
            self.decode_step,
            x,
            mask,
            tf.fill([num_rows], num_steps),
            row_uniform(seeds, num_steps),
            SamplingOptions(temperature),
            tf.zeros_like(seeds)[:, None],
            self._beginning(num_rows, num_steps),
        )
        return x

    def generate(
        self,
        prompt,
        max_new_tokens,
        *,
        seed=None,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        min_p=0.0,
        repetition_penalty=None,
        no_repeat_ngram_size=None,
        stop_token_id=None,
        batch_size=64,
    ):
        """Continues prompts, one step of the model per new token.

        A model with `prefill` reads prompts together as far as the shortest of
        them goes, and the rest of longer ones step by step.

        Args:
            prompt: str, list of str, or `(num_prompts, time)` token ids with 0
                at either end of shorter rows. An empty one samples from the
                beginning of a text.
            max_new_tokens: int, or one per prompt.
            seed: int, or one int per prompt; None draws one. Answer i depends
                on the seed, i and prompt i alone, and a longer one begins like
                a shorter one.
            temperature: float, or one per prompt; below 1 sharpens every step,
                0 decodes greedily.
            top_k: int, or one per prompt: only the k most probable tokens; 0
                is off.
            top_p: float, or one per prompt: only the most probable tokens that
                together have this probability (the nucleus); 1 is off.
            min_p: float, or one per prompt: only tokens with at least this
                part of the highest probability; 0 is off.
            repetition_penalty: optional float, or one per prompt: positive
                logits of tokens that the text holds, prompt included, are
                divided by it, negative ones multiplied.
            no_repeat_ngram_size: optional int, or one per prompt: no n-gram of
                this size comes twice; 0 is off.
            stop_token_id: optional int, or one per prompt (0 is none): an
                answer ends after this token. Of several, `(num_prompts, n)`
                or `(1, n)` for all, each ends it. None takes the model's.
            batch_size: int. Prompts continued at once.

        Returns:
            Continuations, without the prompts: str for a str, list of str for
            a list, else `(num_prompts, max_new_tokens)` int32 token ids, 0
            after the end.

        Raises:
            ValueError: if prompts or options are out of range, or strings come
                to a model without a tokenizer.
        """
        new_ids = self.ask(
            self._generation(self._new_ids),
            prompt=prompt,
            max_new_tokens=max_new_tokens,
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            no_repeat_ngram_size=no_repeat_ngram_size,
            stop_token_id=stop_token_id,
            batch_size=batch_size,
        )
        if not holds_text(prompt):
            return new_ids
        return as_strings(self.tokenizer.decode(new_ids), prompt)

    def stream(
        self,
        prompt,
        max_new_tokens,
        *,
        seed=None,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        min_p=0.0,
        stop_token_id=None,
    ):
        """Continues one prompt, handing out each piece as soon as it is there.

        Args:
            prompt: str, or `(time,)` token ids.
            max_new_tokens, seed, temperature, top_k, top_p, min_p,
                stop_token_id: as for `generate`, one value each.

        Returns:
            Generator of str (of ints for token ids). Together they are what
            `generate` returns.

        Raises:
            ValueError: as for `generate`.
        """
        is_text = isinstance(prompt, (str, bytes))
        if not is_text:
            prompt = np.asarray(prompt if len(prompt) else np.int32([]))
            prompt = np.trim_zeros(prompt, "b")[None]
        generation = self._generation(self._new_ids)
        inputs = generation.check(
            {
                "prompt": prompt,
                "max_new_tokens": max_new_tokens,
                "seed": seed,
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
                "min_p": min_p,
                "stop_token_id": stop_token_id,
            }
        )
        length = inputs["prompt"].shape[1]
        tokens = self._stream(length, *generation.prepare(**inputs))
        return text_pieces(tokens, self.tokenizer) if is_text else tokens

    def score(self, texts, *, batch_size=256):
        """Exact log-probability of texts: `log_prob` of their tokens.

        Args:
            texts: list of str.
            batch_size: int. Texts scored at once.

        Returns:
            `(num_texts,)` float32 tensor, in nats.
        """
        return self.ask("score", **{self._text: texts}, batch_size=batch_size)

    def log_prob(self, x, *, batch_size=256):
        return self.score(x, batch_size=batch_size)

    def encode(self, texts, *, batch_size=256):
        """Encodings of texts: the last output of the network.

        Args:
            texts: list of str, or `(num_texts, time)` token ids.
            batch_size: int. Texts encoded at once.

        Returns:
            `(num_texts, units)` float32 tensor.
        """
        return self.ask("encode", **{self._text: texts}, batch_size=batch_size)

    def endpoints(self):
        endpoints = super().endpoints()
        text = {self._text: self.example_input()}

        def padded(**text):
            return (bucketed(text[self._text], 0),)

        return {
            **endpoints,
            "score": Endpoint(
                self._score,
                text,
                "log_prob",
                padded,
                "exact log-probability of texts, in nats",
            ),
            "encode": Endpoint(
                self.encode_ids, text, "z", padded, "encodings of texts"
            ),
            "generate": self._generation(self._new_ids_and_scores),
        }

    def example_input(self):
        check = self.check_inputs
        return text_input(
            self.tokenizer,
            "texts",
            lambda x, _: check(x, self._text),
            np.ones((1, 4)),
        )

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

    @property
    def _text(self):
        """Name of the input that holds texts."""
        return "text" if self.tokenizer else "x"

    def _token_ids(self, x, name, empty=False):
        """Texts or rows of any length as a tensor of token ids."""
        if not holds_text(x):
            return padded_rows(x, name)
        return encode_texts(self.tokenizer, x, name, empty)

    def _check_prompts(self, prompt):
        prompt = self._token_ids(prompt, "prompt", empty=True)
        if not prompt.dtype.is_integer or prompt.shape.rank != 2:
            raise ValueError(
                "`prompt` must be text, or integers of shape (num_prompts, "
                f"time). Received: dtype={prompt.dtype.name}, "
                f"shape={tuple(prompt.shape)}"
            )
        prompt = not_empty(as_int32(prompt, "prompt"), name="prompt")
        prompt = self.check_values(prompt, "prompt")
        return padded_at_the_end(prompt, "prompt")

    def _generation(self, run):
        """Generation by a method that continues rows of prompts."""
        stop = self.stop_token_id or 0
        if isinstance(stop, tuple):
            stop = [stop]

        def prepared(prompt, seed, max_new_tokens, stop_token_id, **options):
            lengths = tf.reduce_sum(tf.cast(prompt > 0, tf.int32), axis=1)
            max_new_tokens = self.check_length(
                max_new_tokens,
                lengths + max_new_tokens,
                "prompt` with `max_new_tokens",
            )
            longest = tf.reduce_max(max_new_tokens)
            num_steps = tf.shape(prompt)[1] + longest
            if rounds_sizes_up():
                num_steps = room_for(int(num_steps))
                prompt = widened(prompt, least=_LEAST_WIDTH)
                num_steps = max(num_steps, prompt.shape[1])
            return (
                prompt,
                seed,
                max_new_tokens,
                sampling_options(**options),
                stop_token_id,
                # Its width says for how many steps there is room.
                tf.zeros((num_rows_of(prompt), num_steps), tf.bool),
            )

        def answered(result, inputs):
            new_ids, *log_prob = result
            new_ids = new_ids[:, : tf.reduce_max(inputs["max_new_tokens"])]
            if not log_prob:
                return {"token_ids": new_ids}
            answers = {"log_prob": log_prob[0]}
            if self.tokenizer:
                return {"text": self.tokenizer.decode(new_ids), **answers}
            return {"token_ids": new_ids, **answers}

        prompt = text_input(
            self.tokenizer,
            "beginnings of texts",
            lambda prompt, _: self._check_prompts(prompt),
            np.ones((1, 4)),
        )
        return Endpoint(
            run,
            {"prompt": prompt, **generation_inputs(stop)},
            answered,
            prepared,
            "continues texts",
            jit_compile=True,
        )

    def _new_ids(self, *request):
        # Scores are left aside: XLA then leaves out their arithmetic.
        return self._new_ids_and_scores(*request)[:1]

    def _new_ids_and_scores(
        self, prompt, seeds, max_new_tokens, options, stop, room
    ):
        """Continues prompts by what there is room for."""
        width, num_steps = _sizes(prompt)[1], _sizes(room)[1]
        lengths = tf.reduce_sum(tf.cast(prompt > 0, tf.int32), axis=1)
        x = tf.pad(prompt, [[0, 0], [0, num_steps - width]])
        start, known = self._after(prompt, lengths, num_steps)
        x, log_prob, _ = continue_tokens(
            self.decode_step,
            x,
            x > 0,
            lengths + max_new_tokens,
            row_uniform(seeds, num_steps),
            options,
            stop,
            known,
            start,
        )
        # What follows the prompt of each row, shifted to column 0.
        return shifted(x, lengths), log_prob

    def _after(self, prompt, lengths, num_steps):
        """The first step that not all prompts reach, and the state there."""
        num_rows = _sizes(prompt)[0]
        known = self._beginning(num_rows, num_steps)
        start = tf.reduce_min(lengths)
        cache = self.prefill(prompt, start, num_steps)
        if cache is None:
            return 0, known
        last = tf.gather(tf.pad(prompt, [[0, 0], [1, 0]]), start, axis=1)
        return start, (last, cache, known[2])

    def _stream(
        self, length, prompt, seeds, max_new_tokens, options, stop, room
    ):
        """Generator of the new tokens of one prompt of `length` tokens."""
        uniforms = row_uniform(seeds, room.shape[1])
        step = self.compile_method(self._stream_step, jit_compile=True)
        known = self._beginning(1, room.shape[1])
        if length:
            read = self.compile_method(self._stream_prompt, jit_compile=True)
            known = read(prompt, options, stop, room)
        hidden, end = tf.zeros((1, 1), tf.int32), tf.ones((1,), tf.int32)
        for t in range(length, length + int(max_new_tokens[0])):
            noise = uniforms[:, t : t + 1]
            token, known = step(
                hidden, hidden > 0, end, noise, options, stop, known
            )
            yield int(token[0, 0])
            if not known[2][0]:
                return

    def _stream_prompt(self, prompt, options, stop, room):
        """The decoding state after a prompt."""
        lengths = tf.reduce_sum(tf.cast(prompt > 0, tf.int32), axis=1)
        start, known = self._after(prompt, lengths, room.shape[1])
        noise = tf.zeros_like(prompt, tf.float32)
        return continue_tokens(
            self.decode_step,
            prompt,
            prompt > 0,
            lengths,
            noise,
            options,
            stop,
            known,
            start,
        )[2]

    def _stream_step(self, x, given, end, uniforms, options, stop, known):
        x, _, known = continue_tokens(
            self.decode_step, x, given, end, uniforms, options, stop, known
        )
        return x, known

    def _beginning(self, num_rows, num_steps):
        """The decoding state before the first token."""
        return (
            tf.zeros([num_rows], tf.int32),
            self.initial_cache(num_rows, num_steps),
            tf.ones([num_rows], tf.bool),
        )


def _sizes(x):
    """Static sizes of `(batch_size, time)` where known, else tensors."""
    shape = tf.shape(x)
    return [s or shape[i] for i, s in enumerate(x.shape)]
