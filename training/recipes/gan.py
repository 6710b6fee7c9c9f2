"""Generative adversarial nets of images, both networks multilayer perceptrons.

Run       python -m training train gan
          python -m training train gan --preset paper
Paper     225 nats on the test set of MNIST by Parzen windows of 10,000 samples
          (Goodfellow et al., 2014, table 1)
Measured  225.9 ± 4.2 nats, 73 minutes on one CPU core, stopped for 13 of them
          (seed 0)
"""

from keras_genseq.models import GAN
from training.evaluations.adversarial import evaluate_adversarial
from training.factory import Factory
from training.optimizers import adam_for_both
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn."""
    return Recipe.of(
        model=Factory(
            GAN,
            latent_dim=32,
            generator_units=(128, 128),
            discriminator_units=(64, 64),
            dropout=0.3,
            input_dropout=0.1,
            ema_decay=0.99,
            seed=0,
        ),
        compile=adam_for_both(generator_rate=1e-3),
        data="digits",
        transforms=(),
        adapt={},
        global_batch_size=64,
        epochs=300,
        evaluate=evaluate_adversarial,
        monitor=None,
        cost="two minutes on two CPU cores",
    )


def paper():
    """MNIST, the authors' networks.

    Differences from the paper: the authors train by stochastic gradient
    descent with momentum for several hundred epochs, and keep the
    discriminator weak by dropout. Here Adam trains, at rates that decay along
    a cosine; the discriminator pays for its slope at reals (R1) in place of
    dropout, against the collapse of samples to ones; noise is normal; and
    samples come from weights averaged over 20 epochs.
    """
    return Recipe.of(
        model=Factory(
            GAN,
            **GAN.presets["gan_mnist"].config,
            dropout=0.0,
            input_dropout=0.0,
            r1_weight=0.2,
            ema_decay=0.9999,
            seed=0,
        ),
        compile=adam_for_both(5e-4, 5e-4, decays=True),
        data="tfds:mnist",
        transforms=(),
        adapt={},
        global_batch_size=100,
        epochs=80,
        evaluate=evaluate_adversarial,
        monitor=None,
        paper={"parzen": (225, "Paper: Goodfellow et al., 2014, 225 ± 2.")},
        cost="an hour on one CPU core",
    )
