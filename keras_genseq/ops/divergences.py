"""Divergences between distributions, in nats."""

from keras import ops


def normal_kl(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    """KL divergence of normal distributions, dimension by dimension.

    Args:
        mean: `(..., dim)` of the first distribution.
        log_var: same shape; log of its variances.
        prior_mean: broadcasts against `mean`; of the second distribution.
        prior_log_var: broadcasts against `mean`.

    Returns:
        float32 tensor `(..., dim)`: 0 where the two are equal, else positive.
    """
    mean, log_var, prior_mean, prior_log_var = (
        ops.cast(t, "float32")
        for t in (mean, log_var, prior_mean, prior_log_var)
    )
    log_ratio = log_var - prior_log_var
    distance = ops.square(mean - prior_mean) * ops.exp(-prior_log_var)
    return 0.5 * (distance + ops.expm1(log_ratio) - log_ratio)


def normal_log_ratio(z, mean, log_var):
    """Log-density of the standard normal prior over that of a posterior.

    Args:
        z: `(..., dim)` codes.
        mean: broadcasts against `z`; of the posterior.
        log_var: broadcasts against `z`; log of its variances.

    Returns:
        float32 tensor `(...)`: `log p(z) - log q(z)`, summed over dimensions.
    """
    z, mean, log_var = (ops.cast(t, "float32") for t in (z, mean, log_var))
    scaled = ops.square(z - mean) * ops.exp(-log_var)
    return 0.5 * ops.sum(scaled + log_var - ops.square(z), axis=-1)
