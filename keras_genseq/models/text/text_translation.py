"""Search for targets, draws of them and text around them."""

import numpy as np
import tensorflow as tf

from keras_genseq import export
from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.text.beam_search import beam_search
from keras_genseq.models.text.decoding_loop import continue_tokens
from keras_genseq.models.text.generation_options import as_request
from keras_genseq.models.text.token_padding import holds_text
from keras_genseq.models.text.token_padding import power_of_two
from keras_genseq.models.text.token_padding import widened
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.value_checks import ensure

_SERVED_BEAM_WIDTH = 4


class TextTranslation:
    """Gives a `SequenceToSequenceModel` its methods of translation."""

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
        beam_width = check_counts(beam_width=beam_width)
        ids = self._as_ids(x, "x")
        rows = self._search_rows(ids, max_new_tokens, length_penalty)
        num_steps = power_of_two(int(tf.reduce_max(rows[1])))

        def search(x, max_new_tokens, length_penalty):
            return self._search(
                x, max_new_tokens, length_penalty, beam_width, num_steps
            )

        search.__name__ = f"search_{beam_width}_{num_steps}"
        search = self.compile_method(search, jit_compile=True)
        tokens, scores = map_rows(
            search, (widened(rows[0]), *rows[1:]), batch_size
        )
        if not n_best:
            return self._as_answers(tokens[:, 0], x)
        if not holds_text(x):
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
        num_steps = power_of_two(int(tf.reduce_max(request.max_new_tokens)))

        def draw(x, seeds, max_new_tokens, options, _):
            return self._draw(x, seeds, max_new_tokens, options, num_steps)

        draw.__name__ = f"draw_{num_steps}"
        draw = self.compile_method(draw, jit_compile=True)
        request = request._replace(prompt=widened(ids))
        return self._as_answers(map_rows(draw, request, batch_size), x)

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
            tf.fill([rows, 1], self.end_id),
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
        if holds_text(x):
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
        if not holds_text(x):
            return tokens
        texts = self._texts(tokens)
        return texts[0] if isinstance(x, (str, bytes)) else texts

    def _texts(self, tokens):
        return [t.decode() for t in self.tokenizer.decode(tokens).numpy()]
