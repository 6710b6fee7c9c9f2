import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.layers import SimpleRNN
from keras_genseq.layers import StridedConv2D
from keras_genseq.models.adversarial.captions import ALPHABET
from keras_genseq.models.adversarial.captions import as_captions
from keras_genseq.models.adversarial.captions import caption_shares
from keras_genseq.models.adversarial.captions import character_ids
from keras_genseq.models.base.contrastive_model import ContrastiveModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import as_rate
from keras_genseq.ops.values import check_numbers
from keras_genseq.tokenizers.tokenizer import as_list
from keras_genseq.tokenizers.tokenizer import as_texts

_POOL_SIZE = 3


@keras.saving.register_keras_serializable(package="keras_genseq")
class CharCNNRNN(ContrastiveModel):
    """Encodes captions, so that they meet the images that they describe.

        F(v, t) = v . phi(t)
        L = mean_i mean_{j: class j != class i}  max(0, m + F(v_i, t_j) - F_ii)
                                               + max(0, m + F(v_j, t_i) - F_ii)

    The text encoder phi reads a caption character by character: convolutions
    that are pooled, a vanilla ReLU network over what they found, the mean of
    its states, and a linear map. It learns from pairs of images and captions
    (the structured joint embedding): of a batch, no image or caption of
    another class may be nearer than one's own, by a margin m. Without classes,
    every other image is of another one.

    The metric `accuracy` is the share of images whose own caption is nearer
    than all of other classes, and nearer to them than to all other images.

    Args:
        image_shape: (height, width, channels): an image encoder v of
            convolutions learns along. Or (text_dim,): images come as features
            of a network that is trained already, as in the paper.
        filters: sequence of ints. Channels of the convolutions over characters;
            the last is also the width of the recurrent state.
        kernel_size: int. Characters, or what became of them, that a
            convolution sees.
        text_dim: int. Dimensions of the embedding.
        max_sequence_length: int. Characters that count; more are cut off.
        dropout: float. Share of the mean state that is lost in training.
        initial_range: float. First weights of the text encoder are uniform
            between its negative and itself.
        image_filters: sequence of ints. Channels of the image encoder's
            convolutions, each of which halves the sides.
        margin: float. m.
        seed: int. Of the noise of training: which of several captions of an
            image a step takes; None draws one.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        inputs: `(batch_size, *image_shape)` floats, images in [0, 1].

    Returns:
        `(batch_size, text_dim)` float32 embeddings v of images.

    Raises:
        ValueError: if captions are too short for so many convolutions, or
            features of images have other dimensions than `text_dim`.

    Example:

    ```python
    images = np.random.rand(4, 8, 8, 1).astype("float32")
    captions = [["a cat"], ["a dog"], ["a small cat"], ["a bird"]]
    model = models.CharCNNRNN(
        (8, 8, 1),
        filters=(8, 8),
        text_dim=4,
        max_sequence_length=40,
        image_filters=(4,),
    )
    model.compile(keras.optimizers.RMSprop(4e-4))
    y = {"captions": captions, "label": [0, 1, 0, 2]}
    model.fit(images, y, batch_size=4, verbose=0)
    z = model.encode(["a large dog", ""])
    ```

    Differences from the paper:
        An image encoder can learn along, where there are no features. Images
        of one class may share a batch, and are no negatives of each other;
        terms are averaged over the negatives that there are. As in the
        authors' code, states over padding count in the mean. Their variants
        for longer texts (more steps, GRU) are left out.

    References:
        - [Reed et al., 2016](https://arxiv.org/abs/1605.05395)
    """

    presets = {
        "char_cnn_rnn_1024": Preset(
            config={"image_shape": (1024,)},
            # Three convolutions, the recurrent layer, the linear map.
            num_parameters=107_904 + 786_944 + 1_049_088 + 524_800 + 525_312,
            source="Reed et al., 2016, section 4, widths by their scripts",
        ),
    }

    def __init__(
        self,
        image_shape,
        *,
        filters=(384, 512, 512),
        kernel_size=4,
        text_dim=1024,
        max_sequence_length=201,
        dropout=0.0,
        initial_range=0.08,
        image_filters=(32, 64, 128),
        margin=1.0,
        seed=None,
        **kwargs,
    ):
        image_shape = as_counts(image_shape, "image_shape")
        filters = as_counts(filters, "filters")
        image_filters = as_counts(image_filters, "image_filters")
        kernel_size, text_dim, max_sequence_length = check_counts(
            kernel_size=kernel_size,
            text_dim=text_dim,
            max_sequence_length=max_sequence_length,
        )
        margin, initial_range = check_numbers(
            margin=margin, initial_range=initial_range
        )
        if len(image_shape) != 3 and image_shape != (text_dim,):
            raise ValueError(
                "`image_shape` must be (height, width, channels), or "
                f"(text_dim,) of features of images, here ({text_dim},). "
                f"Received: image_shape={image_shape}"
            )
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.filters = filters
        self.kernel_size = kernel_size
        self.text_dim = text_dim
        self.max_sequence_length = max_sequence_length
        self.dropout = dropout
        self.initial_range = initial_range
        self.image_filters = image_filters
        self.margin = margin
        self.draw_noise_from(seed)
        self.accuracy = keras.metrics.Mean(name="accuracy", dtype="float32")
        self.accuracy._direction = "up"
        self.text_network = self._make_text_network()
        self.image_network = None
        if len(image_shape) == 3:
            self.image_network = self._make_image_network()
        self.build((None, *image_shape))

    @property
    def networks(self):
        """dict: name -> the Keras model that is a part of this one."""
        networks = {"text": self.text_network}
        if self.image_network is not None:
            networks["image"] = self.image_network
        return networks

    def build(self, input_shape):
        self.add_counter()
        self.built = True

    def check_inputs(self, x, name="x"):
        if self.image_network is None:
            return as_vectors(x, self.text_dim, name=name)
        return as_images(x, self.image_shape, name=name)

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets("captions of images"))
        return as_captions(y, num_rows_of(x), self.max_sequence_length)

    def example_losses(self, x, y, *, training, seeds=None):
        y = as_captions(y, num_rows_of(x), self.max_sequence_length)
        images = self(x, training=training)
        captions = self._one_of_each(y["token_ids"], seeds)
        texts = self.embeddings_of(captions, training)
        # scores[i, j] is F(v_i, t_j).
        scores = images @ ops.transpose(texts)
        own = ops.diagonal(scores)[:, None]
        is_other = y["label"][:, None] != y["label"][None, :]
        others = ops.cast(is_other, "float32")
        found, is_nearest = 0.0, True
        for each in (scores, ops.transpose(scores)):
            found += others * ops.relu(self.margin + each - own)
            is_nearest &= ops.all((each < own) | ~is_other, axis=1)
        count = ops.maximum(ops.sum(others, axis=1), 1.0)
        return ops.sum(found, axis=1) / count, {
            "accuracy": ops.cast(is_nearest, "float32")
        }

    def call(self, inputs, training=False):
        if self.image_network is None:
            return ops.cast(inputs, "float32")
        return ops.cast(
            self.image_network(inputs, training=training), "float32"
        )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.text_dim)

    def embeddings_of(self, token_ids, training=False):
        """Embeddings of captions that were made character ids.

        Args:
            token_ids: `(batch_size, max_sequence_length)` int32 tensor.
            training: bool.

        Returns:
            `(batch_size, text_dim)` float32 tensor.
        """
        z = self.text_network(token_ids, training=training)
        return ops.cast(z, "float32")

    def mean_embeddings_of(self, token_ids):
        """The mean embedding of the captions of each image.

        Args:
            token_ids: `(batch_size, most_captions, max_sequence_length)`.

        Returns:
            `(batch_size, text_dim)` float32 tensor.
        """
        most = ops.shape(token_ids)[1]
        flat = ops.reshape(token_ids, (-1, self.max_sequence_length))
        z = ops.reshape(self.embeddings_of(flat), (-1, most, self.text_dim))
        return ops.sum(z * caption_shares(token_ids)[..., None], axis=1)

    def encode(self, texts, *, batch_size=256):
        """Embeddings phi of captions.

        Args:
            texts: str, or list of str. Case does not matter; characters that
                are not in the alphabet, and those after `max_sequence_length`,
                are as if there were nothing.
            batch_size: int. Captions encoded at once.

        Returns:
            `(num_texts, text_dim)` float32 tensor.

        Raises:
            ValueError: if these are not strings.
        """
        return self.ask("encode", text=texts, batch_size=batch_size)

    def endpoints(self):
        return {
            **super().endpoints(),
            "encode": Endpoint(
                self.embeddings_of,
                {"text": self.caption_input("text")},
                "z",
                description="embeddings of captions",
            ),
        }

    def caption_input(self, name="caption"):
        """The input of an endpoint that reads captions.

        Args:
            name: str. What clients call it.
        """
        return tensor_input(
            (),
            "captions, in UTF-8",
            lambda texts: character_ids(
                as_texts(as_list(texts), name), self.max_sequence_length
            ),
            tf.string,
            example=np.array([b"a small bird "], object),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "filters": list(self.filters),
            "kernel_size": self.kernel_size,
            "text_dim": self.text_dim,
            "max_sequence_length": self.max_sequence_length,
            "dropout": self.dropout,
            "initial_range": self.initial_range,
            "image_filters": list(self.image_filters),
            "margin": self.margin,
            "seed": self.seed,
        }

    def _one_of_each(self, token_ids, seeds):
        """One caption of each image: the first one, or one that is drawn."""
        if seeds is None:
            return token_ids[:, 0]
        counts = ops.sum(ops.any(token_ids > 0, axis=-1), axis=1)
        uniforms = row_uniform(seeds, 1)[:, 0]
        chosen = ops.cast(uniforms * ops.cast(counts, "float32"), "int32")
        return tf.gather(token_ids, chosen, batch_dims=1)

    def _make_text_network(self):
        dtype = self.dtype_policy
        uniform = {
            name: keras.initializers.RandomUniform(
                -self.initial_range, self.initial_range
            )
            for name in ("kernel_initializer", "bias_initializer")
        }
        inputs = keras.Input(
            (self.max_sequence_length,), dtype="int32", name="token_ids"
        )
        # Of -1 there is no column: nothing is all zeros.
        x = ops.one_hot(inputs - 1, len(ALPHABET), dtype=self.compute_dtype)
        for i, width in enumerate(self.filters):
            is_last = i == len(self.filters) - 1
            if x.shape[1] < self.kernel_size + _POOL_SIZE - 1:
                raise ValueError(
                    f"{len(self.filters)} convolutions need longer captions: "
                    "set a larger `max_sequence_length`. Received: "
                    f"max_sequence_length={self.max_sequence_length}"
                )
            x = keras.layers.Conv1D(
                width,
                self.kernel_size,
                activation="relu",
                dtype=dtype,
                **uniform,
                data_format="channels_last",
            )(x)
            x = keras.layers.MaxPooling1D(
                _POOL_SIZE,
                strides=2 if is_last else _POOL_SIZE,
                dtype=dtype,
                data_format="channels_last",
            )(x)
        x = SimpleRNN(
            self.filters[-1],
            activation="relu",
            recurrent_initializer=uniform["kernel_initializer"],
            return_sequences=True,
            # Eight steps of captions of 201 characters.
            unroll=True,
            dtype=dtype,
            **uniform,
        )(x)
        x = keras.layers.GlobalAveragePooling1D(
            dtype=dtype, data_format="channels_last"
        )(x)
        x = keras.layers.Dropout(as_rate(self.dropout), dtype=dtype)(x)
        x = keras.layers.Dense(self.text_dim, dtype=dtype, **uniform)(x)
        return keras.Model(inputs, x, name="text_network")

    def _make_image_network(self):
        dtype = self.dtype_policy
        inputs = keras.Input(self.image_shape, name="x")
        x = keras.layers.Rescaling(2.0, -1.0, dtype=dtype)(inputs)
        for width in self.image_filters:
            x = StridedConv2D(
                width,
                4,
                strides=2,
                padding="same",
                kernel_initializer="he_normal",
                dtype=dtype,
                data_format="channels_last",
            )(x)
            x = keras.layers.LeakyReLU(0.2, dtype=dtype)(x)
        x = keras.layers.Flatten(dtype=dtype, data_format="channels_last")(x)
        x = keras.layers.Dense(self.text_dim, dtype=dtype)(x)
        return keras.Model(inputs, x, name="image_network")
