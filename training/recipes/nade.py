"""NADE on binary images.

Run       python -m training train nade
          python -m training train nade --preset paper
Paper     88.33 nats, test set of the fixed binarized MNIST (Uria et al., 2016,
          table of section 6.1)
Measured  docs/results.md
"""

from keras_genseq.models import NADE
from training.data.transforms import bernoulli_binarize
from training.data.transforms import flatten
from training.data.transforms import threshold
from training.evaluations.density import evaluate_density
from training.factory import Factory
from training.optimizers import momentum
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn."""
    return Recipe.of(
        model=Factory(NADE, units=100),
        compile={
            "optimizer": momentum(ema_momentum=0.99),
            "jit_compile": True,
        },
        data="digits",
        transforms=(Factory(flatten), Factory(threshold, level=0.5)),
        global_batch_size=32,
        epochs=100,
        evaluate=evaluate_density,
        out_of_distribution="photographs",
        monitor="val_nll",
        cost="a minute or two on two CPU cores",
    )


def paper():
    """The fixed binarized MNIST, 500 hidden units."""
    return Recipe.of(
        model=Factory(NADE, **NADE.presets["nade_mnist"].config),
        compile={
            "optimizer": momentum(ema_momentum=0.9995),
            "jit_compile": True,
        },
        data="tfds:binarized_mnist",
        # Draws pixels of grey images; binary ones stay as they are.
        transforms=(Factory(bernoulli_binarize, seed=0), Factory(flatten)),
        global_batch_size=100,
        epochs=40,
        evaluate=evaluate_density,
        out_of_distribution="tfds:fashion_mnist",
        probe_data="tfds:mnist",
        monitor="val_nll",
        paper={"nll": (88.33, "Paper: Uria et al., 2016.")},
        cost="half an hour on one CPU core",
    )
