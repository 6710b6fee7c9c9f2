"""What every model with codes offers: encode, decode, reconstruct, sample."""

import tensorflow as tf

from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.base.conditioning import ClassCondition
from keras_genseq.models.base.input_validation import CheckedData
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.value_checks import not_empty


class LatentCodes(ClassCondition, CheckedData):
    """The uses of a model of images x that has codes z.

    A class says what its encoder, its prior and its decoder are, and what its
    codes look like (`code_spec`, `served_codes`, `check_codes`); then it
    encodes, decodes, reconstructs and samples, in Python and in the signatures
    of those names. With `num_classes` set, all are conditional on a class.

    For a class before `Trainer` in the order of resolution.
    """

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

    def likeliest_code(self, posterior):
        """The code that stands for an example: `(batch_size, ...)`."""
        raise NotImplementedError

    def draw_prior(self, seeds, temperature):
        """Draws codes from the prior, each row from its own seed.

        Args:
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` float32 tensor; below 1 stays closer
                to the likeliest code.

        Returns:
            `(batch_size, ...)` tensor.
        """
        raise NotImplementedError

    def decoded(self, z, condition=None, training=False):
        """Parameters of p(x | z).

        Args:
            z: `(batch_size, ...)` codes.
            condition: tensor with a value per code, or None.
            training: bool.

        Returns:
            Structure of float32 tensors `(batch_size, ...)`.
        """
        raise NotImplementedError

    def mean_from_decoded(self, decoded):
        """Mean of p(x | z), as an example."""
        raise NotImplementedError

    @property
    def code_spec(self):
        """`tf.TensorSpec` of codes, `(None, ...)`."""
        raise NotImplementedError

    def served_codes(self, posterior):
        """dict: what the signature `encode` answers."""
        raise NotImplementedError

    def call(self, x, condition=None, training=False):
        posterior = self.posterior(x, condition, training=training)
        z = self.likeliest_code(posterior)
        return self.mean_from_decoded(self.decoded(z, condition, training))

    def encode(self, x, condition=None, batch_size=256):
        """Parameters of q(z | x).

        Args:
            x: `(num_examples, ...)`, as `check_inputs` takes it.
            condition: a class, or one per example, if the model has any and
                its encoder is told.
            batch_size: int. Examples encoded at once.

        Returns:
            What `posterior` returns, for all examples.
        """
        x = self.check_inputs(x)
        rows = (x,)
        if self.conditional_encoder:
            rows = (x, *self.condition_rows(condition, x.shape[0]))
        return map_rows(self.compile_method(self.posterior), rows, batch_size)

    def decode(self, z, condition=None, batch_size=256):
        """Means of p(x | z).

        Args:
            z: `(num_examples, ...)` codes.
            condition: as for `encode`.
            batch_size: int. Codes decoded at once.

        Returns:
            `(num_examples, ...)` float32 tensor.
        """
        z = self.check_codes(z)
        rows = (z, *self.condition_rows(condition, z.shape[0]))
        return map_rows(self.compile_method(self._decode), rows, batch_size)

    def reconstruct(self, x, condition=None, batch_size=256):
        """Means of p(x | z) at the code that stands for each example.

        Args:
            x: as for `encode`.
            condition: as for `encode`.
            batch_size: int. Examples reconstructed at once.

        Returns:
            `(num_examples, ...)` float32 tensor.
        """
        x = self.check_inputs(x)
        rows = (x, *self.condition_rows(condition, x.shape[0]))
        return map_rows(self.compile_method(self.call), rows, batch_size)

    def sample(
        self,
        num_samples,
        seed=None,
        temperature=1.0,
        condition=None,
        batch_size=256,
    ):
        """Draws codes from the prior and decodes them.

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
            ValueError: if `num_samples` is not positive, `temperature`
                negative, or a number of values is neither one nor
                `num_samples`.
        """
        if num_samples < 1:
            raise ValueError(
                "`num_samples` must be at least 1. "
                f"Received: num_samples={num_samples}"
            )
        rows = (
            as_seeds(seed, num_samples),
            as_row_values(
                temperature,
                num_samples,
                tf.float32,
                name="temperature",
                minimum=0.0,
            ),
            *self.condition_rows(condition, num_samples),
        )
        return map_rows(self.compile_method(self.draw), rows, batch_size)

    def draw(self, seeds, temperature, condition=None):
        """Samples of a batch: see `sample`."""
        return self._decode(self.draw_prior(seeds, temperature), condition)

    def check_codes(self, z, name="z"):
        """Checks codes and returns them as a tensor.

        Args:
            z: array or tensor of codes.
            name: str. What error messages call it.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        raise NotImplementedError

    def serving_signatures(self):
        """Signatures of the exported model: see `keras_genseq.export`."""
        x = ("x", tf.TensorSpec((None, *self.image_shape), tf.float32))
        z = ("z", self.code_spec)
        seed = ("seed", tf.TensorSpec((None,), tf.int32))
        temperature = ("temperature", tf.TensorSpec((None,), tf.float32))

        def encode(x, **condition):
            x = self.check_inputs(x)
            if self.conditional_encoder:
                condition = self.served_condition(x, condition)
            return self.served_codes(self.posterior(x, *condition))

        def decode(z, **condition):
            z = self.check_codes(z)
            return {"x": self._decode(z, *self.served_condition(z, condition))}

        def reconstruct(x, **condition):
            x = self.check_inputs(x)
            return {"x": self.call(x, *self.served_condition(x, condition))}

        def sample(seed, temperature, **condition):
            seed = not_empty(seed, name="seed")
            temperature = as_row_values(
                temperature,
                tf.shape(seed)[0],
                tf.float32,
                name="temperature",
                minimum=0.0,
            )
            condition = self.served_condition(seed, condition)
            return {"x": self.draw(seed, temperature, *condition)}

        return {
            "encode": self.signature(
                encode, x, conditional=self.conditional_encoder
            ),
            "decode": self.signature(decode, z),
            "reconstruct": self.signature(reconstruct, x),
            "sample": self.signature(sample, seed, temperature),
        }

    def _decode(self, z, condition=None):
        return self.mean_from_decoded(self.decoded(z, condition))
