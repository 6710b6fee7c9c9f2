"""What every model with codes offers: encode, decode, reconstruct, sample."""

import tensorflow as tf

from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import Input
from keras_genseq.models.base.endpoint import class_condition
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import temperature_input
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.ops.checks import check_counts


class LatentCodes(BaseModel):
    """The uses of a model of images x that has codes z.

    A class says what its encoder, its prior and its decoder are, and what its
    images and codes look like (`image_shape`, `code_shape`, `served_codes`,
    `check_codes`); then it encodes, decodes, reconstructs and samples. With
    `num_classes` set, all are conditional on a class.
    """

    takes_targets = False
    num_classes = None
    # Whether the encoder, too, is told the class.
    conditional_encoder = True

    def posterior(self, x, condition=None, training=False):
        """Parameters of q(z | x).

        Args:
            x: `(batch_size, ...)` checked examples.
            condition: tensor with a value per example, or None.
            training: bool.

        Returns:
            Structure of float32 tensors `(batch_size, ...)`.
        """
        raise NotImplementedError

    def posterior_mode(self, posterior):
        """The code that stands for an example: `(batch_size, ...)`."""
        raise NotImplementedError

    def sample_prior(self, seeds, temperature):
        """Draws codes from the prior, each row from its own seed.

        Args:
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` float32 tensor; below 1 stays closer
                to the likeliest code.

        Returns:
            `(batch_size, ...)` tensor.
        """
        raise NotImplementedError

    def decoder_output(self, z, condition=None, training=False):
        """Parameters of p(x | z).

        Args:
            z: `(batch_size, ...)` codes.
            condition: tensor with a value per code, or None.
            training: bool.

        Returns:
            Structure of float32 tensors `(batch_size, ...)`.
        """
        raise NotImplementedError

    def likelihood_mean(self, decoded):
        """Mean of p(x | z), as an example."""
        raise NotImplementedError

    @property
    def code_shape(self):
        """Shape of the codes of one example: tuple of ints."""
        return (self.latent_dim,)

    @property
    def code_spec(self):
        """`tf.TensorSpec` of codes: floats, by default."""
        return tf.TensorSpec((None, *self.code_shape), tf.float32)

    def served_codes(self, posterior):
        """dict: what `encode` answers; `z` alone, by default."""
        return {"z": self.posterior_mode(posterior)}

    def condition_inputs(self):
        return class_condition(self.num_classes)

    def call(self, x, condition=None, training=False):
        posterior = self.posterior(x, condition, training=training)
        z = self.posterior_mode(posterior)
        return self.likelihood_mean(self.decoder_output(z, condition, training))

    def encode(self, x, *, condition=None, batch_size=256):
        """Encodings of examples: the center of q(z | x), and what else it is.

        Args:
            x: `(num_examples, ...)`, as `check_inputs` takes it.
            condition: a class, or one per example, if the model has any and
                its encoder is told.
            batch_size: int. Examples encoded at once.

        Returns:
            `(num_examples, ...)` tensor `z`; of a model with more to say a
            dict of tensors, `z` among them.
        """
        if self.num_classes is not None and not self.conditional_encoder:
            condition = None
        return self.ask(
            "encode", x=x, condition=condition, batch_size=batch_size
        )

    def decode(self, z, *, condition=None, batch_size=256):
        """Means of p(x | z).

        Args:
            z: `(num_examples, ...)` codes.
            condition: as for `encode`.
            batch_size: int. Codes decoded at once.

        Returns:
            `(num_examples, ...)` float32 tensor.
        """
        return self.ask(
            "decode", z=z, condition=condition, batch_size=batch_size
        )

    def reconstruct(self, x, *, condition=None, batch_size=256):
        """Means of p(x | z) at the code that stands for each example.

        Args:
            x: as for `encode`.
            condition: as for `encode`.
            batch_size: int. Examples reconstructed at once.

        Returns:
            `(num_examples, ...)` float32 tensor.
        """
        return self.ask(
            "reconstruct", x=x, condition=condition, batch_size=batch_size
        )

    def sample(
        self,
        num_samples,
        seed=None,
        *,
        temperature=1.0,
        condition=None,
        batch_size=256,
    ):
        """Samples codes from the prior and decodes them.

        Args:
            num_samples: int.
            seed: int, or one int per sample; None draws one. Sample i depends
                on the seed and i alone, not on `num_samples`.
            temperature: float, or one per sample: scales the prior's
                deviation.
            condition: as for `encode`.
            batch_size: int. Samples drawn at once.

        Returns:
            `(num_samples, ...)` float32 tensor: means of p(x | z).

        Raises:
            ValueError: if `num_samples` is not positive, `temperature` out of
                range, or a number of values is neither one nor `num_samples`.
        """
        num_samples = check_counts(num_samples=num_samples)
        return self.ask(
            "sample",
            num_samples,
            seed=seed,
            temperature=temperature,
            condition=condition,
            batch_size=batch_size,
        )

    def draw(self, seeds, temperature, condition=None):
        """Samples of a batch: see `sample`."""
        return self._decode(self.sample_prior(seeds, temperature), condition)

    def check_codes(self, z, name="z"):
        """Checks codes and returns them as a tensor.

        Args:
            z: array or tensor of codes.
            name: str. What error messages call it.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        raise NotImplementedError

    def endpoints(self):
        condition = self.condition_inputs()
        x = {"x": self.example_input()}
        z = Input(self.code_spec, "codes", lambda z, _: self.check_codes(z))
        return {
            **super().endpoints(),
            "encode": Endpoint(
                self.posterior,
                {**x, **(condition if self.conditional_encoder else {})},
                lambda posterior, _: self.served_codes(posterior),
                description="encodings of examples",
            ),
            "decode": Endpoint(
                self._decode,
                {"z": z, **condition},
                "x",
                description="what codes stand for",
            ),
            "reconstruct": Endpoint(
                self.call,
                {**x, **condition},
                "x",
                description="examples, encoded and decoded",
            ),
            "sample": Endpoint(
                self.draw,
                {
                    "seed": seed_input(),
                    "temperature": temperature_input(
                        "scales the deviation of the prior"
                    ),
                    **condition,
                },
                "x",
                description="samples codes from the prior and decodes them",
            ),
        }

    def example_input(self):
        """The input of an endpoint that reads examples."""
        return tensor_input(
            self.image_shape, "images, in [0, 1]", self.check_inputs
        )

    def _decode(self, z, condition=None):
        return self.likelihood_mean(self.decoder_output(z, condition))
