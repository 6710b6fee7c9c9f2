"""The base of models that explain an example by a code drawn before it."""

import math

import keras
from keras import ops

from keras_genseq.models.autoencoder.latent_codes import LatentCodes
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_numbers


class LatentVariableModel(LatentCodes):
    """Explains an example x by a code z: p(x) = integral of p(z) p(x | z).

    A system says what its encoder, its prior and its decoder are:

    - `posterior(x, condition)`: parameters of q(z | x), a structure of tensors;
    - `sample_posterior(posterior, seeds, num_samples)`: codes drawn from it;
    - `log_ratio(z, posterior)`: log p(z) - log q(z | x);
    - `kl(posterior)`: the divergence of q(z | x) from p(z), by latent group;
    - `sample_prior(seeds, temperature)`: codes drawn from p(z);
    - `decoder_output(z, condition)`: parameters of p(x | z);
    - `log_likelihood(x, decoded)` and `likelihood_mean(decoded)`;
    - the rest of `LatentCodes`.

    It then trains on the evidence lower bound

        ELBO(x) = E_q[log p(x | z)] - KL(q(z | x) || p(z)) <= log p(x)

    with `fit`, bounds likelihoods, and has all that `LatentCodes` offers.

    The noise of training is drawn from `seed`, the number of the update (a
    saved weight) and the place of an example in the global batch. So a resumed
    run continues the very stream, and replicas draw what one device would.

    Args:
        beta: float. Weight of the KL term.
        kl_annealing_steps: int. Updates over which that weight rises to
            `beta`, linearly from 0.
        free_bits: float. Nats of every latent group that cost nothing: where
            the mean KL over the examples of a step is below it, nothing pushes
            it lower. On several replicas, or with gradients accumulated, it is
            the mean over a part of the batch.
        num_importance_samples: int. Codes per example in training. More than
            one trains on the importance-weighted bound, in which `beta` weighs
            the log-ratio of prior and posterior.
        num_score_samples: int. Codes per example behind `log_prob`.
        seed: int. Of the noise of training; None draws one.
        **kwargs: passed to `keras.Model`.

    References:
        - [Kingma & Welling, 2014](https://arxiv.org/abs/1312.6114)
        - [Burda et al., 2016](https://arxiv.org/abs/1509.00519)
    """

    # Codes of an example that `log_prob_bound` decodes together.
    codes_at_once = 100

    def __init__(
        self,
        *,
        beta=1.0,
        kl_annealing_steps=0,
        free_bits=0.0,
        num_importance_samples=1,
        num_score_samples=64,
        seed=None,
        **kwargs,
    ):
        beta, free_bits = check_numbers(beta=beta, free_bits=free_bits)
        kl_annealing_steps = as_int(
            kl_annealing_steps, "kl_annealing_steps", minimum=0
        )
        num_importance_samples, num_score_samples = check_counts(
            num_importance_samples=num_importance_samples,
            num_score_samples=num_score_samples,
        )
        if free_bits and num_importance_samples > 1:
            raise ValueError(
                "`free_bits` change a KL term, which the importance-weighted "
                "bound does not have. Leave one of the two out. Received: "
                f"free_bits={free_bits}, "
                f"num_importance_samples={num_importance_samples}"
            )
        super().__init__(**kwargs)
        self.draw_noise_from(seed)
        self.beta = beta
        self.kl_annealing_steps = kl_annealing_steps
        self.free_bits = free_bits
        self.num_importance_samples = num_importance_samples
        self.num_score_samples = num_score_samples
        self.negative_elbo = keras.metrics.Mean("negative_elbo", "float32")
        self.reconstruction = keras.metrics.Mean("reconstruction", "float32")
        self.kl_term = keras.metrics.Mean("kl", "float32")

    def build(self, input_shape):
        self.add_counter()
        self.built = True

    def sample_posterior(self, posterior, seeds, num_samples, first=0):
        """Draws codes from q(z | x), each row from its own seed.

        Args:
            posterior: what `posterior` returned.
            seeds: `(batch_size,)` int32 tensor.
            num_samples: int. Codes per example.
            first: int or integer scalar tensor. Number of the first one: code
                k depends on its row's seed and k alone.

        Returns:
            `(batch_size, num_samples, ...)` tensor.
        """
        raise NotImplementedError

    def log_ratio(self, z, posterior):
        """How much likelier a code is under the prior than under q(z | x).

        Args:
            z: `(batch_size, num_samples, ...)` codes.
            posterior: what `posterior` returned.

        Returns:
            `(batch_size, num_samples)` nats.
        """
        raise NotImplementedError

    def kl(self, posterior):
        """KL divergence of q(z | x) from the prior.

        Args:
            posterior: what `posterior` returned.

        Returns:
            `(batch_size, num_groups)` nats.
        """
        raise NotImplementedError

    def log_likelihood(self, x, decoded):
        """Log-likelihood of examples given their codes.

        Args:
            x: `(batch_size, ...)`.
            decoded: what `decoded` returned.

        Returns:
            `(batch_size,)` nats, float32, summed over the rest.
        """
        raise NotImplementedError

    def relaxed_sample(self, posterior, seeds, num_samples):
        """Codes that gradients pass through; see `sample_posterior`."""
        return self.sample_posterior(posterior, seeds, num_samples)

    def posterior_terms(self, posterior):
        """Further terms to report of a batch: name of a metric -> tensor."""
        return {}

    def example_losses(self, x, y, *, training, seeds=None):
        """What training minimizes, and the terms of the bound.

        Args:
            x: checked examples of a batch.
            y: the condition of each, or None.
            training: bool. Outside of training, the KL term has its full
                weight.
            seeds: `(batch_size,)` seeds of the noise; None takes those of
                validation.

        Returns:
            `(batch_size,)` losses and a dict of `(batch_size,)` terms.
        """
        if seeds is None:
            seeds = self.training_seeds.of_examples(x)
        num_samples = self.num_importance_samples
        posterior = self.posterior(x, y, training=training)
        draw = self.relaxed_sample if training else self.sample_posterior
        z = draw(posterior, seeds, num_samples)
        log_prob = self._log_prob_of_codes(x, z, y, training)
        kl = self.kl(posterior)
        weight = self._kl_weight() if training else self.beta
        reconstruction = -ops.mean(log_prob, axis=1)
        if num_samples > 1:
            log_weights = log_prob + weight * self.log_ratio(z, posterior)
            losses = math.log(num_samples) - ops.logsumexp(log_weights, axis=1)
        else:
            losses = reconstruction + weight * ops.sum(self._costly(kl), axis=1)
        kl = ops.sum(kl, axis=1)
        return losses, {
            "negative_elbo": reconstruction + kl,
            "reconstruction": reconstruction,
            "kl": kl,
            **self.posterior_terms(posterior),
        }

    def log_prob_bound(
        self, x, num_samples=5000, seed=None, *, condition=None, batch_size=20
    ):
        """Importance-weighted lower bound of each example's log-likelihood.

            log (1 / K) sum_k p(x, z_k) / q(z_k | x),  z_k drawn from q(z | x)

        Its mean over the noise is the ELBO for one code, grows with their
        number, and tends to log p(x).

        Args:
            x: `(num_examples, ...)`, as `check_inputs` takes it.
            num_samples: int. Codes per example (the papers' K); memory does
                not grow with it.
            seed: int, or one int per example; None draws one. Row i of the
                result depends on row i of `x`, the seed and i alone.
            condition: a condition, or one per example, if the model has any.
            batch_size: int. Examples bounded at once.

        Returns:
            `(num_examples,)` float32 tensor, in nats.

        Raises:
            ValueError: if `num_samples` is not positive, or an input is not
                what the model takes.
        """
        num_samples = check_counts(num_samples=num_samples)

        def bound(x, seeds, condition=None):
            return self._bound(num_samples, x, seeds, condition)

        bound.__name__ = f"bound_{num_samples}"
        endpoint = Endpoint(
            bound,
            {
                "x": self.example_input(),
                "seed": seed_input(),
                **self.condition_inputs(),
            },
            "log_prob",
        )
        return self.ask(
            endpoint, x=x, seed=seed, condition=condition, batch_size=batch_size
        )

    def log_prob(self, x, *, condition=None, batch_size=64):
        """The bound that the signature `score` serves.

        Args:
            x: as for `log_prob_bound`.
            condition: as for `log_prob_bound`.
            batch_size: int. Examples scored at once.

        Returns:
            `(num_examples,)` float32 tensor: `log_prob_bound` with
            `num_score_samples` codes, drawn from the same noise for every
            example and in every call, so that a score is a function of the
            example.
        """
        return self.ask(
            "score", x=x, condition=condition, batch_size=batch_size
        )

    def endpoints(self):
        score = Endpoint(
            self._score,
            {"x": self.example_input(), **self.condition_inputs()},
            "log_prob",
            description="lower bound of the log-likelihood, in nats",
        )
        return {"score": score, **super().endpoints()}

    def get_config(self):
        return {
            **super().get_config(),
            "beta": self.beta,
            "kl_annealing_steps": self.kl_annealing_steps,
            "free_bits": self.free_bits,
            "num_importance_samples": self.num_importance_samples,
            "num_score_samples": self.num_score_samples,
            "seed": self.seed,
        }

    def _kl_weight(self):
        if not self.kl_annealing_steps:
            return self.beta
        done = ops.cast(self.updates, "float32") / self.kl_annealing_steps
        return self.beta * ops.minimum(done, 1.0)

    def _costly(self, kl):
        """What of a KL term training pays for."""
        if not self.free_bits:
            return kl
        is_costly = ops.mean(kl, axis=0, keepdims=True) > self.free_bits
        return ops.where(is_costly, kl, self.free_bits)

    def _log_prob_of_codes(self, x, z, condition, training=False):
        """`(batch_size, num_samples)` log-likelihoods of x given each code."""
        num_samples = z.shape[1]
        z = ops.reshape(z, (-1, *z.shape[2:]))
        if num_samples > 1:
            x = ops.repeat(x, num_samples, axis=0)
            if condition is not None:
                condition = ops.repeat(condition, num_samples, axis=0)
        decoded = self.decoder_output(z, condition, training=training)
        log_prob = self.log_likelihood(x, decoded)
        return ops.reshape(log_prob, (-1, num_samples))

    def _bound(self, num_samples, x, seeds, condition=None):
        posterior = self.posterior(x, condition)
        chunk = min(num_samples, self.codes_at_once)

        def log_total(first, count):
            z = self.sample_posterior(posterior, seeds, count, first)
            log_prob = self._log_prob_of_codes(x, z, condition)
            log_weights = log_prob + self.log_ratio(z, posterior)
            return ops.logsumexp(log_weights, axis=1)

        total = log_total(0, chunk)
        _, total = ops.while_loop(
            lambda first, total: first + chunk <= num_samples,
            lambda first, total: (
                first + chunk,
                ops.logaddexp(total, log_total(first, chunk)),
            ),
            (ops.convert_to_tensor(chunk, "int32"), total),
            maximum_iterations=num_samples // chunk,
        )
        rest = num_samples % chunk
        if rest:
            total = ops.logaddexp(total, log_total(num_samples - rest, rest))
        return total - math.log(num_samples)

    def _score(self, x, condition=None):
        seeds = ops.zeros_like(ops.reshape(x, (ops.shape(x)[0], -1))[:, 0])
        seeds = ops.cast(seeds, "int32")
        return self._bound(self.num_score_samples, x, seeds, condition)
