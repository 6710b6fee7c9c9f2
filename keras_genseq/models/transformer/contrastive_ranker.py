import functools
import math

import keras
import numpy as np
from keras import ops

from keras_genseq.models.base.contrastive_model import ContrastiveModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.text.text_input import text_input
from keras_genseq.models.transformer.caption_encoder import CaptionEncoder
from keras_genseq.models.transformer.captions import caption_vocabulary
from keras_genseq.models.transformer.captions import captions_of_request
from keras_genseq.models.transformer.captions import drawn_captions
from keras_genseq.models.transformer.captions import of_as_many_rows
from keras_genseq.models.transformer.captions import training_captions
from keras_genseq.models.transformer.vision_transformer import VisionTransformer
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_flags

_LARGEST_SCALE = 100.0
_EXCLUDED = -1e9


@keras.saving.register_keras_serializable(package="keras_genseq")
class ContrastiveRanker(ContrastiveModel):
    """Tells how well captions describe images, to rank what was drawn of them.

    u = unit(image encoder(image)),  v = unit(text encoder(caption))
    logits[i, j] = exp(t) u_i . v_j
    L_i = (cross-entropy of row i, and of column i, with the target i) / 2

    Of a batch, every image is to find its own caption, and every caption its
    own image. The image encoder is a `VisionTransformer`, the text encoder a
    Transformer of the same sizes; t is learned. `DALLE` takes a trained one as
    its `ranker`, and then keeps the best of several draws.

    The metric `caption_accuracy` is the share of images whose own caption is
    the nearest one of the batch, `image_accuracy` that of captions whose own
    image is.

    Args:
        image_shape: (height, width, channels).
        patch_size: int, or (height, width), as for `VisionTransformer`.
        vocabulary_size: optional int. Token ids of captions are below it; 0 is
            padding. None takes the tokenizer's, or that of `DALLE`.
        text_length: int. The most tokens of a caption.
        num_layers: int. Blocks of each encoder.
        hidden_dim: int. Width of the tokens in both.
        num_heads: int. A divisor of `hidden_dim`.
        intermediate_dim: optional int. Inner width of the feed-forward
            networks; None is four times `hidden_dim`.
        embedding_dim: int. Dimensions that images and captions share.
        stem: optional dict, as for `VisionTransformer`.
        dropout: float. Part of the embeddings and of every sublayer's outputs
            that training drops.
        use_bias: bool. Whether the blocks' projections have biases.
        first_temperature: float. exp(-t) at first; it does not fall below
            0.01.
        tokenizer: optional `keras_genseq.tokenizers.Tokenizer`. With it
            captions are strings, served ones too.
        seed: int. Of the noise of training: which of several captions of an
            image a step takes; None draws one.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, embedding_dim)` float32 embeddings of images, of length
        1. `fit` takes pairs of images and captions, as `DALLE` does.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    ```python
    tokenizer = tokenizers.WordTokenizer(["a", "bright", "dark", "picture"])
    model = models.ContrastiveRanker(
        (8, 8, 1), text_length=3, num_layers=1, hidden_dim=16, num_heads=2,
        embedding_dim=8, tokenizer=tokenizer,
    )
    model.compile("adam")
    images = np.random.rand(4, 8, 8, 1).astype("float32")
    captions = ["a bright picture", "a dark picture"] * 2
    model.fit(images, captions, verbose=0)
    scores = model.score(images, captions)  # (4,)
    ```

    Differences from the paper: small sizes by default. The text encoder is not
    causal and reads a caption off a first token of its own. A caption that
    also describes another image of the batch, word by word, is no negative of
    that image.

    References:
        - [Ramesh et al., 2021](https://arxiv.org/abs/2102.12092), section 2.6
        - [Radford et al., 2021](https://arxiv.org/abs/2103.00020)
    """

    def __init__(
        self,
        image_shape,
        *,
        patch_size=4,
        vocabulary_size=None,
        text_length=64,
        num_layers=4,
        hidden_dim=256,
        num_heads=4,
        intermediate_dim=None,
        embedding_dim=256,
        stem=None,
        dropout=0.0,
        use_bias=True,
        first_temperature=0.07,
        tokenizer=None,
        seed=None,
        **kwargs,
    ):
        tokenizer, vocabulary_size = caption_vocabulary(
            tokenizer, vocabulary_size
        )
        text_length, num_layers, hidden_dim, num_heads, embedding_dim = (
            check_counts(
                text_length=text_length,
                num_layers=num_layers,
                hidden_dim=hidden_dim,
                num_heads=num_heads,
                embedding_dim=embedding_dim,
            )
        )
        if not 1.0 / _LARGEST_SCALE <= first_temperature <= 1.0:
            raise ValueError(
                "`first_temperature` must be in [0.01, 1]. Received: "
                f"first_temperature={first_temperature!r}"
            )
        use_bias = check_flags(use_bias=use_bias)
        super().__init__(**kwargs)
        self.draw_noise_from(seed)
        self.vocabulary_size = vocabulary_size
        self.text_length = text_length
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.embedding_dim = embedding_dim
        self.dropout = dropout
        self.use_bias = use_bias
        self.first_temperature = first_temperature
        self.tokenizer = tokenizer

        sizes = {
            "num_layers": num_layers,
            "hidden_dim": hidden_dim,
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim or 4 * hidden_dim,
            "dropout": dropout,
            "use_bias": use_bias,
            "dtype": self.dtype_policy,
        }
        self.image_encoder = VisionTransformer(
            image_shape,
            patch_size,
            embedding_dim,
            stem=stem,
            head_initializer="glorot_uniform",
            **sizes,
        )
        self.image_shape = self.image_encoder.image_shape
        self.patch_size = self.image_encoder.patch_size
        self.text_encoder = CaptionEncoder(
            vocabulary_size=vocabulary_size,
            text_length=text_length,
            output_dim=embedding_dim,
            **sizes,
        )
        for name in ("caption_accuracy", "image_accuracy"):
            metric = keras.metrics.Mean(name=name, dtype="float32")
            metric._direction = "up"
            setattr(self, name, metric)
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        self.text_encoder.build()
        self.log_scale = self.add_weight(
            name="log_scale",
            shape=(),
            dtype="float32",
            initializer=keras.initializers.Constant(
                -math.log(self.first_temperature)
            ),
            constraint=_at_most_the_largest,
            # The constraint is applied on every replica, to equal values.
            aggregation="only_first_replica",
        )
        self.add_counter()
        self.built = True

    @property
    def networks(self):
        """dict: name -> the Keras layer or model that is a part of this."""
        return {"image": self.image_encoder, "text": self.text_encoder}

    def call(self, x, training=False):
        return _unit(self.image_encoder(x, training=training))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.embedding_dim)

    def embeddings_of(self, token_ids, training=False):
        """Embeddings of captions that were made token ids.

        Args:
            token_ids: `(batch_size, text_length)` int32; 0 is padding.
            training: bool.

        Returns:
            `(batch_size, embedding_dim)` float32 tensor, rows of length 1.
        """
        return _unit(self.text_encoder(token_ids, training=training))

    def example_losses(self, x, y, *, training, seeds=None):
        every = y[:, None] if len(y.shape) == 2 else y
        chosen = drawn_captions(every, seeds)
        images = self(x, training=training)
        texts = self.embeddings_of(chosen, training=training)
        # logits[i, j] is of image i and caption j.
        logits = ops.exp(self.log_scale) * (images @ ops.transpose(texts))
        rows = ops.arange(ops.shape(logits)[0], dtype="int32")
        is_own = rows[:, None] == rows[None, :]
        is_negative = ~_describes(chosen, every) | is_own
        logits = ops.where(is_negative, logits, _EXCLUDED)
        losses, terms = 0.0, {}
        for name, each in (
            ("caption_accuracy", logits),
            ("image_accuracy", ops.transpose(logits)),
        ):
            log_probs = ops.log_softmax(each, axis=-1)
            losses = losses - 0.5 * ops.diagonal(log_probs)
            is_nearest = ops.argmax(each, axis=-1) == rows
            # Of examples that replicas have gathered, no rank is known.
            terms[name] = ops.reshape(ops.cast(is_nearest, "float32"), (-1,))
        return losses, terms

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets("images and their captions"))
        captions = training_captions(
            y, self.tokenizer, self.vocabulary_size, self.text_length
        )
        return of_as_many_rows(captions, num_rows_of(x), "y")

    def encode(self, x, *, batch_size=256):
        """Embeddings of images.

        Args:
            x: images, as for `fit`.
            batch_size: int. Images encoded at once.

        Returns:
            `(num_images, embedding_dim)` float32 tensor, rows of length 1.

        Raises:
            ValueError: if `x` is not what the model takes.
        """
        return self.ask("encode", x=x, batch_size=batch_size)

    def encode_captions(self, captions, *, batch_size=256):
        """Embeddings of captions, in the space of the images.

        Args:
            captions: str, list of str, or `(num_captions, time)` token ids.
            batch_size: int. Captions encoded at once.

        Returns:
            `(num_captions, embedding_dim)` float32 tensor, rows of length 1.

        Raises:
            ValueError: if these are no captions, or one is too long.
        """
        return self.ask(
            "encode_captions", caption=captions, batch_size=batch_size
        )

    def score(self, x, captions, *, batch_size=256):
        """How well captions describe images.

        Args:
            x: images, as for `fit`.
            captions: one for each image, as for `encode_captions`.
            batch_size: int. Pairs scored at once.

        Returns:
            `(num_images,)` float32 tensor in [-1, 1]: cosines of the two
            embeddings, which rank pairs and are no probabilities.

        Raises:
            ValueError: as for `encode_captions`.
        """
        return self.ask("score", x=x, caption=captions, batch_size=batch_size)

    def endpoints(self):
        image = tensor_input(
            self.image_shape, "images, in [0, 1]", self.check_inputs
        )
        caption = text_input(
            self.tokenizer,
            "captions",
            functools.partial(captions_of_request, self),
            np.ones((1, 1)),
        )
        return {
            **super().endpoints(),
            "encode": Endpoint(
                self._of_images,
                {"x": image},
                "z",
                description="embeddings of images, of length 1",
            ),
            "encode_captions": Endpoint(
                self._of_captions,
                {"caption": caption},
                "z",
                description="embeddings of captions, of length 1",
            ),
            "score": Endpoint(
                self._scores,
                {"x": image, "caption": caption},
                "similarity",
                description="cosines of images and their captions",
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
            "embedding_dim",
            "dropout",
            "use_bias",
            "first_temperature",
            "seed",
        )
        tokenizer = self.tokenizer
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "image_shape": list(self.image_shape),
            "patch_size": list(self.patch_size),
            "stem": self.image_encoder.get_config()["stem"],
            "tokenizer": tokenizer
            and keras.saving.serialize_keras_object(tokenizer),
        }

    def _of_images(self, x):
        return self(x)

    def _of_captions(self, token_ids):
        return self.embeddings_of(token_ids)

    def _scores(self, x, token_ids):
        return ops.sum(self(x) * self.embeddings_of(token_ids), axis=-1)


def _unit(x):
    """Rows of length 1, float32."""
    x = ops.cast(x, "float32")
    return x * ops.rsqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + 1e-12)


def _describes(captions, every):
    """Whether caption j is, word by word, one of image i.

    Args:
        captions: `(batch_size, text_length)` int32.
        every: `(batch_size, captions, text_length)` int32, all that each image
            has.

    Returns:
        `(batch_size, batch_size)` booleans.
    """
    is_equal = ops.all(every[:, None] == captions[None, :, None], axis=-1)
    return ops.any(is_equal, axis=-1)


def _at_most_the_largest(log_scale):
    return ops.minimum(log_scale, math.log(_LARGEST_SCALE))
