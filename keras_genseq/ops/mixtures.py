"""Mixtures of densities of a real number, one mixture for each number."""

import math

from keras import ops

from keras_genseq.ops.random import normal_quantile
from keras_genseq.ops.sampling import categories_from_uniforms


def _gaussian_log_density(z):
    return -0.5 * ops.square(z) - 0.5 * math.log(2.0 * math.pi)


def _laplacian_log_density(z):
    return -ops.abs(z) - math.log(2.0)


def _gaussian_quantile(u):
    return normal_quantile(u)


def _laplacian_quantile(u):
    centered = u - 0.5
    return -ops.sign(centered) * ops.log1p(-2.0 * ops.abs(centered))


_COMPONENTS = {
    "gaussian": (_gaussian_log_density, _gaussian_quantile),
    "laplacian": (_laplacian_log_density, _laplacian_quantile),
}
COMPONENTS = tuple(_COMPONENTS)


def mixture_log_density(x, logits, means, log_scales, *, component):
    """Log-densities of numbers, each under its own mixture.

    Args:
        x: `(...)` floats.
        logits: `(..., num_components)`; their softmax weighs the components.
        means: as `logits`.
        log_scales: as `logits`; logs of the standard deviations of Gaussians,
            of the mean absolute deviations of Laplacians.
        component: `"gaussian"` or `"laplacian"`.

    Returns:
        float32 tensor `(...)`, in nats.
    """
    x, logits, means, log_scales = (
        ops.cast(t, "float32") for t in (x, logits, means, log_scales)
    )
    log_density, _ = _COMPONENTS[component]
    terms = log_density((x[..., None] - means) * ops.exp(-log_scales))
    terms = terms - log_scales + ops.log_softmax(logits, axis=-1)
    return ops.logsumexp(terms, axis=-1)


def draw_from_mixture(
    logits, means, log_scales, uniforms, temperature, *, component
):
    """Draws numbers, each from its own mixture.

    Args:
        logits: `(..., num_components)`.
        means: as `logits`.
        log_scales: as `logits`.
        uniforms: pair of `(...)` tensors in (0, 1): one chooses the component,
            the other a value of it.
        temperature: `(...)`; divides the logits and multiplies the scales. 0
            takes the mean of the most probable component.
        component: `"gaussian"` or `"laplacian"`.

    Returns:
        float32 tensor `(...)`.
    """
    choice = categories_from_uniforms(logits, uniforms[0], temperature)
    mean, log_scale = (
        ops.take_along_axis(t, choice[..., None], axis=-1)[..., 0]
        for t in (means, log_scales)
    )
    _, quantile = _COMPONENTS[component]
    noise = temperature * quantile(uniforms[1])
    return mean + ops.exp(log_scale) * noise


@ops.custom_gradient
def scale_gradient(x, scale):
    """Gives back `x`; multiplies what reaches it in backpropagation.

    Args:
        x: tensor.
        scale: tensor of the same shape; no gradient reaches it.
    """

    def gradient(upstream):
        return upstream * scale, ops.zeros_like(scale)

    return x, gradient
