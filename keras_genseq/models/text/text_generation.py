"""Generation, scores and encodings of text: what any causal model can do."""

import codecs

import numpy as np
import tensorflow as tf

from keras_genseq import export
from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.text.decoding_loop import continue_tokens
from keras_genseq.models.text.generation_options import as_request
from keras_genseq.models.text.token_padding import holds_text
from keras_genseq.models.text.token_padding import padded_at_the_end
from keras_genseq.models.text.token_padding import room_for
from keras_genseq.models.text.token_padding import shifted
from keras_genseq.models.text.token_padding import widened
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.value_checks import not_empty
from keras_genseq.samplers import SamplingOptions

# Shorter prompts share a program.
_LEAST_WIDTH = 16


class TextGeneration:
    """Gives a `CausalLanguageModel` its methods of generation."""

    def draw(self, x, mask, seeds, temperature):
        rows, steps = _sizes(x)
        x, _, _ = continue_tokens(
            self.next_logits,
            x,
            mask,
            tf.fill([rows], steps),
            row_uniform(seeds, steps),
            SamplingOptions(temperature),
            tf.zeros_like(seeds)[:, None],
            self._beginning(rows, steps),
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

        A model that can read a prompt at once reads prompts together as far as
        the shortest of them goes, and the rest of longer ones step by step.

        Args:
            prompt: str, list of str, or `(num_prompts, time)` token ids with 0
                at either end of shorter rows. `""` begins a text.
            max_new_tokens: int, or one per prompt.
            seed: int, or one int per prompt; None draws one. Answer i depends
                on the seed, i and prompt i alone, and a longer one begins like
                a shorter one.
            temperature: float, or one per prompt; below 1 sharpens every step,
                0 takes the likeliest token.
            top_k: int, or one per prompt: only the k likeliest tokens; 0 is
                off.
            top_p: float, or one per prompt: only the likeliest tokens that
                together have this probability; 1 is off.
            min_p: float, or one per prompt: only tokens with at least this
                part of the likeliest one's probability; 0 is off.
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
        x, is_text = self._as_prompts(prompt)
        request = as_request(
            x,
            seed,
            max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            no_repeat_ngram_size=no_repeat_ngram_size,
            stop_token_id=self._stop(stop_token_id),
        )
        request = self._within_reach(request)
        longest = int(tf.reduce_max(request.max_new_tokens))
        prompts, num_steps = _in_few_shapes(x, longest)

        def new_ids(*request):
            # Scores are left aside: XLA then leaves out their arithmetic.
            return self._continue(*request, num_steps)[0]

        new_ids.__name__ = f"new_ids_{num_steps}"
        new_ids = self.compile_method(new_ids, jit_compile=True)
        request = request._replace(prompt=prompts)
        new_ids = map_rows(new_ids, request, batch_size)
        new_ids = new_ids[:, :longest]
        if not is_text:
            return new_ids
        texts = [t.decode() for t in self.tokenizer.decode(new_ids).numpy()]
        return texts[0] if isinstance(prompt, (str, bytes)) else texts

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
        if not isinstance(prompt, (str, bytes)):
            prompt = np.trim_zeros(np.asarray(prompt), "b")[None]
        x, is_text = self._as_prompts(prompt)
        request = as_request(
            x,
            seed,
            max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            stop_token_id=self._stop(stop_token_id),
        )
        tokens = self._stream_tokens(self._within_reach(request))
        return self._as_pieces(tokens) if is_text else tokens

    def score(self, texts, batch_size=256):
        """Exact log-probability of texts.

        Args:
            texts: list of str.
            batch_size: int. Texts scored at once.

        Returns:
            `(num_texts,)` float32 tensor, in nats.
        """
        return self.log_prob(self._encode_texts(texts, "text"), batch_size)

    def encode(self, texts, batch_size=256):
        """What the model remembers of texts.

        Args:
            texts: list of str, or `(num_texts, time)` token ids.
            batch_size: int. Texts encoded at once.

        Returns:
            `(num_texts, units)` float32 tensor.
        """
        if holds_text(texts):
            texts = self._encode_texts(texts, "text")
        x = widened(self.check_inputs(texts))
        return map_rows(self.compile_method(self.encode_ids), (x,), batch_size)

    def encode_ids(self, token_ids):
        """What the model remembers of rows of token ids.

        Args:
            token_ids: `(batch_size, time)` int32; 0 is padding.

        Returns:
            `(batch_size, units)` float32 tensor.
        """
        raise NotImplementedError

    def serving_signatures(self):
        signatures = super().serving_signatures()
        row_int = tf.TensorSpec((None,), tf.int32)
        row_float = tf.TensorSpec((None,), tf.float32)
        name, spec = "x", tf.TensorSpec((None, None), tf.int32)
        example = np.ones((1, 4), "int32")
        if self.tokenizer:
            name, spec = "text", tf.TensorSpec((None,), tf.string)
            example = np.array([self.tokenizer.example], object)

        def read(request):
            x = request[name]
            return self.check_inputs(
                self._encode_texts(x, name) if self.tokenizer else x
            )

        def score(**request):
            return {"log_prob": self._score(read(request))}

        def encode(**request):
            return {"z": self.encode_ids(read(request))}

        def generate(prompt, seed, max_new_tokens, temperature, top_k, top_p):
            x, _ = self._as_prompts(prompt)
            request = as_request(
                x,
                seed,
                max_new_tokens,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                stop_token_id=self._stop(None),
            )
            request = self._within_reach(request)
            longest = tf.reduce_max(request.max_new_tokens)
            num_steps = tf.shape(x)[1] + longest
            new_ids, log_prob = self._continue(*request, num_steps)
            new_ids = new_ids[:, :longest]
            if not self.tokenizer:
                return {"token_ids": new_ids, "log_prob": log_prob}
            text = self.tokenizer.decode(new_ids)
            return {"text": text, "log_prob": log_prob}

        text = {name: spec}, {name: example}
        signatures["score"] = export.Signature(score, *text)
        signatures["encode"] = export.Signature(encode, *text)
        signatures["generate"] = export.Signature(
            generate,
            {
                "prompt": spec,
                "seed": row_int,
                "max_new_tokens": row_int,
                "temperature": row_float,
                "top_k": row_int,
                "top_p": row_float,
            },
            {
                "prompt": example,
                "seed": np.zeros((1,), "int32"),
                "max_new_tokens": np.array([8], "int32"),
                "temperature": np.ones((1,), "float32"),
                "top_k": np.zeros((1,), "int32"),
                "top_p": np.ones((1,), "float32"),
            },
        )
        return signatures

    def _stop(self, stop_token_id):
        if stop_token_id is not None:
            return stop_token_id
        if isinstance(self.stop_token_id, tuple):
            return [self.stop_token_id]
        return self.stop_token_id or 0

    def _continue(
        self, prompt, seeds, max_new_tokens, options, stop, num_steps
    ):
        """Continues prompts by what fits into rows of `num_steps`."""
        width = _sizes(prompt)[1]
        lengths = tf.reduce_sum(tf.cast(prompt > 0, tf.int32), axis=1)
        x = tf.pad(prompt, [[0, 0], [0, num_steps - width]])
        start, known = self._known_of(prompt, lengths, num_steps)
        x, log_prob, _ = continue_tokens(
            self.next_logits,
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

    def _known_of(self, prompt, lengths, num_steps):
        """The first step that not all prompts reach, and what is known then."""
        rows = _sizes(prompt)[0]
        known = self._beginning(rows, num_steps)
        start = tf.reduce_min(lengths)
        states = self.states_after(prompt, start, num_steps)
        if states is None:
            return 0, known
        last = tf.gather(tf.pad(prompt, [[0, 0], [1, 0]]), start, axis=1)
        return start, (last, states, known[2])

    def _stream_tokens(self, request):
        x, seeds, max_new_tokens, options, stop = request
        length, longest = x.shape[1], int(max_new_tokens[0])
        prompt, room = _in_few_shapes(x, longest)
        uniforms = row_uniform(seeds, room)
        walk = self.compile_method(self._walk, jit_compile=True)
        known = self._beginning(1, room)
        if length:

            def read(prompt, options, stop):
                return self._read(prompt, options, stop, room)

            read.__name__ = f"read_{room}"
            read = self.compile_method(read, jit_compile=True)
            known = read(prompt, options, stop)
        hidden, end = tf.zeros((1, 1), tf.int32), tf.ones((1,), tf.int32)
        for t in range(length, length + longest):
            noise = uniforms[:, t : t + 1]
            token, known = walk(
                hidden, hidden > 0, end, noise, options, stop, known
            )
            yield int(token[0, 0])
            if not known[2][0]:
                return

    def _read(self, prompt, options, stop, num_steps):
        """What is known after a prompt."""
        lengths = tf.reduce_sum(tf.cast(prompt > 0, tf.int32), axis=1)
        start, known = self._known_of(prompt, lengths, num_steps)
        noise = tf.zeros_like(prompt, tf.float32)
        return continue_tokens(
            self.next_logits,
            prompt,
            prompt > 0,
            lengths,
            noise,
            options,
            stop,
            known,
            start,
        )[2]

    def _walk(self, x, given, end, uniforms, options, stop, known):
        x, _, known = continue_tokens(
            self.next_logits, x, given, end, uniforms, options, stop, known
        )
        return x, known

    def _as_pieces(self, tokens):
        """Text of a stream of tokens, as far as whole characters are there."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        pieces = self.tokenizer.pieces
        before = b""
        for token in tokens:
            piece = decoder.decode(before + pieces[token - 1])
            before = self.tokenizer.separator.encode()
            if piece:
                yield piece
        piece = decoder.decode(b"", final=True)
        if piece:
            yield piece

    def _beginning(self, num_rows, num_steps):
        """What is known before the first token."""
        return (
            tf.zeros([num_rows], tf.int32),
            self.initial_states(num_rows, num_steps),
            tf.ones([num_rows], tf.bool),
        )

    def _within_reach(self, request):
        """Refuses prompts that leave no room for what is to follow."""
        lengths = tf.reduce_sum(tf.cast(request.prompt > 0, tf.int32), axis=1)
        steps = lengths + request.max_new_tokens
        return request._replace(
            max_new_tokens=self.check_length(
                request.max_new_tokens, steps, "prompt` with `max_new_tokens"
            )
        )

    def _as_prompts(self, prompt):
        """Token ids of prompts, and whether they came as text."""
        if holds_text(prompt):
            one = isinstance(prompt, (str, bytes))
            prompt = [prompt] if one else prompt
            return self._encode_texts(prompt, "prompt", empty=True), True
        prompt = tf.convert_to_tensor(prompt)
        if not prompt.dtype.is_integer or prompt.shape.rank != 2:
            raise ValueError(
                "`prompt` must be text, or integers of shape (num_prompts, "
                f"time). Received: dtype={prompt.dtype.name}, "
                f"shape={tuple(prompt.shape)}"
            )
        prompt = not_empty(tf.cast(prompt, tf.int32), name="prompt")
        prompt = self.check_values(prompt, "prompt")
        return padded_at_the_end(prompt, "prompt"), False

    def _encode_texts(self, texts, name, empty=False):
        if self.tokenizer is None:
            raise ValueError(
                "This model has no tokenizer: it takes token ids. Make it with "
                "`tokenizer=`, or encode the text first."
            )
        x = self.tokenizer.encode(texts, name)
        # A text of no tokens is one of padding alone.
        return x if empty else tf.pad(x, [[0, 0], [0, _missing_column(x)]])


def _in_few_shapes(x, max_new_tokens):
    """Prompts made wider, and how many steps their rows are to have."""
    prompts = widened(x, least=_LEAST_WIDTH)
    room = room_for(x.shape[1] + max_new_tokens)
    return prompts, max(room, prompts.shape[1])


def _missing_column(x):
    return tf.cast(tf.equal(tf.shape(x)[1], 0), tf.int32)


def _sizes(x):
    """Static sizes of `(batch_size, time)` where known, else tensors."""
    shape = tf.shape(x)
    return [s or shape[i] for i, s in enumerate(x.shape)]
