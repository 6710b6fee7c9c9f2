"""The uses of models that make images of captions."""

from keras import ops

from keras_genseq.models.adversarial.adversarial_model import AdversarialModel
from keras_genseq.models.adversarial.captions import as_captions
from keras_genseq.models.adversarial.char_cnn_rnn import CharCNNRNN
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import temperature_input


class CaptionedAdversarialModel(AdversarialModel):
    """Makes images of captions, and judges which belong together.

    A system has the networks of an `AdversarialModel`, which see embeddings of
    captions as their condition; a frozen `text_encoder` and its `text_dim`; and
    `style_encoder`, a bool: whether there is a `style_network`, from images to
    noise.

    Args:
        *args: as for `AdversarialModel`.
        **kwargs: as for `AdversarialModel`.
    """

    def condition_vectors(self, condition):
        return condition

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets("captions of images"))
        return self.captions_of(y, x)

    def captions_of(self, y, x):
        """Characters and classes of what is said of images: `as_captions`."""
        length = self.text_encoder.max_sequence_length
        return as_captions(y, num_rows_of(x), length)

    def call(self, x, condition=None, training=False):
        if condition is None:
            condition = ops.zeros((ops.shape(x)[0], self.text_dim))
        return self.discriminator_logits(x, condition, training)

    def styles_of(self, x, training=False):
        """What the style encoder makes of images, `(batch_size, latent_dim)`
        float32."""
        return ops.cast(self.style_network(x, training=training), "float32")

    def load_from(self, other):
        """Takes weights that this model has, too; of a `CharCNNRNN` the text
        encoder: see `BaseModel.load_from`."""
        if not isinstance(other, CharCNNRNN):
            return super().load_from(other)
        shapes = [
            [tuple(w.shape) for w in encoder.text_network.weights]
            for encoder in (other, self.text_encoder)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"The text encoder of {self.name} has other sizes: weights of "
                f"{shapes[1]}. Received: {shapes[0]}"
            )
        _copy_text_network(other, self.text_encoder)
        return len(shapes[0]), []

    @property
    def sample(self):
        """Not there: images are made of captions, by `generate`."""
        raise AttributeError(
            "TextToImageGAN makes images of captions: call `generate`."
        )

    def generate(self, captions, seed=None, *, temperature=1.0, batch_size=256):
        """Makes an image of each caption.

        Args:
            captions: str, or list of str, as for `CharCNNRNN.encode`.
            seed: int, or one int per caption; None draws one. Image i depends
                on its caption, the seed and i alone.
            temperature: float, or one per caption: scales the noise.
            batch_size: int. Images made at once.

        Returns:
            `(num_captions, height, width, channels)` float32 tensor in [0, 1].

        Raises:
            ValueError: if captions are no strings, or `temperature` is out of
                range.
        """
        return self.ask(
            "generate",
            caption=captions,
            seed=seed,
            temperature=temperature,
            batch_size=batch_size,
        )

    def discriminate(self, x, captions, *, batch_size=256):
        """Whether the discriminator holds images for real and their captions'.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            captions: list of str, one for each image.
            batch_size: int. Images judged at once.

        Returns:
            dict of `(num_images,)` float32 tensors: `logits`, and `realness`
            in (0, 1), their sigmoid.
        """
        return self.ask(
            "discriminate", x=x, caption=captions, batch_size=batch_size
        )

    def encode(self, x, *, batch_size=256):
        """Styles of images: the noise that makes images most like them.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            batch_size: int. Images read at once.

        Returns:
            `(num_images, latent_dim)` float32 tensor.

        Raises:
            ValueError: if there is no style encoder.
        """
        self._check_style_encoder()
        return self.ask("encode", x=x, batch_size=batch_size)

    def transfer_style(self, x, captions, *, batch_size=256):
        """Makes images of captions in the style of other images.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            captions: list of str, one for each image.
            batch_size: int. Images made at once.

        Returns:
            `(num_images, height, width, channels)` float32 tensor in [0, 1].

        Raises:
            ValueError: if there is no style encoder.
        """
        self._check_style_encoder()
        return self.ask(
            "transfer_style", x=x, caption=captions, batch_size=batch_size
        )

    def endpoints(self):
        endpoints = super().endpoints()
        del endpoints["sample"]
        caption = {"caption": self.text_encoder.caption_input()}
        x = {"x": self.example_input()}
        endpoints["generate"] = Endpoint(
            self._generated,
            {
                **caption,
                "seed": seed_input(),
                "temperature": temperature_input("scales the noise"),
            },
            "images",
            description="makes images of captions",
        )
        endpoints["discriminate"] = Endpoint(
            self._judged,
            {**x, **caption},
            endpoints["discriminate"].answer,
            description="whether the discriminator holds images for real and "
            "their captions'",
        )
        if self.style_encoder:
            endpoints["encode"] = Endpoint(
                self.styles_of,
                x,
                "z",
                description="styles of images: the noise that makes images "
                "most like them",
            )
            endpoints["transfer_style"] = Endpoint(
                self._restyled,
                {**x, **caption},
                "images",
                description="makes images of captions in the style of others",
            )
        return endpoints

    def _generated(self, token_ids, seeds, temperature):
        condition = self.text_encoder.embeddings_of(token_ids)
        return self.draw(seeds, temperature, condition)

    def _judged(self, x, token_ids):
        condition = self.text_encoder.embeddings_of(token_ids)
        return self.discriminator_logits(x, condition)

    def _restyled(self, x, token_ids):
        condition = self.text_encoder.embeddings_of(token_ids)
        return self.images_of_latents(self.styles_of(x), condition)

    def _check_style_encoder(self):
        if not self.style_encoder:
            raise ValueError(
                "This model has no style encoder. Make it with "
                "`style_encoder=True` and train it."
            )


def frozen_text_encoder(text_encoder, dtype):
    """A copy of the text side of an encoder that no optimizer trains.

    Args:
        text_encoder: `CharCNNRNN`, its config, or None for the paper's.
        dtype: dtype policy of the copy.
    """
    config = {}
    if isinstance(text_encoder, dict):
        config = text_encoder
    elif isinstance(text_encoder, CharCNNRNN):
        config = text_encoder.get_config()
    elif text_encoder is not None:
        raise ValueError(
            "`text_encoder` must be a `CharCNNRNN`; `keras_genseq.load` makes "
            f"one of what was kept. Received: {text_encoder!r}"
        )
    text_dim = config.get("text_dim", 1024)
    # Images as features need no network.
    changes = {"image_shape": (text_dim,), "dtype": dtype}
    copy = CharCNNRNN.from_config({**config, **changes, "name": "text_encoder"})
    if isinstance(text_encoder, CharCNNRNN):
        _copy_text_network(text_encoder, copy)
    copy.trainable = False
    return copy


def _copy_text_network(source, target):
    target.text_network.set_weights(source.text_network.get_weights())
