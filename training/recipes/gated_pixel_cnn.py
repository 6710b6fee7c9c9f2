"""Gated PixelCNN on binary images.

Run       python -m training train gated_pixel_cnn
          python -m training train gated_pixel_cnn --preset paper
Paper     none on binarized MNIST; PixelCNN has 81.30 nats there (van den Oord
          et al., 2016, arXiv 1601.06759, table 4)
Measured  not yet: no run of the paper preset has ended
"""

import keras

from keras_genseq.models import GatedPixelCNN
from training.data.transforms import bernoulli_binarize
from training.data.transforms import threshold
from training.evaluations.density import evaluate_density
from training.factory import Factory
from training.muon import Muon
from training.optimizers import clipped
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn."""
    return Recipe.of(
        model=Factory(
            GatedPixelCNN,
            image_shape=(8, 8, 1),
            filters=24,
            num_layers=4,
            first_kernel_size=5,
            head_filters=32,
        ),
        compile=clipped(
            keras.optimizers.Adam, learning_rate=0.003, ema_momentum=0.99
        ),
        data="digits",
        transforms=(Factory(threshold, level=0.5),),
        global_batch_size=32,
        epochs=30,
        evaluate=evaluate_density,
        out_of_distribution="photographs",
        monitor="val_nll",
        cost="a few minutes on two CPU cores",
    )


def paper():
    """The fixed binarized MNIST, 8 layers of 32 channels: sizes are ours."""
    return Recipe.of(
        model=Factory(GatedPixelCNN, image_shape=(28, 28, 1)),
        compile=clipped(Muon, learning_rate=0.004, ema_momentum=0.9995),
        data="tfds:binarized_mnist",
        # Draws pixels of grey images; binary ones stay as they are.
        transforms=(Factory(bernoulli_binarize, seed=0),),
        global_batch_size=16,
        epochs=20,
        evaluate=evaluate_density,
        out_of_distribution="tfds:fashion_mnist",
        monitor="val_nll",
        paper={"nll": (81.30, "Paper: PixelCNN, without gates.")},
        cost="not measured",
    )
