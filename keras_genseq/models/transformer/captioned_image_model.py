"""Drawing images of captions, token by token, in Python and served."""

import functools

import numpy as np
import tensorflow as tf

from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import Input
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import rounds_sizes_up
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.text.decoding_loop import continue_tokens
from keras_genseq.models.text.generation_options import generation_inputs
from keras_genseq.models.text.generation_options import sampling_options
from keras_genseq.models.text.text_input import text_input
from keras_genseq.models.transformer.best_of import best_of_several
from keras_genseq.models.transformer.best_of import checked_ranker
from keras_genseq.models.transformer.captions import captions_of_request
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.random import row_uniform

_MAX_GUIDANCE = 100.0
_KNOBS = ("seed", "temperature", "top_k", "top_p")


class CaptionedImageModel(BaseModel):
    """Draws the tokens of images given captions, and decodes them.

    A subclass has `discrete_vae`, `transformer` (with `text_ids`, `prefill` and
    `decode_step` of `TextImageTransformer`), `tokenizer`, `vocabulary_size`,
    `text_length`, `caption_dropout` and `ranker`, a `ContrastiveRanker` or
    None, and says `nats`.
    """

    def nats(self, tokens, captions, training=False):
        """Negative log-probabilities of captions, and of images given them.

        Args:
            tokens: `(batch_size, rows, columns)` int32.
            captions: `(batch_size, text_length)` int32; 0 is padding.
            training: bool. Whether dropout acts.

        Returns:
            Two `(batch_size,)` float32 tensors, in nats.
        """
        raise NotImplementedError

    @property
    def image_shape(self):
        """tuple: (height, width, channels) of the images."""
        return self.discrete_vae.image_shape

    @property
    def tokens_shape(self):
        """tuple: (rows, columns) of the tokens of an image."""
        return self.discrete_vae.tokens_shape

    @property
    def num_places(self):
        """int: tokens of an image."""
        rows, columns = self.tokens_shape
        return rows * columns

    def generate(
        self,
        captions,
        *,
        num_images=None,
        seed=None,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        guidance=None,
        best_of=None,
        ranker=None,
        batch_size=64,
    ):
        """Draws images of captions.

        Args:
            captions: str, list of str, or `(num_captions, time)` token ids; an
                empty one draws any image.
            num_images: optional int. Images of each caption.
            seed: int, or one int per image; None draws one. Image i depends on
                the seed, i and its caption alone.
            temperature: float, or one per image; below 1 sharpens every step, 0
                takes the likeliest tokens.
            top_k: int, or one per image: only the k most probable tokens; 0 is
                off.
            top_p: float, or one per image: only the most probable tokens that
                together have this probability; 1 is off.
            guidance: optional float, or one per image. How far the logits go
                from those without a caption to those with it: 1 or None is the
                model itself, more follows the caption closer, 0 ignores it.
                Needs a model with `caption_dropout`.
            best_of: optional int, or one per image. So many are drawn in the
                place of each image, and the one kept that the ranker finds
                nearest to the caption. The first of them is the image without
                it.
            ranker: optional `ContrastiveRanker` that judges them; None takes
                the model's own.
            batch_size: int. Images drawn at once.

        Returns:
            `(num_captions, height, width, channels)` float32 tensor in [0, 1],
            or `(num_captions, num_images, height, width, channels)`.

        Raises:
            ValueError: if captions or options are out of range, strings come
                to a model without a tokenizer, or there is no ranker to choose
                by.
        """
        use = self._generation(self._images)
        if best_of is not None:
            ranker = self.ranker if ranker is None else ranker
            use = best_of_several(use, checked_ranker(ranker, self))
        return self._drawn(
            use,
            captions,
            num_images,
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            guidance=guidance,
            best_of=best_of,
            batch_size=batch_size,
        )

    def generate_tokens(self, captions, *, num_images=None, **options):
        """What `generate` decodes to images.

        Args:
            captions, num_images, **options: as for `generate`, but for
                `best_of` and `ranker`.

        Returns:
            int32 tensor like the images of `generate`, `(rows, columns)` tokens
            in the place of an image.
        """
        return self._drawn(
            self._generation(self._tokens), captions, num_images, **options
        )

    def complete(
        self,
        x,
        captions,
        kept_rows,
        *,
        seed=None,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        guidance=None,
        batch_size=64,
    ):
        """Draws the lower parts of images whose upper parts are given.

        The upper part comes back as its tokens show it, not pixel by pixel;
        what is below it in `x` does not matter.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            captions: one for each image, as for `generate`.
            kept_rows: int, or one per image. Rows of tokens that are kept, from
                the top; each stands for `height / rows` rows of pixels.
            seed, temperature, top_k, top_p, guidance, batch_size: as for
                `generate`.

        Returns:
            `(num_images, height, width, channels)` float32 tensor in [0, 1].

        Raises:
            ValueError: as for `generate`.
        """
        self._check_guidance(guidance)
        return self.ask(
            "complete",
            x=x,
            caption=captions,
            kept_rows=kept_rows,
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            guidance=guidance,
            batch_size=batch_size,
        )

    def score(self, x, captions, *, batch_size=64):
        """Log-probability of the tokens of images, given captions.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            captions: one for each image, as for `generate`.
            batch_size: int. Images scored at once.

        Returns:
            `(num_images,)` float32 tensor, in nats.
        """
        return self.ask("score", x=x, caption=captions, batch_size=batch_size)

    def endpoints(self):
        image = tensor_input(
            self.image_shape,
            "images in [0, 1]",
            lambda x: as_images(x, self.image_shape),
            example=np.full((1, *self.image_shape), 0.5, "float32"),
        )
        rows = Input(
            tf.TensorSpec((None,), tf.int32),
            "rows of tokens that are kept, from the top",
            minimum=0,
            maximum=self.tokens_shape[0],
            example=np.array([self.tokens_shape[0] // 2], "int32"),
        )
        generation = self._generation(self._images_and_scores)
        if self.ranker is not None:
            generation = best_of_several(generation, self.ranker)
        return {
            **super().endpoints(),
            "generate": generation,
            "complete": Endpoint(
                self._completed,
                {
                    "x": image,
                    "caption": self._caption_input(),
                    "kept_rows": rows,
                    **self._knobs(),
                },
                "images",
                self._prepared,
                "draws the lower parts of images of captions",
                jit_compile=True,
            ),
            "score": Endpoint(
                self._score,
                {"x": image, "caption": self._caption_input()},
                "log_prob",
                description="log-probability of the tokens of images, in nats",
            ),
        }

    def _caption_input(self):
        return text_input(
            self.tokenizer,
            "captions",
            functools.partial(captions_of_request, self),
            np.ones((1, 1)),
        )

    def _knobs(self):
        """The inputs that say how images are drawn."""
        known = generation_inputs()
        knobs = {name: known[name] for name in _KNOBS}
        if self.caption_dropout:
            knobs["guidance"] = Input(
                tf.TensorSpec((None,), tf.float32),
                "1 is the model itself, more follows the caption closer",
                default=1.0,
                minimum=0.0,
                maximum=_MAX_GUIDANCE,
            )
        return knobs

    def _check_guidance(self, guidance):
        if guidance is not None and not self.caption_dropout:
            raise ValueError(
                "`guidance` needs a model that has seen images without "
                "captions, too: make it with `caption_dropout=`, such as 0.1, "
                f"and train it. Received: guidance={guidance}"
            )

    def _prepared(
        self, caption, seed, temperature, top_k, top_p, guidance=None, **image
    ):
        options = sampling_options(
            temperature, top_k, top_p, tf.zeros_like(temperature)
        )
        is_plain = guidance is None or (
            rounds_sizes_up() and bool(tf.reduce_all(guidance == 1.0))
        )
        guidance = None if is_plain else guidance
        return (caption, seed, options, guidance, *image.values())

    def _generation(self, run):
        def answered(result, inputs):
            if isinstance(result, tuple):
                return {"images": result[0], "log_prob": result[1]}
            return {"images": result}

        return Endpoint(
            run,
            {"caption": self._caption_input(), **self._knobs()},
            answered,
            self._prepared,
            "draws images of captions",
            jit_compile=True,
        )

    def _drawn(self, use, captions, num_images, seed=None, **options):
        """Draws several images of each caption."""
        self._check_guidance(options.get("guidance"))
        num_images = as_int(num_images, "num_images", minimum=1, optional=True)
        captions = captions_of_request(self, captions)
        num_captions = captions.shape[0]
        total = num_captions * (num_images or 1)
        drawn = self.ask(
            use,
            caption=tf.repeat(captions, num_images or 1, axis=0),
            seed=as_seeds(seed, total),
            **options,
        )
        if num_images is None:
            return drawn
        return tf.reshape(drawn, (num_captions, num_images, *drawn.shape[1:]))

    def _images(self, *request):
        return self._images_and_scores(*request)[0]

    def _tokens(self, *request):
        return self._draw(*request)[0]

    def _images_and_scores(self, *request):
        tokens, log_prob = self._draw(*request)
        return self._decoded(tokens), log_prob

    def _completed(self, captions, seeds, options, guidance, x, kept_rows):
        rows, columns = self.tokens_shape
        height = self.image_shape[0]
        # What is hidden looks like the last row that is not: no edge there.
        last = kept_rows * (height // rows) - 1
        shown = tf.minimum(tf.range(height)[None, :], last[:, None])
        x = tf.gather(x, tf.maximum(shown, 0), axis=1, batch_dims=1)
        known = tf.reshape(
            self.discrete_vae.encode_tokens(x), (-1, rows * columns)
        )
        num_known = kept_rows * columns
        tokens, _ = self._draw(
            captions, seeds, options, guidance, known, num_known
        )
        return self._decoded(tokens)

    def _decoded(self, tokens):
        vae = self.discrete_vae
        return vae.likelihood_mean(vae.decoder_output(tokens))

    def _draw(
        self, captions, seeds, options, guidance, known=None, num_known=None
    ):
        """Draws the tokens of images, but for the first ones of some.

        Args:
            captions: `(batch_size, text_length)` int32.
            seeds: `(batch_size,)` int32.
            options: `SamplingOptions`.
            guidance: `(batch_size,)` float32, or None.
            known: optional `(batch_size, places)` int32 tokens.
            num_known: optional `(batch_size,)` int32. How many of them stay.

        Returns:
            `(batch_size, rows, columns)` int32 tokens, and the
            `(batch_size,)` log-probability of the drawn ones before
            temperature and filters.
        """
        shape = (num_rows_of(captions), self.num_places)
        if known is None:
            known, num_known = tf.zeros(shape, tf.int32), tf.zeros_like(seeds)
        is_known = tf.range(self.num_places)[None, :] < num_known[:, None]
        texts = text_ids = self.transformer.text_ids(captions)
        if guidance is not None:
            empty = self.transformer.text_ids(tf.zeros_like(captions))
            texts = tf.concat([text_ids, empty], axis=0)

        def step(ids, cache):
            if guidance is None:
                return self.transformer.decode_step(ids, cache)
            # Before the image, an empty caption ends in padding.
            is_first = cache[0] == self.text_length
            others = tf.where(is_first, empty[:, -1], ids)
            logits, cache = self.transformer.decode_step(
                tf.concat([ids, others], axis=0), cache
            )
            return guided(*tf.split(logits, 2), guidance), cache

        ids, log_prob, _ = continue_tokens(
            step,
            tf.where(is_known, known + 1, 0),
            is_known,
            tf.fill(shape[:1], self.num_places),
            row_uniform(seeds, self.num_places),
            options,
            tf.zeros_like(seeds)[:, None],
            (
                text_ids[:, -1],
                self.transformer.prefill(texts),
                tf.ones_like(seeds, tf.bool),
            ),
        )
        return tf.reshape(ids - 1, (-1, *self.tokens_shape)), log_prob

    def _score(self, x, captions):
        tokens = self.discrete_vae.encode_tokens(x)
        return -self.nats(tokens, captions)[1]


def guided(logits, empty_logits, guidance):
    """Logits with a caption, as far beyond those without one as asked for.

    Args:
        logits: `(batch_size, ids)`.
        empty_logits: the same of empty captions.
        guidance: `(batch_size,)`: 1 leaves `logits` as they are, 0 gives the
            others.

    Returns:
        Tensor like `logits`.
    """
    scale = guidance[:, None]
    beyond = empty_logits + scale * (logits - empty_logits)
    return tf.where(scale == 1.0, logits, beyond)
