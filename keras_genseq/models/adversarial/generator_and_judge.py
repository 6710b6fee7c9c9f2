"""What a generator of images and its judge do once they are there."""

import tensorflow as tf
from keras import ops

from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.base.conditioning import ClassCondition
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.value_checks import not_empty


class GeneratorAndJudge(ClassCondition):
    """Draws images and judges them, whoever trains the networks.

    For a class before `Trainer` in the order of resolution, which makes the
    networks (`generator`, `averaged_generator` or None, `discriminator`) and
    keeps `image_shape`, `latent_dim`, `noise` and `num_classes`.
    """

    def generate(self, z, condition=None, training=False):
        """Images of noise, by the generator that is trained.

        Args:
            z: `(batch_size, latent_dim)`.
            condition: `(batch_size,)` int32 classes, or None.
            training: bool.

        Returns:
            `(batch_size, height, width, channels)` float32 tensor.
        """
        return self._run(self.generator, z, condition, training)

    def judge(self, x, condition=None, training=False):
        """The discriminator's logits, `(batch_size,)` float32."""
        return self._run(self.discriminator, x, condition, training)[:, 0]

    def call(self, x, condition=None, training=False):
        return self.judge(x, condition, training)

    def draw_latents(self, seeds, temperature=None):
        """Noise of a batch, each row from its own seed.

        Args:
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` float32 tensor by which it is scaled,
                or None.

        Returns:
            `(batch_size, latent_dim)` float32 tensor.
        """
        if self.noise == "uniform":
            z = 2.0 * row_uniform(seeds, self.latent_dim) - 1.0
        else:
            z = row_normal(seeds, self.latent_dim)
        return z if temperature is None else temperature[:, None] * z

    def draw(self, seeds, temperature, condition=None):
        """Samples of a batch: see `sample`."""
        return self.decode_latents(
            self.draw_latents(seeds, temperature), condition
        )

    def decode_latents(self, z, condition=None):
        """Images of noise, by the averaged generator if there is one."""
        generator = self.averaged_generator or self.generator
        return self._run(generator, z, condition, training=False)

    def sample(
        self,
        num_samples,
        seed=None,
        temperature=1.0,
        condition=None,
        batch_size=256,
    ):
        """Draws images.

        Args:
            num_samples: int.
            seed: int, or one int per sample; None draws one. Sample i depends
                on the seed and i alone, not on `num_samples`.
            temperature: float, or one per sample: scales the noise. Below 1,
                samples are likelier to look right and more alike.
            condition: a class, or one per sample, of a conditional model.
            batch_size: int. Samples drawn at once.

        Returns:
            `(num_samples, height, width, channels)` float32 tensor in [0, 1].

        Raises:
            ValueError: if `num_samples` is not positive, `temperature`
                negative, or a number of values is neither one nor
                `num_samples`.
        """
        check_counts(num_samples=num_samples)
        rows = (
            as_seeds(seed, num_samples),
            _temperatures(temperature, num_samples),
            *self.condition_rows(condition, num_samples),
        )
        return map_rows(self.compile_method(self.draw), rows, batch_size)

    def discriminate(self, x, condition=None, batch_size=256):
        """How real the discriminator holds images.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            condition: as for `sample`.
            batch_size: int. Images judged at once.

        Returns:
            `(num_images,)` float32 tensor in (0, 1): D(x), the sigmoid of the
            logit. Where D is at its best it is p_data / (p_data + p_G).
        """
        x = self.check_inputs(x)
        rows = (x, *self.condition_rows(condition, x.shape[0]))
        logits = map_rows(self.compile_method(self.judge), rows, batch_size)
        return ops.sigmoid(logits)

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_targets(self, y, num_rows):
        return self.check_condition(y, num_rows)

    def serving_signatures(self):
        """Signatures of the exported model: see `keras_genseq.export`."""

        def sample(seed, temperature, **condition):
            seed = not_empty(seed, name="seed")
            num_rows = tf.shape(seed)[0]
            temperature = _temperatures(temperature, num_rows)
            condition = self.served_condition(seed, condition)
            return {"x": self.draw(seed, temperature, *condition)}

        def discriminate(x, **condition):
            x = self.check_inputs(x)
            condition = self.served_condition(x, condition)
            logits = self.judge(x, *condition)
            return {"realness": ops.sigmoid(logits), "logits": logits}

        return {
            "sample": self.signature(sample, "seed", "temperature"),
            "discriminate": self.signature(discriminate, "x"),
        }

    def signature(self, function, *names):
        """A `Signature` of inputs that all systems name alike.

        Args:
            function: callable of those inputs, and of `condition` if there are
                classes.
            *names: of `seed`, `temperature`, `x`.
        """
        specs = {
            "seed": tf.TensorSpec((None,), tf.int32),
            "temperature": tf.TensorSpec((None,), tf.float32),
            "x": tf.TensorSpec((None, *self.image_shape), tf.float32),
        }
        return super().signature(function, *((n, specs[n]) for n in names))

    def _run(self, network, inputs, condition, training):
        if self.num_classes is not None:
            inputs = [inputs, ops.one_hot(condition, self.num_classes)]
        # Logits and images are float32 under every dtype policy.
        return ops.cast(network(inputs, training=training), "float32")


def _temperatures(temperature, num_rows):
    return as_row_values(
        temperature, num_rows, tf.float32, name="temperature", minimum=0.0
    )
