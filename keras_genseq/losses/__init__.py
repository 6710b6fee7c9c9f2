"""Losses with one value per example; the trainer takes their mean."""

from keras_genseq.losses.adversarial import (
    ADVERSARIAL_LOSSES as ADVERSARIAL_LOSSES,
)
from keras_genseq.losses.adversarial import LossPair as LossPair
from keras_genseq.losses.adversarial import (
    hinge_discriminator_loss as hinge_discriminator_loss,
)
from keras_genseq.losses.adversarial import (
    hinge_generator_loss as hinge_generator_loss,
)
from keras_genseq.losses.adversarial import (
    least_squares_discriminator_loss as least_squares_discriminator_loss,
)
from keras_genseq.losses.adversarial import (
    least_squares_generator_loss as least_squares_generator_loss,
)
from keras_genseq.losses.adversarial import (
    minimax_discriminator_loss as minimax_discriminator_loss,
)
from keras_genseq.losses.adversarial import (
    minimax_generator_loss as minimax_generator_loss,
)
from keras_genseq.losses.adversarial import (
    non_saturating_generator_loss as non_saturating_generator_loss,
)
from keras_genseq.losses.adversarial import per_example as per_example
from keras_genseq.losses.adversarial import (
    wasserstein_discriminator_loss as wasserstein_discriminator_loss,
)
from keras_genseq.losses.adversarial import (
    wasserstein_generator_loss as wasserstein_generator_loss,
)
from keras_genseq.losses.penalties import drift_penalty as drift_penalty
from keras_genseq.losses.penalties import gradient_penalty as gradient_penalty
from keras_genseq.losses.penalties import r1_penalty as r1_penalty
