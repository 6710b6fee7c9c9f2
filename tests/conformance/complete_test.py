"""The table names every public layer and model."""

import keras

from keras_genseq import layers
from keras_genseq import models
from tests.conformance.table import LAYERS
from tests.conformance.table import UNCONDITIONAL

# What systems are made of; a base makes no promise of its own.
BASES = {
    "AdversarialModel",
    "BaseModel",
    "CategoricalVectorModel",
    "ClassifierModel",
    "FixedShapeDensity",
    "ForecastingModel",
    "MultiOptimizerModel",
    "CausalLanguageModel",
    "ImageLikelihoodModel",
    "LatentVariableModel",
    "LikelihoodModel",
    "SequenceToSequenceModel",
    "Trainer",
}


def public_classes(module, parent):
    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, parent)
    }


def test_every_public_model_is_in_the_table():
    assert public_classes(models, keras.Model) - BASES == set(UNCONDITIONAL)


def test_every_public_layer_is_in_the_table():
    assert public_classes(layers, keras.layers.Layer) == set(LAYERS)
