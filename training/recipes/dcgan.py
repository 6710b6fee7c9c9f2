"""Deep convolutional generative adversarial nets.

Run       python -m training train dcgan
          python -m training train dcgan --preset paper
Paper     no figure on these data; nearest neighbours of 50,000 samples of a
          conditional net classify MNIST with 2.98 % errors (Radford et al.,
          2016, table 3)
Measured  Fréchet distance of the classifier 9.67 (training images 0.14, noise
          267.88) with `--dtype-policy mixed_bfloat16`, 30 minutes on one CPU
          core (seed 0)
"""

from keras_genseq.models import DCGAN
from training.evaluations.adversarial import evaluate_adversarial
from training.factory import Factory
from training.optimizers import adam_for_both
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn: one layer of the paper's four."""
    return Recipe.of(
        model=Factory(
            DCGAN,
            latent_dim=32,
            filters=64,
            kernel_size=4,
            ema_decay=0.99,
            seed=0,
        ),
        compile=adam_for_both(),
        data="digits",
        transforms=(),
        global_batch_size=64,
        epochs=200,
        evaluate=evaluate_adversarial,
        monitor=None,
        cost="some minutes on two CPU cores",
    )


def paper():
    """Fashion-MNIST at 32x32, the paper's layers at a quarter of their widths.

    Batches are half the paper's size, for more updates in the same time.
    """
    return Recipe.of(
        model=Factory(
            DCGAN, latent_dim=100, filters=32, ema_decay=0.999, seed=0
        ),
        # On a CPU core a step in mixed bfloat16 takes some 2.5 times as long
        # under XLA (in float32 as long); `--set compile.jit_compile=True`
        # measures it.
        compile=adam_for_both(jit_compile=False),
        data="tfds:fashion_mnist?size=32",
        transforms=(),
        global_batch_size=64,
        epochs=20,
        evaluate=evaluate_adversarial,
        monitor=None,
        cost="30 minutes on one CPU core in mixed bfloat16",
    )
