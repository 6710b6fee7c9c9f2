import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import NatsPerStep
from keras_genseq.models.autoencoder.discrete_vae import DiscreteVAE
from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import Input
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import rounds_sizes_up
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.text.decoding_loop import continue_tokens
from keras_genseq.models.text.generation_options import generation_inputs
from keras_genseq.models.text.generation_options import sampling_options
from keras_genseq.models.text.text_input import text_input
from keras_genseq.models.transformer.captions import caption_ids
from keras_genseq.models.transformer.captions import drawn_captions
from keras_genseq.models.transformer.captions import training_captions
from keras_genseq.models.transformer.text_image_transformer import (
    TextImageTransformer,
)
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.checks import as_token_grids
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.masks import IMAGE_ATTENTION
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.value_checks import ensure

_PAPER_VOCABULARY = 16_384
_MAX_GUIDANCE = 100.0
_KNOBS = ("seed", "temperature", "top_k", "top_p")


@keras.saving.register_keras_serializable(package="keras_genseq")
class DALLE(BaseModel):
    """Draws images of captions: one Transformer over words and image tokens.

    p(caption, image) = prod_t p(stream_t | stream_<t)
    stream = words of the caption, padding, tokens of the image, row by row

    A trained `DiscreteVAE` turns images into tokens, and tokens into images.
    Every token of an image sees the whole caption; among themselves they see
    each other by the masks of sparse attention, which differ from layer to
    layer. Drawing keeps keys and values in caches of a fixed shape, in one
    compiled loop.

    Args:
        discrete_vae: `DiscreteVAE`, which is frozen from then on, or the name
            of one of its presets.
        vocabulary_size: optional int. Token ids of captions are below it; 0 is
            padding. None takes the tokenizer's, or the paper's 16,384 and
            padding.
        text_length: int. The most tokens of a caption; what a caption leaves
            is filled up with a learned padding for each position.
        num_layers: int.
        hidden_dim: int. Width of the residual stream.
        num_heads: int. A divisor of `hidden_dim`.
        intermediate_dim: optional int. Inner width of the feed-forward
            networks; None is four times `hidden_dim`.
        attention_types: optional sequence of `"row"`, `"column"`,
            `"convolutional"` or `"full"`, one a layer. None takes the paper's
            order: row, column, row, row and so on, convolutional at last.
        kernel_size: odd int. Side of the neighborhood that convolutional
            attention sees.
        dropout: float. Part of the embeddings and of every sublayer's outputs
            that training drops.
        attention_dropout: float. Part of the attention weights, likewise.
        use_bias: bool.
        text_weight: float in [0, 1). Weight of the caption in the loss; the
            image has the rest.
        caption_dropout: float in [0, 1). Part of the images of training that
            are shown without their captions, for classifier-free guidance.
        tokenizer: optional `keras_genseq.tokenizers.Tokenizer`. With it
            captions are strings, served ones too.
        seed: int. Of the noise of training; None draws one.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        tokens: `(batch_size, rows, columns)` int32 tokens of images. `fit` also
            takes images, floats in [0, 1].
        captions: `(batch_size, text_length)` int32 token ids, 0 is padding;
            None are empty captions. `fit` also takes strings, and several
            captions an image, `(batch_size, captions)` strings, the missing
            ones empty, or `(batch_size, captions, time)` ids: each time one is
            drawn.
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, text_length + rows * columns, ids)` float32 logits over
        the start (id 0), all tokens of images, all of texts and the paddings:
        -1e9 for an id of the other kind.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    ```python
    vae = models.DiscreteVAE((8, 8, 1), 6, filters=(4, 4), embedding_dim=3)
    tokenizer = tokenizers.WordTokenizer(["a", "bright", "dark", "picture"])
    model = models.DALLE(
        vae, text_length=3, num_layers=2, hidden_dim=16, num_heads=2,
        tokenizer=tokenizer,
    )
    model.compile("adam")
    images = np.random.rand(4, 8, 8, 1).astype("float32")
    model.fit(images, ["a bright picture"] * 4, verbose=0)
    images = model.generate("a dark picture", num_images=2, seed=0)
    ```

    Differences from the paper: by default the sizes are small, those of the
    paper are the preset `dall_e`, whose weights are not public. All scores of
    attention are computed, and those that a mask hides dropped. Captions are
    not encoded with BPE dropout. Guidance is of later work.

    References:
        - [Ramesh et al., 2021](https://arxiv.org/abs/2102.12092)
        - [Ho & Salimans, 2022](https://arxiv.org/abs/2207.12598), guidance
    """

    presets = {
        "dall_e": Preset(
            config={
                "discrete_vae": "dall_e_dvae",
                "text_length": 256,
                "num_layers": 64,
                "hidden_dim": 3968,
                "num_heads": 62,
            },
            num_parameters=12_293_853_056,
            source="Ramesh et al., 2021, appendix B; without the discrete VAE",
        ),
    }

    def __init__(
        self,
        discrete_vae,
        *,
        vocabulary_size=None,
        text_length=64,
        num_layers=4,
        hidden_dim=256,
        num_heads=4,
        intermediate_dim=None,
        attention_types=None,
        kernel_size=11,
        dropout=0.0,
        attention_dropout=0.0,
        use_bias=True,
        text_weight=0.125,
        caption_dropout=0.0,
        tokenizer=None,
        seed=None,
        **kwargs,
    ):
        if isinstance(discrete_vae, str):
            discrete_vae = DiscreteVAE.from_preset(discrete_vae)
        if isinstance(discrete_vae, dict):
            discrete_vae = keras.saving.deserialize_keras_object(discrete_vae)
        if not isinstance(discrete_vae, DiscreteVAE):
            raise ValueError(
                "`discrete_vae` must be a `DiscreteVAE`, or the name of one of "
                f"its presets. Received: {discrete_vae!r}"
            )
        if isinstance(tokenizer, dict):
            tokenizer = keras.saving.deserialize_keras_object(tokenizer)
        if vocabulary_size is None:
            vocabulary_size = _PAPER_VOCABULARY + 1
            if tokenizer:
                vocabulary_size = tokenizer.vocabulary_size
        if tokenizer and tokenizer.vocabulary_size != vocabulary_size:
            raise ValueError(
                f"The tokenizer has {tokenizer.vocabulary_size} ids, padding "
                "among them: leave `vocabulary_size` out. Received: "
                f"vocabulary_size={vocabulary_size}"
            )
        vocabulary_size = as_int(
            vocabulary_size,
            "vocabulary_size",
            minimum=2,
            note=", padding included",
        )
        text_length, num_layers, hidden_dim, num_heads, kernel_size = (
            check_counts(
                text_length=text_length,
                num_layers=num_layers,
                hidden_dim=hidden_dim,
                num_heads=num_heads,
                kernel_size=kernel_size,
            )
        )
        if attention_types is None:
            attention_types = paper_attention_types(num_layers)
        unknown = set(attention_types) - set(IMAGE_ATTENTION)
        if unknown or len(attention_types) != num_layers:
            raise ValueError(
                f"`attention_types` must name one of {IMAGE_ATTENTION} for "
                f"each of {num_layers} layers. Received: "
                f"attention_types={attention_types!r}"
            )
        if kernel_size % 2 == 0:
            raise ValueError(
                "`kernel_size` must be odd: a token is the center of its "
                f"neighborhood. Received: kernel_size={kernel_size}"
            )
        for name, value in (
            ("text_weight", text_weight),
            ("caption_dropout", caption_dropout),
        ):
            if not 0.0 <= value < 1.0:
                raise ValueError(
                    f"`{name}` must be in [0, 1). Received: {name}={value!r}"
                )
        super().__init__(**kwargs)
        self.autocast = False
        self.draw_noise_from(seed)
        self.discrete_vae = discrete_vae
        self.discrete_vae.trainable = False
        self.vocabulary_size = vocabulary_size
        self.text_length = text_length
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.attention_types = tuple(attention_types)
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.use_bias = use_bias
        self.text_weight = text_weight
        self.caption_dropout = caption_dropout
        self.tokenizer = tokenizer
        self.tokens_shape = discrete_vae.tokens_shape
        self.num_places = self.tokens_shape[0] * self.tokens_shape[1]

        self.transformer = TextImageTransformer(
            vocabulary_size=vocabulary_size,
            text_length=text_length,
            num_image_tokens=discrete_vae.num_tokens,
            grid_shape=self.tokens_shape,
            hidden_dim=hidden_dim,
            num_heads=num_heads,
            intermediate_dim=intermediate_dim or 4 * hidden_dim,
            attention_types=self.attention_types,
            kernel_size=kernel_size,
            dropout=dropout,
            attention_dropout=attention_dropout,
            use_bias=use_bias,
            dtype=self.dtype_policy,
        )
        self.text_nats = NatsPerStep("text_nats", dtype="float32")
        self.image_nats = NatsPerStep("image_nats", dtype="float32")
        self.build((None, *self.tokens_shape))

    def build(self, input_shape):
        self.transformer.build()
        self.add_counter()
        self.built = True

    @property
    def networks(self):
        """dict: name -> the Keras layer or model that is a part of this."""
        return {
            "discrete_vae": self.discrete_vae,
            "transformer": self.transformer,
        }

    @property
    def image_shape(self):
        """tuple: (height, width, channels) of the images."""
        return self.discrete_vae.image_shape

    def call(self, tokens, captions=None, training=False):
        if captions is None:
            empty = ops.zeros_like(ops.reshape(tokens, (-1, self.num_places)))
            captions = ops.repeat(empty[:, :1], self.text_length, axis=1)
        logits = self.transformer(captions, tokens, training=training)
        return self.transformer.joined_logits(*logits)

    def example_losses(self, x, y, *, training, seeds=None):
        if len(y.shape) == 3:
            y = drawn_captions(y, seeds)
        is_shown = ops.ones_like(y[:, 0], dtype="float32")
        if seeds is not None and self.caption_dropout:
            uniforms = row_uniform(seeds, 1, stream=1)[:, 0]
            is_shown = ops.cast(uniforms >= self.caption_dropout, "float32")
            y = ops.where(is_shown[:, None] > 0.0, y, 0)
        text_nats, image_nats = self._nats(x, y, training=training)
        # A caption that is hidden is nothing to learn.
        text_nats = text_nats * is_shown
        losses = (
            self.text_weight * text_nats / self.text_length
            + (1.0 - self.text_weight) * image_nats / self.num_places
        )
        return losses, {
            "text_nats": ops.stack(
                [text_nats, self.text_length * is_shown], axis=-1
            ),
            "image_nats": ops.stack(
                [image_nats, ops.full_like(image_nats, self.num_places)],
                axis=-1,
            ),
        }

    def tokens_of(self, x, name="x"):
        """Tokens of images, which is all that training needs of them.

        Args:
            x: `(batch_size, height, width, channels)` floats in [0, 1], or
                their tokens, `(batch_size, rows, columns)` ints.
            name: str. What error messages call it.

        Returns:
            `(batch_size, rows, columns)` int32 tensor.

        Raises:
            ValueError: if it is neither.
        """
        x = tf.convert_to_tensor(x)
        if x.dtype.is_integer and x.shape.rank == 3:
            return as_token_grids(
                x, self.tokens_shape, self.discrete_vae.num_tokens, name=name
            )
        x = as_images(x, self.image_shape, name=name)
        return self.discrete_vae.encode_tokens(x)

    def check_inputs(self, x, name="x"):
        return self.tokens_of(x, name)

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets("images of captions"))
        return self._of_as_many_rows(
            training_captions(
                y, self.tokenizer, self.vocabulary_size, self.text_length
            ),
            num_rows_of(x),
            "y",
        )

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
            batch_size: int. Images drawn at once.

        Returns:
            `(num_captions, height, width, channels)` float32 tensor in [0, 1],
            or `(num_captions, num_images, height, width, channels)`.

        Raises:
            ValueError: if captions or options are out of range, or strings come
                to a model without a tokenizer.
        """
        return self._drawn(
            self._images,
            captions,
            num_images,
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            guidance=guidance,
            batch_size=batch_size,
        )

    def generate_tokens(self, captions, *, num_images=None, **options):
        """What `generate` decodes to images.

        Args:
            captions, num_images, **options: as for `generate`.

        Returns:
            int32 tensor like the images of `generate`, `(rows, columns)` tokens
            in the place of an image.
        """
        return self._drawn(self._tokens, captions, num_images, **options)

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
        return {
            **super().endpoints(),
            "generate": self._generation(self._images_and_scores),
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

    def get_config(self):
        names = (
            "vocabulary_size",
            "text_length",
            "num_layers",
            "hidden_dim",
            "num_heads",
            "intermediate_dim",
            "kernel_size",
            "dropout",
            "attention_dropout",
            "use_bias",
            "text_weight",
            "caption_dropout",
            "seed",
        )
        vae = keras.saving.serialize_keras_object(self.discrete_vae)
        # Its training is over.
        vae.pop("compile_config", None)
        tokenizer = self.tokenizer
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "attention_types": list(self.attention_types),
            "discrete_vae": vae,
            "tokenizer": tokenizer
            and keras.saving.serialize_keras_object(tokenizer),
        }

    def _nats(self, tokens, captions, training=False):
        """Negative log-probabilities of captions and of images, in nats."""
        text, image = self.transformer(captions, tokens, training=training)
        first = 1 + self.discrete_vae.num_tokens
        text_targets = self.transformer.text_ids(captions) - first
        image_targets = ops.reshape(tokens, (-1, self.num_places))
        return tuple(
            ops.sum(
                ops.sparse_categorical_crossentropy(
                    targets, logits, from_logits=True
                ),
                axis=1,
            )
            for targets, logits in (
                (text_targets, text),
                (image_targets, image),
            )
        )

    def _captions(self, captions, num_rows=None):
        """Checked captions, `(num_captions, text_length)` int32."""
        ids = caption_ids(
            captions,
            self.tokenizer,
            self.vocabulary_size,
            self.text_length,
            name="caption",
        )
        if num_rows is None:
            return ids
        return self._of_as_many_rows(ids, num_rows, "caption")

    def _of_as_many_rows(self, captions, num_rows, name):
        return ensure(
            captions,
            tf.equal(tf.shape(captions)[0], num_rows),
            f"`{name}` must have a row for each row of `x`.",
        )

    def _caption_input(self):
        return text_input(
            self.tokenizer, "captions", self._captions, np.ones((1, 1))
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

    def _drawn(self, run, captions, num_images, seed=None, **options):
        """Draws several images of each caption."""
        self._check_guidance(options.get("guidance"))
        num_images = as_int(num_images, "num_images", minimum=1, optional=True)
        captions = self._captions(captions)
        num_captions = captions.shape[0]
        total = num_captions * (num_images or 1)
        drawn = self.ask(
            self._generation(run),
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
        return -self._nats(tokens, captions)[1]


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


def paper_attention_types(num_layers):
    """The paper's kinds of attention, layer by layer.

    Args:
        num_layers: int.

    Returns:
        tuple of str: `"column"` in layers 2, 6, 10 and so on, `"row"` in the
        others, `"convolutional"` in the last.
    """
    kinds = [
        "column" if (i - 2) % 4 == 0 else "row" for i in range(1, num_layers)
    ]
    return (*kinds, "convolutional")
