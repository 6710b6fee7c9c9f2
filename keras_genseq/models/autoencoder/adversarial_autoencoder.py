import keras
from keras import ops

from keras_genseq import losses
from keras_genseq.models.autoencoder.code_priors import GaussianPrior
from keras_genseq.models.autoencoder.networks import make_critic
from keras_genseq.models.autoencoder.networks import make_decoder
from keras_genseq.models.autoencoder.networks import make_encoder
from keras_genseq.models.autoencoder.prior_matched_codes import (
    PriorMatchedCodes,
)
from keras_genseq.models.base.multi_optimizer_model import PlayersModel
from keras_genseq.models.base.multi_optimizer_model import seeds_of_turn
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.base.training_seeds import VALIDATION_STEP
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts

POSTERIORS = ("deterministic", "gaussian", "universal")


@keras.saving.register_keras_serializable(package="keras_genseq")
class AdversarialAutoencoder(PriorMatchedCodes, PlayersModel):
    """Autoencoder whose codes a discriminator takes for draws of a prior.

    Each update has the paper's phases:

    - reconstruction: encoder and decoder minimize 1/2 |x - x'|^2;
    - regularization: the discriminator tells draws of the prior from codes,
      and then the encoder, as the generator, deceives it;
    - with labelled examples and `num_categories`, classification: the encoder
      minimizes the cross-entropy of their classes.

    The prior is anything one can draw from; no density is asked for. The forms
    of the paper are:

    - basic: none of the arguments below;
    - label-informed prior: `prior_classes=True`, trained on `(x, class)`. Each
      class is matched to its own part of the prior, an unknown one, -1, to all
      of it;
    - supervised: `num_classes`, trained on `(x, class)`. The decoder is told
      the class, and what is left for z is the style;
    - semi-supervised: `num_categories`, trained on `(x, class)` with -1 where
      the class is unknown, or on `(x, (labelled_x, class))`. The code is z and
      a categorical part, with a discriminator of its own;
    - clustering: `num_categories`, trained on `x` alone;
    - dimensionality reduction: either of these with `cluster_heads=True`. The
      code is z + y W: what is left of z lies around the head of its cluster.

    Args:
        image_shape: (height, width, channels).
        latent_dim: int. Dimensions of z.
        prior: `CodePrior` of as many dimensions; `GaussianPrior(latent_dim)`
            by default.
        hidden_units: sequence of ints. Widths of the encoder's dense layers;
            the decoder has them in reverse.
        discriminator_units: sequence of ints. Widths of the discriminators'.
        posterior_type: `"deterministic"` (a code is a function of its image),
            `"gaussian"` (the encoder gives means and log-variances) or
            `"universal"` (the encoder hears noise beside the image).
        noise_dim: int. Dimensions of the noise of `"universal"`.
        input_noise: float. Deviation of the normal noise that training adds to
            the pixels that the encoder sees.
        dropout: float. Share of the hidden units of encoder and decoder that
            training leaves out, drawn by Keras's generators and not from
            `seed`: another number of replicas draws others.
        prior_classes: bool. The prior must have classes.
        num_classes: int, or None.
        num_categories: int, or None.
        cluster_heads: bool.
        head_distance: float. With `cluster_heads`, every pair of heads costs
            what it is closer than this, in units of z.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        seed: int. Of the noise of training; None draws one.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        condition: `(batch_size,)` int32 classes, with `num_classes`.

    Returns:
        float32 tensor of the shape of `x`: its reconstruction.

    Raises:
        ValueError: if prior and `latent_dim` disagree, or arguments do not go
            together.

    Example:
        model = AdversarialAutoencoder(
            (28, 28, 1), 8, prior=GaussianPrior(8, scale=5.0)
        )
        model.compile(
            autoencoder_optimizer=keras.optimizers.Adam(1e-3),
            discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
            generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
            jit_compile=True,
        )
        model.fit(images, batch_size=100, epochs=50)
        z = model.encode(images)
        model.decode(z), model.sample(16, seed=0)

    Differences from the paper:
        The discriminators of z and of the categories are one player. Heads
        cost what they are too close by, whatever the distance of the others.

    References:
        - [Makhzani et al., 2016](https://arxiv.org/abs/1511.05644)
    """

    presets = {
        "aae_mnist": Preset(
            config={
                "image_shape": (28, 28, 1),
                "latent_dim": 8,
                "prior": {
                    "class_name": "keras_genseq>GaussianPrior",
                    "config": {"dim": 8, "scale": 5.0},
                },
            },
            # 784-1000-1000-8, 8-1000-1000-784 and 8-1000-1000-1.
            num_parameters=1_794_008 + 1_794_784 + 1_011_001,
            source="Makhzani et al., 2016, section 3 and appendix A.1",
        ),
        "aae_mnist_semi_supervised": Preset(
            config={
                "image_shape": (28, 28, 1),
                "latent_dim": 10,
                "num_categories": 10,
                "input_noise": 0.3,
            },
            # 784-1000-1000-20, 20-1000-1000-784, and 10-1000-1000-1 twice.
            num_parameters=1_806_020 + 1_806_784 + 2 * 1_013_001,
            source="Makhzani et al., 2016, section 5 and appendix A.2",
        ),
    }

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        prior=None,
        hidden_units=(1000, 1000),
        discriminator_units=(1000, 1000),
        posterior_type="deterministic",
        noise_dim=32,
        input_noise=0.0,
        dropout=0.0,
        prior_classes=False,
        num_classes=None,
        num_categories=None,
        cluster_heads=False,
        head_distance=0.0,
        adversarial_loss="non_saturating",
        seed=None,
        **kwargs,
    ):
        image_shape, latent_dim, noise_dim = check_counts(
            image_shape=list(image_shape),
            latent_dim=latent_dim,
            noise_dim=noise_dim,
        )
        num_classes = as_int(
            num_classes, "num_classes", minimum=1, optional=True
        )
        num_categories = as_int(
            num_categories, "num_categories", minimum=1, optional=True
        )
        for name, value, choices in (
            ("posterior_type", posterior_type, POSTERIORS),
            ("adversarial_loss", adversarial_loss, losses.ADVERSARIAL_LOSSES),
        ):
            if value not in choices:
                raise ValueError(
                    f"`{name}` must be one of {tuple(choices)}. "
                    f"Received: {name}={value!r}"
                )
        for name, value in (
            ("input_noise", input_noise),
            ("head_distance", head_distance),
        ):
            if not value >= 0.0:
                raise ValueError(
                    f"`{name}` must be at least 0. Received: {name}={value!r}"
                )
        if isinstance(prior, dict):
            prior = keras.saving.deserialize_keras_object(prior)
        prior = prior or GaussianPrior(latent_dim)
        if prior.dim != latent_dim:
            raise ValueError(
                "The prior must draw codes of `latent_dim` dimensions. "
                f"Received: latent_dim={latent_dim}, prior.dim={prior.dim}"
            )
        if prior_classes and prior.num_classes is None:
            raise ValueError(
                "`prior_classes=True` needs a prior with classes, such as "
                "GaussianMixturePrior. Received: "
                f"prior={type(prior).__name__}"
            )
        uses = (
            prior_classes,
            num_classes is not None,
            num_categories is not None,
        )
        if sum(uses) > 1:
            raise ValueError(
                "The classes of the data have one use: `prior_classes`, "
                "`num_classes` (told to the decoder) or `num_categories` (a "
                f"part of the code). Received: prior_classes={prior_classes}, "
                f"num_classes={num_classes}, num_categories={num_categories}"
            )
        if cluster_heads and num_categories is None:
            raise ValueError(
                "`cluster_heads=True` needs `num_categories`, the clusters."
            )
        super().__init__(seed=seed, **kwargs)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.prior = prior
        self.hidden_units = tuple(hidden_units)
        self.discriminator_units = tuple(discriminator_units)
        self.posterior_type = posterior_type
        self.noise_dim = noise_dim
        self.input_noise = input_noise
        self.dropout = dropout
        self.prior_classes = prior_classes
        self.num_classes = num_classes
        self.num_categories = num_categories
        self.cluster_heads = cluster_heads
        self.head_distance = head_distance
        self.adversarial_loss = adversarial_loss
        self.loss_pair = losses.ADVERSARIAL_LOSSES[adversarial_loss]

        categories = num_categories or 0
        self.code_dim = latent_dim + (0 if cluster_heads else categories)
        options = {"activation": "relu", "dtype": self.dtype_policy}
        z_outputs = latent_dim * (2 if posterior_type == "gaussian" else 1)
        self.encoder = make_encoder(
            self.image_shape,
            z_outputs + categories,
            hidden_units=self.hidden_units,
            dropout=dropout,
            num_classes=noise_dim if posterior_type == "universal" else None,
            **options,
        )
        self.decoder = make_decoder(
            self.code_dim,
            self.image_shape,
            hidden_units=self.hidden_units,
            dropout=dropout,
            num_classes=num_classes,
            **options,
        )
        self.heads = None
        if cluster_heads:
            self.heads = keras.layers.Dense(
                latent_dim, use_bias=False, dtype="float32", name="heads"
            )
            self.heads.build((None, categories))
        options["units"] = self.discriminator_units
        # One more class: that of unknown classes.
        told = prior.num_classes + 1 if prior_classes else 0
        self.discriminator = make_critic(latent_dim + told, **options)
        self.category_discriminator = None
        if categories:
            self.category_discriminator = make_critic(categories, **options)
        self.make_means("code_accuracy")
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        self.add_counter()
        self.built = True

    @property
    def networks(self):
        """dict: name -> the Keras layer or model that is a part of this one."""
        networks = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "heads": self.heads,
            "discriminator": self.discriminator,
            "category_discriminator": self.category_discriminator,
        }
        return {k: n for k, n in networks.items() if n is not None}

    @property
    def player_networks(self):
        networks = self.networks
        names = {
            "autoencoder": ("encoder", "decoder", "heads"),
            "discriminator": ("discriminator", "category_discriminator"),
            "generator": ("encoder",),
        }
        if self.num_categories:
            names["classifier"] = ("encoder",)
        return {
            player: [networks[name] for name in own if name in networks]
            for player, own in names.items()
        }

    @property
    def player_metrics(self):
        names = {
            "autoencoder": "reconstruction",
            "discriminator": "d_loss",
            "generator": "g_loss",
        }
        if self.num_categories:
            names["classifier"] = "classification"
        return names

    def train_step(self, data):
        """The phases of section 2: reconstruction, regularization, classes."""
        batch = self.batch_of(data, ops.convert_to_tensor(self.updates))
        players = list(self.player_networks)
        total, terms = 0.0, {}
        for number, player in enumerate(players):
            player_losses, player_terms = self.turn(
                player, seeds_of_turn(batch, number, len(players))
            )
            total += player_losses
            terms.update(player_terms)
        self.updates.assign_add(1)
        return self.track(total, terms)

    def test_step(self, data):
        batch = self.batch_of(data, VALIDATION_STEP)
        total, terms = 0.0, {}
        for player, metric in self.player_metrics.items():
            loss_fn = getattr(self, f"{player}_loss")
            terms[metric], more = loss_fn(batch, training=False)
            terms.update(more)
            total += terms[metric]
        return self.track(total, terms)

    def batch_of(self, data, step):
        """What the losses take: dict of `x`, `classes`, `labelled`, `seeds`."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        seeds = self.seeds_of_batch(data, step)
        if isinstance(y, (tuple, list)):
            labelled, classes = y
        else:
            labelled = x
            classes = ops.full_like(seeds, -1) if y is None else y
        return {
            "x": x,
            "labelled": labelled,
            "classes": classes,
            "seeds": seeds,
        }

    def autoencoder_loss(self, batch, training=True):
        """Half the squared error of the reconstruction, summed over pixels."""
        z, logits = self.code_of(batch["x"], batch["seeds"], training)
        condition = None if self.num_classes is None else batch["classes"]
        decoded = self.decoded(self.joined(z, logits), condition, training)
        error = 0.5 * ops.sum(ops.square(batch["x"] - decoded), axis=(1, 2, 3))
        return error + self._closeness_of_heads(), {}

    def discriminator_loss(self, batch, training=True):
        """Draws of the prior are real, codes are not."""
        z, logits = self.code_of(batch["x"], batch["seeds"], training)
        known = batch["classes"] if self.prior_classes else None
        drawn = self.prior.draw(batch["seeds"], known)
        real = self.judge_codes(drawn, known, training)
        fake = self.judge_codes(ops.stop_gradient(z), known, training)
        d_losses = self.loss_pair.discriminator(real, fake)
        # Least squares tells 1 from 0, all others positive from negative.
        middle = 0.5 if self.adversarial_loss == "least_squares" else 0.0
        right = [real > middle, fake < middle]
        accuracy = ops.mean(ops.cast(ops.stack(right), "float32"), axis=0)
        if self.num_categories:
            probabilities = ops.stop_gradient(ops.softmax(logits))
            d_losses += self.loss_pair.discriminator(
                self.judge_categories(
                    self.draw_categories(batch["seeds"]), training
                ),
                self.judge_categories(probabilities, training),
            )
        return d_losses, {"code_accuracy": accuracy}

    def generator_loss(self, batch, training=True):
        """The encoder's, where its codes are to pass for draws."""
        z, logits = self.code_of(batch["x"], batch["seeds"], training)
        known = batch["classes"] if self.prior_classes else None
        fake = self.judge_codes(z, known, training)
        g_losses = self.loss_pair.generator(fake)
        if self.num_categories:
            fake = self.judge_categories(ops.softmax(logits), training)
            g_losses += self.loss_pair.generator(fake)
        return g_losses, {}

    def classifier_loss(self, batch, training=True):
        """Cross-entropy of known classes; 0 where there is none."""
        x, classes = batch["labelled"], batch["classes"]
        _, logits = self.code_of(x, batch["seeds"], training)
        one_hot = ops.one_hot(ops.maximum(classes, 0), self.num_categories)
        log_prob = ops.sum(one_hot * ops.log_softmax(logits), axis=-1)
        return ops.where(classes < 0, 0.0, -log_prob), {}

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "prior": keras.saving.serialize_keras_object(self.prior),
            "hidden_units": list(self.hidden_units),
            "discriminator_units": list(self.discriminator_units),
            "posterior_type": self.posterior_type,
            "noise_dim": self.noise_dim,
            "input_noise": self.input_noise,
            "dropout": self.dropout,
            "prior_classes": self.prior_classes,
            "num_classes": self.num_classes,
            "num_categories": self.num_categories,
            "cluster_heads": self.cluster_heads,
            "head_distance": self.head_distance,
            "adversarial_loss": self.adversarial_loss,
            "seed": self.seed,
        }

    def _closeness_of_heads(self):
        """What pairs of heads lack of `head_distance`, summed."""
        if self.heads is None or not self.head_distance:
            return 0.0
        heads = ops.convert_to_tensor(self.heads.kernel)
        difference = heads[:, None] - heads[None, :]
        # The square root has no gradient at 0, the diagonal.
        squares = ops.sum(ops.square(difference), axis=-1) + 1e-12
        lacking = ops.relu(self.head_distance - ops.sqrt(squares))
        return ops.sum(ops.triu(lacking, k=1))
