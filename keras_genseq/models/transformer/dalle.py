import keras
from keras import ops

from keras_genseq.metrics import NatsPerStep
from keras_genseq.models.autoencoder.discrete_vae import DiscreteVAE
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.transformer.best_of import checked_ranker
from keras_genseq.models.transformer.captioned_image_model import (
    CaptionedImageModel,
)
from keras_genseq.models.transformer.captions import caption_vocabulary
from keras_genseq.models.transformer.captions import drawn_captions
from keras_genseq.models.transformer.captions import of_as_many_rows
from keras_genseq.models.transformer.captions import training_captions
from keras_genseq.models.transformer.text_image_transformer import (
    TextImageTransformer,
)
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_token_grids
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.masks import IMAGE_ATTENTION
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class DALLE(CaptionedImageModel):
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
        ranker: optional trained `ContrastiveRanker` of the same images and
            captions, which is frozen from then on. With it `generate` keeps
            the best of several draws, served too.
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
        ranker=None,
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
        tokenizer, vocabulary_size = caption_vocabulary(
            tokenizer, vocabulary_size
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
        text_weight, caption_dropout = check_numbers(
            text_weight=text_weight, caption_dropout=caption_dropout
        )
        for name, value in (
            ("text_weight", text_weight),
            ("caption_dropout", caption_dropout),
        ):
            if value >= 1.0:
                raise ValueError(
                    f"`{name}` must be in [0, 1). Received: {name}={value!r}"
                )
        use_bias = check_flags(use_bias=use_bias)
        super().__init__(**kwargs)
        self.autocast = False
        self.draw_noise_from(seed)
        self.discrete_vae = _frozen(discrete_vae)
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
        if isinstance(ranker, dict):
            ranker = keras.saving.deserialize_keras_object(ranker)
        if ranker is not None:
            ranker = _frozen(checked_ranker(ranker, self))
        self.ranker = ranker

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
        networks = {
            "discrete_vae": self.discrete_vae,
            "transformer": self.transformer,
        }
        if self.ranker is not None:
            networks["ranker"] = self.ranker
        return networks

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
        text_nats, image_nats = self.nats(x, y, training=training)
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
        x = as_tensor(x, name)
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
        captions = training_captions(
            y, self.tokenizer, self.vocabulary_size, self.text_length
        )
        return of_as_many_rows(captions, num_rows_of(x), "y")

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
        tokenizer = self.tokenizer
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "attention_types": list(self.attention_types),
            "discrete_vae": _kept(self.discrete_vae),
            "ranker": None if self.ranker is None else _kept(self.ranker),
            "tokenizer": tokenizer
            and keras.saving.serialize_keras_object(tokenizer),
        }

    def nats(self, tokens, captions, training=False):
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


def _frozen(model):
    """A model that does not learn along."""
    # One that was kept as frozen comes back with parts that are not, and Keras
    # passes over a value that stays as it was.
    model.trainable = True
    model.trainable = False
    return model


def _kept(model):
    """The config of a model whose training is over."""
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return config
