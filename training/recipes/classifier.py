"""A small classifier of images, whose features measure generators.

Run       python -m training train classifier
          python -m training train classifier --preset paper
          python -m training train classifier --preset paper \
--data tfds:fashion_mnist
Paper     none; 99.0 % of MNIST's test digits and 90.5 % of Fashion-MNIST's
          clothes are expected of a net of this size
Measured  99.15 % of MNIST's test digits, trained by a report in 106 s on one
          CPU core; not yet on Fashion-MNIST
"""

from keras_genseq.models import ImageClassifier
from training.data.labelled_images import labelled
from training.evaluations.classifier import evaluate_classifier
from training.factory import Factory
from training.optimizers import adam
from training.optimizers import cosine
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn."""
    return _recipe(
        data="digits",
        global_batch_size=64,
        steps=400,
        passes_per_epoch=10,
        cost="seconds on one CPU core",
    )


def paper():
    """MNIST, or by `--data` any images with labels."""
    return _recipe(
        data="tfds:mnist",
        global_batch_size=128,
        steps=2500,
        cost="five minutes on one CPU core",
    )


def of_data(
    image_shape, num_labels, filters=(32, 64), hidden_units=128, dropout=0.5
):
    """An `ImageClassifier` of the classes that the data have."""
    return ImageClassifier(
        image_shape,
        num_labels,
        filters=filters,
        hidden_units=hidden_units,
        dropout=dropout,
    )


def _recipe(**kwargs):
    return Recipe.of(
        model=Factory(of_data),
        compile={
            "optimizer": adam(cosine(1e-3)),
            "steps_per_execution": 10,
        },
        transforms=(labelled,),
        epochs=1,
        evaluate=evaluate_classifier,
        monitor=None,
        **kwargs,
    )
