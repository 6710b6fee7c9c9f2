"""Losses of generator and discriminator, in named pairs, from logits.

A logit is what the discriminator says before any sigmoid: high for what it
holds real. Every function takes `(batch_size,)` tensors, or maps of logits
`(batch_size, ...)`, and returns float32 losses of the same shape; all are
finite at any finite logit. `per_example` averages maps.
"""

from collections.abc import Callable
from typing import NamedTuple

from keras import ops


def per_example(values):
    """Means of maps of logits or losses: `(batch_size,)`."""
    axes = tuple(range(1, len(values.shape)))
    return ops.mean(values, axis=axes) if axes else values


class LossPair(NamedTuple):
    """What discriminator and generator minimize.

    Attributes:
        discriminator: `(real_logits, fake_logits) -> losses`.
        generator: `fake_logits -> losses`.
    """

    discriminator: Callable
    generator: Callable


def minimax_discriminator_loss(real_logits, fake_logits):
    """-log D(x) - log(1 - D(G(z))): log 4 where D is 1/2 everywhere.

    References:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661), eq. 1
    """
    real_logits, fake_logits = _float32(real_logits, fake_logits)
    return ops.softplus(-real_logits) + ops.softplus(fake_logits)


def minimax_generator_loss(fake_logits):
    """log(1 - D(G(z))): its gradient vanishes where D is sure of a fake.

    References:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661), eq. 1
    """
    return -ops.softplus(*_float32(fake_logits))


def non_saturating_generator_loss(fake_logits):
    """-log D(G(z)): the same fixed point, and strong gradients early on.

    References:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661), section 3
    """
    (fake_logits,) = _float32(fake_logits)
    return ops.softplus(-fake_logits)


def least_squares_discriminator_loss(real_logits, fake_logits):
    """Half the squared distances from 1 for reals and from 0 for fakes.

    References:
        - [Mao et al., 2017](https://arxiv.org/abs/1611.04076), eq. 9
    """
    real_logits, fake_logits = _float32(real_logits, fake_logits)
    return 0.5 * (ops.square(real_logits - 1.0) + ops.square(fake_logits))


def least_squares_generator_loss(fake_logits):
    """Half the squared distance of fakes from 1.

    References:
        - [Mao et al., 2017](https://arxiv.org/abs/1611.04076), eq. 9
    """
    (fake_logits,) = _float32(fake_logits)
    return 0.5 * ops.square(fake_logits - 1.0)


def hinge_discriminator_loss(real_logits, fake_logits):
    """How far reals lie below 1 and fakes above -1.

    References:
        - [Miyato et al., 2018](https://arxiv.org/abs/1802.05957), eq. 16
    """
    real_logits, fake_logits = _float32(real_logits, fake_logits)
    return ops.relu(1.0 - real_logits) + ops.relu(1.0 + fake_logits)


def hinge_generator_loss(fake_logits):
    """Minus the logit of a fake.

    References:
        - [Miyato et al., 2018](https://arxiv.org/abs/1802.05957), eq. 17
    """
    (fake_logits,) = _float32(fake_logits)
    return -fake_logits


def wasserstein_discriminator_loss(real_logits, fake_logits):
    """Fake minus real logit: minus the distance, if D is 1-Lipschitz.

    References:
        - [Arjovsky et al., 2017](https://arxiv.org/abs/1701.07875), eq. 2
    """
    real_logits, fake_logits = _float32(real_logits, fake_logits)
    return fake_logits - real_logits


def wasserstein_generator_loss(fake_logits):
    """Minus the logit of a fake.

    References:
        - [Arjovsky et al., 2017](https://arxiv.org/abs/1701.07875), eq. 2
    """
    (fake_logits,) = _float32(fake_logits)
    return -fake_logits


ADVERSARIAL_LOSSES = {
    "minimax": LossPair(minimax_discriminator_loss, minimax_generator_loss),
    "non_saturating": LossPair(
        minimax_discriminator_loss, non_saturating_generator_loss
    ),
    "least_squares": LossPair(
        least_squares_discriminator_loss, least_squares_generator_loss
    ),
    "hinge": LossPair(hinge_discriminator_loss, hinge_generator_loss),
    "wasserstein": LossPair(
        wasserstein_discriminator_loss, wasserstein_generator_loss
    ),
}


def _float32(*tensors):
    return [ops.cast(t, "float32") for t in tensors]
