import math

import keras
from keras import ops

from keras_genseq.layers import StridedConv2D
from keras_genseq.layers import StridedConv2DTranspose
from keras_genseq.models.adversarial.adversarial_model import AdversarialModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import check_numbers

# Streams of a row's seed; the noise z is drawn from stream 0.
_CATEGORY_STREAM = 2
_CONTINUOUS_STREAM = 3


@keras.saving.register_keras_serializable(package="keras_genseq")
class InfoGAN(AdversarialModel):
    """Generative adversarial nets whose codes can be read off their images.

        min_{G,Q} max_D  V(D, G) - lambda L_I(G, Q)
        L_I = E[log Q(c | G(z, c))] + H(c) <= I(c; G(z, c))

    Beside noise, the generator hears a code c: categories, each equally likely,
    and numbers uniform in (-1, 1). A second head Q on the trunk of the
    discriminator guesses the code from the image: log-softmax for categories,
    a normal density of deviation 1 for numbers. L_I counts for both losses:
    Q, with the trunk, learns to read codes in the discriminator's turn, and the
    generator to show them in its own. Of the generator's loss the trunk hears
    nothing, or it would learn to be deceived.

    The metric `mutual_information` is the bound L_I of the categories in nats,
    at most the sum of their log sizes; `continuous_information` that of the
    numbers, which the fixed deviation holds below 0.

    Categories settle on what is told most easily, which may be how an image is
    drawn and not what it shows. `augmentations` keep that out: what they change
    by chance, Q cannot read.

    Args:
        image_shape: (height, width, channels). Height and width are multiples
            of 4.
        latent_dim: int. Dimensions of the noise z, without the code.
        categories: sequence of ints. Size of each categorical code.
        num_continuous: int. Numbers in the code.
        filters: sequence of two ints. Channels of the discriminator's
            convolutions; the generator has them in reverse.
        hidden_units: int. Width of the dense layer of both.
        code_units: int. Width of Q's own hidden layer.
        negative_slope: float. Of LeakyReLU.
        information_weight: float. lambda, for categories.
        continuous_weight: float. lambda, for numbers.
        noise: distribution of z: `"normal"`, or `"uniform"` in (-1, 1).
        **kwargs: `adversarial_loss`, `gradient_penalty_weight`,
            `r1_weight`, `drift_weight`, `discriminator_updates`,
            `augmentations`, `ema_decay` and `seed`, as for `AdversarialModel`;
            and what `keras.Model` takes.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].

    Returns:
        `(batch_size,)` float32 logits: positive for what is held real.

    Raises:
        ValueError: if the image's sides are no multiples of 4, there is no
            code, or an argument has a value that is not listed here.

    Example:

    ```python
    images = np.random.rand(8, 8, 8, 1).astype("float32")
    model = models.InfoGAN((8, 8, 1), filters=(4, 8), hidden_units=16)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
    )
    model.fit(images, batch_size=4, epochs=1, verbose=0)
    probabilities = model.encode(images)["probabilities"]
    ```

    Differences from the paper:
        Eq. 6 lets Q move with the generator; here, as in the authors' code,
        the discriminator's optimizer moves Q and the trunk it shares.

    References:
        - [Chen et al., 2016](https://arxiv.org/abs/1606.03657)
    """

    presets = {
        "infogan_mnist": Preset(
            config={"image_shape": (28, 28, 1)},
            # Generator, trunk, D's head, Q's hidden layer and its outputs,
            # with biases.
            num_parameters=6_652_481 + 6_558_144 + 1_025 + 131_456 + 1_548,
            source="Chen et al., 2016, appendix C.1, by the authors' code",
        ),
    }

    def __init__(
        self,
        image_shape,
        *,
        latent_dim=62,
        categories=(10,),
        num_continuous=2,
        filters=(64, 128),
        hidden_units=1024,
        code_units=128,
        negative_slope=0.1,
        information_weight=1.0,
        continuous_weight=1.0,
        noise="normal",
        **kwargs,
    ):
        filters = as_counts(filters, "filters")
        categories = as_counts(categories, "categories")
        hidden_units, code_units = check_counts(
            hidden_units=hidden_units, code_units=code_units
        )
        num_continuous = as_int(num_continuous, "num_continuous", minimum=0)
        information_weight, continuous_weight = check_numbers(
            information_weight=information_weight,
            continuous_weight=continuous_weight,
        )
        if image_shape[0] % 4 or image_shape[1] % 4:
            raise ValueError(
                "Height and width must be multiples of 4: two convolutions "
                "halve them. Resize or pad the images. Received: "
                f"image_shape={tuple(image_shape)}"
            )
        if not categories and num_continuous < 1:
            raise ValueError(
                "There is no code to inform about: give `categories`, "
                "`num_continuous`, or both."
            )
        if kwargs.get("num_classes") is not None:
            raise ValueError(
                "InfoGAN finds classes by itself and takes no labels: leave "
                "`num_classes` out."
            )
        super().__init__(image_shape, latent_dim, noise=noise, **kwargs)
        self.categories = tuple(categories)
        self.num_continuous = num_continuous
        self.filters = tuple(filters)
        self.hidden_units = hidden_units
        self.code_units = code_units
        self.negative_slope = negative_slope
        self.information_weight = information_weight
        self.continuous_weight = continuous_weight
        self.code_dim = sum(self.categories) + num_continuous
        self.trunk = self._make_trunk()
        self.logit = self._dense(1)
        self.code_reader = self._make_code_reader()
        self.set_networks(self._make_generator(), self._make_discriminator())

    def term_names(self):
        return [
            *super().term_names(),
            "mutual_information",
            "continuous_information",
        ]

    @property
    def networks(self):
        return {
            **super().networks,
            "trunk": self.trunk,
            "code_reader": self.code_reader,
        }

    @property
    def group_networks(self):
        # The trunk is a part of the discriminator.
        return {
            "discriminator": [self.discriminator, self.code_reader],
            "generator": [self.generator],
        }

    def sample_latents(self, seeds, temperature=None):
        """Noise and codes of a batch: `(batch_size, latent_dim + code_dim)`.

        Args:
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` float32 tensor by which noise and
                numbers are scaled, or None.
        """
        z = super().sample_latents(seeds, temperature)
        parts = [z, *self._drawn_categories(seeds)]
        if self.num_continuous:
            numbers = row_uniform(
                seeds, self.num_continuous, stream=_CONTINUOUS_STREAM
            )
            numbers = 2.0 * numbers - 1.0
            if temperature is not None:
                numbers = temperature[:, None] * numbers
            parts.append(numbers)
        return ops.concatenate(parts, axis=-1)

    def discriminate_fakes(self, fake, z, condition=None, training=False):
        """Logits of fakes, and the bound on the information, weighed.

        Eq. 6 subtracts it from the losses of the generator and of Q.
        """
        features = self.trunk(fake, training=training)
        logits = ops.cast(self.logit(features), "float32")[:, 0]
        categorical, continuous = self.information(
            z[:, self.latent_dim :], self.read(features, training)
        )
        gain = self.information_weight * categorical
        gain += self.continuous_weight * continuous
        return (
            logits,
            gain,
            {
                "mutual_information": categorical,
                "continuous_information": continuous,
            },
        )

    def information(self, code, guess):
        """L_I of each example: log Q(c | x) + H(c).

        Args:
            code: `(batch_size, code_dim)`, what the image was made of.
            guess: what `read` made of the image.

        Returns:
            Pair of `(batch_size,)` nats, of categories and of numbers.
        """
        code, (logits, means) = keras.tree.map_structure(
            lambda part: ops.cast(part, "float32"), (code, guess)
        )
        *one_hots, numbers = self.split_code(code)
        categorical = ops.zeros_like(code[:, 0])
        for size, one_hot, logit in zip(
            self.categories, one_hots, logits, strict=True
        ):
            log_prob = ops.sum(one_hot * ops.log_softmax(logit), axis=-1)
            categorical += log_prob + math.log(size)
        # Normal of deviation 1; the entropy of U(-1, 1) is log 2.
        distances = 0.5 * ops.sum(ops.square(numbers - means), axis=-1)
        constant = math.log(2.0) - 0.5 * math.log(2.0 * math.pi)
        return categorical, self.num_continuous * constant - distances

    def read(self, features, training=False):
        """Q: what it makes of the trunk's features.

        Args:
            features: `(batch_size, hidden_units)`.
            training: bool.

        Returns:
            List of `(batch_size, size)` logits, one for each categorical code,
            and `(batch_size, num_continuous)` means.
        """
        code = self.code_reader(features, training=training)
        *logits, means = self.split_code(ops.cast(code, "float32"))
        return logits, means

    def split_code(self, code):
        """Parts of a code: each category's, and the numbers last."""
        ends = [sum(self.categories[:i]) for i in range(len(self.categories))]
        ends.append(sum(self.categories))
        return ops.split(code, ends[1:], axis=-1)

    def encode(self, x, *, batch_size=256):
        """Codes of images.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            batch_size: int. Images read at once.

        Returns:
            dict of `probabilities`, `(num_images, sum(categories))`, those of
            each category side by side, and `numbers`, `(num_images,
            num_continuous)` means; what the code does not have is left out,
            and of one that is left alone the tensor is returned.
        """
        return self.ask("encode", x=x, batch_size=batch_size)

    def endpoints(self):
        encode = Endpoint(
            self._encode,
            {"x": self.example_input()},
            lambda code, _: {k: v for k, v in code.items() if v.shape[-1]},
            description="codes of images",
        )
        return {**super().endpoints(), "encode": encode}

    def get_config(self):
        return {
            **super().get_config(),
            "categories": list(self.categories),
            "num_continuous": self.num_continuous,
            "filters": list(self.filters),
            "hidden_units": self.hidden_units,
            "code_units": self.code_units,
            "negative_slope": self.negative_slope,
            "information_weight": self.information_weight,
            "continuous_weight": self.continuous_weight,
        }

    def _encode(self, x):
        logits, means = self.read(self.trunk(x, training=False))
        probabilities = [ops.softmax(logit) for logit in logits]
        probabilities = probabilities or [means[:, :0]]
        probabilities = ops.concatenate(probabilities, axis=-1)
        return {"probabilities": probabilities, "numbers": means}

    def _drawn_categories(self, seeds):
        count = max(1, len(self.categories))
        uniforms = row_uniform(seeds, count, stream=_CATEGORY_STREAM)
        return [
            ops.one_hot(ops.cast(uniforms[:, i] * size, "int32"), size)
            for i, size in enumerate(self.categories)
        ]

    def _make_generator(self):
        height, width, channels = self.image_shape
        small, wide = self.filters
        shape = (height // 4, width // 4, wide)
        inputs = keras.Input((self.latent_dim + self.code_dim,), name="z")
        x = self._relu(self._dense(self.hidden_units)(inputs))
        x = self._relu(self._dense(math.prod(shape))(x))
        x = keras.layers.Reshape(shape, dtype=self.dtype_policy)(x)
        x = self._relu(self._convolution(True, small)(x))
        x = self._convolution(True, channels)(x)
        x = keras.layers.Activation("sigmoid", dtype="float32")(x)
        return keras.Model(inputs, x, name="generator")

    def _make_trunk(self):
        inputs = keras.Input(self.image_shape, name="x")
        x = self._convolution(False, self.filters[0])(inputs)
        x = self._leaky(x, normalize=False)
        x = self._leaky(self._convolution(False, self.filters[1])(x))
        x = keras.layers.Flatten(
            dtype=self.dtype_policy, data_format="channels_last"
        )(x)
        x = self._leaky(self._dense(self.hidden_units)(x))
        return keras.Model(inputs, x, name="trunk")

    def _make_discriminator(self):
        inputs = keras.Input(self.image_shape, name="x")
        logit = self.logit(self.trunk(inputs))
        return keras.Model(inputs, logit, name="discriminator")

    def _make_code_reader(self):
        inputs = keras.Input((self.hidden_units,), name="features")
        x = self._leaky(self._dense(self.code_units)(inputs))
        x = self._dense(self.code_dim)(x)
        return keras.Model(inputs, x, name="code_reader")

    def _relu(self, x):
        return keras.layers.ReLU(dtype=self.dtype_policy)(self._normalized(x))

    def _leaky(self, x, normalize=True):
        x = self._normalized(x) if normalize else x
        return keras.layers.LeakyReLU(
            self.negative_slope, dtype=self.dtype_policy
        )(x)

    def _normalized(self, x):
        return keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=self.dtype_policy
        )(x)

    def _dense(self, units):
        return keras.layers.Dense(
            units,
            kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02),
            dtype=self.dtype_policy,
        )

    def _convolution(self, transposed, filters):
        layer_class = StridedConv2DTranspose if transposed else StridedConv2D
        return layer_class(
            filters,
            4,
            strides=2,
            padding="same",
            kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02),
            data_format="channels_last",
            dtype=self.dtype_policy,
        )
