"""RNADE on real-valued data: grey levels, spread out.

Run       python -m training train rnade
          python -m training train rnade --set model.component=laplacian
          python -m training train rnade --preset paper
Paper     none on these data: the papers' speech, UCI and BSDS300 sets are not
          embedded. There, mixtures of Gaussians are ahead of one Gaussian by 2
          to 39 nats (Uria et al., 2013)
Measured  demo: 82.85 nats per test digit, as a density; one Gaussian with a
          full covariance has 50.98, independent ones 31.79 (stops after 26
          epochs, best after 11). The paper preset was not run yet
"""

import keras

from keras_genseq.models import RNADE
from training.data.transforms import dequantize
from training.data.transforms import flatten
from training.evaluations.real_density import evaluate_real_density
from training.factory import Factory
from training.optimizers import decaying
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn, 17 levels."""
    return Recipe.of(
        model=Factory(RNADE, units=50, num_components=10),
        compile=_compile(learning_rate=0.002),
        data="digits",
        transforms=(
            Factory(dequantize, num_levels=17, seed=0),
            Factory(flatten),
        ),
        global_batch_size=32,
        epochs=60,
        patience=15,
        adapt={},
        evaluate=evaluate_real_density,
        out_of_distribution="photographs",
        monitor="val_nll",
        cost="a few minutes on two CPU cores",
    )


def paper():
    """8x8 patches, as the paper's of BSDS300, of two photographs.

    The paper removes each patch's mean and scores 63 dimensions; these patches
    are stretched to [0, 1], and all 64 dimensions are scored. 100 units and 20
    components are ours.
    """
    return Recipe.of(
        model=Factory(RNADE, units=100, num_components=20),
        compile=_compile(learning_rate=0.001),
        data="photographs",
        transforms=(
            Factory(dequantize, num_levels=256, seed=0),
            Factory(flatten),
        ),
        global_batch_size=100,
        epochs=60,
        patience=15,
        adapt={},
        evaluate=evaluate_real_density,
        out_of_distribution="digits",
        monitor="val_nll",
        cost="ten minutes on two CPU cores",
    )


def _compile(learning_rate):
    """Adam, a rate that falls to 0, averaged weights, clipped gradients."""
    return {
        "optimizer": decaying(
            keras.optimizers.Adam, learning_rate, 0.99, global_clipnorm=100.0
        )
    }
