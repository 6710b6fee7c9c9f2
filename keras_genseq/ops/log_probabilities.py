"""Log-probabilities in nats: float32, one per example, summed over the rest."""

import math

from keras import ops


def bernoulli_log_prob(x, logits):
    """Log-probability of binary vectors under independent coins.

    Args:
        x: `(batch_size, ...)` zeros and ones.
        logits: same shape; the probability of a one is `sigmoid(logits)`.

    Returns:
        Tensor `(batch_size,)`.
    """
    x = ops.cast(x, "float32")
    logits = ops.cast(logits, "float32")
    # log sigmoid(l) = -softplus(-l), and log(1 - sigmoid(l)) = -softplus(l).
    terms = x * logits - ops.softplus(logits)
    return ops.sum(ops.reshape(terms, (ops.shape(x)[0], -1)), axis=-1)


def bernoulli_ensemble_log_prob(x, logits):
    """Log-probability of binary vectors under an even mixture of members.

    The mean is of probabilities of whole vectors, so that it sums to one.

    Args:
        x: `(batch_size, dim)` zeros and ones.
        logits: `(batch_size, members, dim)`.

    Returns:
        float32 tensor `(batch_size,)`.
    """
    members = logits.shape[1]
    log_probs = [bernoulli_log_prob(x, logits[:, i]) for i in range(members)]
    together = ops.logsumexp(ops.stack(log_probs, axis=1), axis=1)
    return together - math.log(members)


def categorical_log_prob(x, logits):
    """Log-probability of integer vectors under independent categoricals.

    Args:
        x: `(batch_size, ...)` integers, or floats that hold integers, in
            `[0, num_categories)`.
        logits: `(batch_size, ..., num_categories)`.

    Returns:
        Tensor `(batch_size,)`.
    """
    logits = ops.cast(logits, "float32")
    categories = ops.cast(x, "int32")[..., None]
    log_probs = ops.log_softmax(logits, axis=-1)
    terms = ops.take_along_axis(log_probs, categories, axis=-1)
    return ops.sum(ops.reshape(terms, (ops.shape(x)[0], -1)), axis=-1)


def normal_log_prob(x, mean, log_scale):
    """Log-density of real values under independent normal distributions.

    Args:
        x: `(batch_size, ...)` floats.
        mean: same shape.
        log_scale: same shape; log of the standard deviation.

    Returns:
        Tensor `(batch_size,)`.
    """
    x, mean, log_scale = (ops.cast(t, "float32") for t in (x, mean, log_scale))
    z = (x - mean) * ops.exp(-log_scale)
    terms = -0.5 * ops.square(z) - log_scale - 0.5 * math.log(2.0 * math.pi)
    return ops.sum(ops.reshape(terms, (ops.shape(x)[0], -1)), axis=-1)


def discretized_logistic_log_prob(x, mean, log_scale, num_levels=256):
    """Log-probability of gray levels under binned logistic distributions.

    A level has the mass of its bin; the outermost bins reach to infinity, so
    that the masses of all levels sum to one.

    Args:
        x: `(batch_size, ...)` floats in [0, 1]: whole multiples of
            `1 / (num_levels - 1)`.
        mean: same shape.
        log_scale: same shape; log of the logistic's scale.
        num_levels: int.

    Returns:
        Tensor `(batch_size,)`.
    """
    x, mean, log_scale = (ops.cast(t, "float32") for t in (x, mean, log_scale))
    half_bin = 0.5 / (num_levels - 1)
    inverse_scale = ops.exp(-log_scale)
    upper = (x - mean + half_bin) * inverse_scale
    lower = (x - mean - half_bin) * inverse_scale
    # log(sigmoid(u) - sigmoid(l)) as a sum of logs: no mass underflows.
    width = 2.0 * half_bin * inverse_scale
    inside = ops.log_sigmoid(upper) - ops.softplus(lower)
    inside = inside + ops.log(-ops.expm1(-width))
    terms = ops.where(x < half_bin, ops.log_sigmoid(upper), inside)
    terms = ops.where(x > 1.0 - half_bin, -ops.softplus(lower), terms)
    return ops.sum(ops.reshape(terms, (ops.shape(x)[0], -1)), axis=-1)


def logit_laplace_log_prob(x, logit_mean, log_scale, margin=0.1):
    """Log-density of pixels whose logits are Laplace-distributed.

    Pixels pass through `(1 - 2 margin) x + margin` first, which keeps their
    logits finite; the density is that of `x`, and puts what lies beyond the
    margins nowhere.

    Args:
        x: `(batch_size, ...)` floats in [0, 1].
        logit_mean: same shape; mean of the logit.
        log_scale: same shape; log of the Laplace distribution's scale.
        margin: float in (0, 0.5).

    Returns:
        Tensor `(batch_size,)`.

    References:
        - [Ramesh et al., 2021](https://arxiv.org/abs/2102.12092), appendix A.3
    """
    x, logit_mean, log_scale = (
        ops.cast(t, "float32") for t in (x, logit_mean, log_scale)
    )
    slope = 1.0 - 2.0 * margin
    inside = slope * x + margin
    log_odds = ops.log(inside) - ops.log1p(-inside)
    terms = (
        math.log(slope)
        - math.log(2.0)
        - log_scale
        - ops.log(inside)
        - ops.log1p(-inside)
        - ops.abs(log_odds - logit_mean) * ops.exp(-log_scale)
    )
    return ops.sum(ops.reshape(terms, (ops.shape(x)[0], -1)), axis=-1)


def bits_per_dimension(nats, num_dimensions):
    """Converts nats per example to bits per dimension."""
    return nats / (num_dimensions * math.log(2.0))
