"""Multi-scale PixelRNN on binary images: an outline, then the pixels around it.

Run       python -m training train multi_scale_pixel_rnn
          python -m training train multi_scale_pixel_rnn --preset paper
Paper     none on binarized MNIST (van den Oord et al., 2016, show samples of
          ImageNet); PixelCNN has 81.30 nats there
Measured  not yet: no run of the paper preset has ended
"""

import keras

from keras_genseq.models import MultiScalePixelRNN
from training.data.transforms import bernoulli_binarize
from training.data.transforms import threshold
from training.evaluations.density import evaluate_density
from training.factory import Factory
from training.muon import Muon
from training.optimizers import clipped
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn, around their 4x4 outlines."""
    return Recipe.of(
        model=Factory(
            MultiScalePixelRNN,
            image_shape=(8, 8, 1),
            scale=2,
            variant="pixel_cnn",
            num_layers=4,
        ),
        compile=clipped(
            keras.optimizers.Adam, learning_rate=0.003, ema_momentum=0.99
        ),
        data="digits",
        transforms=(Factory(threshold, level=0.5),),
        global_batch_size=32,
        epochs=40,
        evaluate=evaluate_density,
        out_of_distribution="photographs",
        monitor="val_nll",
        cost="not measured",
    )


def paper():
    """The fixed binarized MNIST, around 7x7 outlines: sizes are ours."""
    return Recipe.of(
        model=Factory(
            MultiScalePixelRNN,
            image_shape=(28, 28, 1),
            scale=4,
            variant="pixel_cnn",
            filters=32,
            map_filters=32,
            position_bias=True,
        ),
        compile=clipped(Muon, learning_rate=0.004, ema_momentum=0.9995),
        data="tfds:binarized_mnist",
        # Draws pixels of grey images; binary ones stay as they are.
        transforms=(Factory(bernoulli_binarize, seed=0),),
        global_batch_size=16,
        epochs=10,
        evaluate=evaluate_density,
        out_of_distribution="tfds:fashion_mnist",
        monitor="val_nll",
        paper={"nll": (81.30, "Paper: PixelCNN, at one scale.")},
        cost="not measured",
    )
