"""Rows of models that are told a class: their batches are pairs with it.

The class of a row is its name without `conditional_`.
"""

import numpy as np

from keras_genseq import models
from tests.conformance.bad_requests import game_requests
from tests.conformance.bad_requests import image_requests
from tests.conformance.bad_requests import level_requests
from tests.conformance.batches import binary_images
from tests.conformance.case import ModelCase

NUM_CLASSES = 3


def conditional(make, image_shape, **case):
    def batch(size):
        classes = np.arange(size, dtype="int32") % NUM_CLASSES
        return binary_images(size, image_shape), classes

    return ModelCase(
        make=lambda **kwargs: make(num_classes=NUM_CLASSES, **kwargs),
        batch=batch,
        num_classes=NUM_CLASSES,
        **case,
    )


def with_bad_classes(requests, *signatures):
    """Adds what those signatures must refuse of a class."""
    bad = [
        ({"condition": np.int32([NUM_CLASSES])}, "from 0 to 2"),
        ({"condition": np.int32([-1])}, "from 0 to 2"),
        ({"condition": np.int32([0, 1])}, "one value per row"),
    ]
    return {
        k: [*v, *bad] if k in signatures else v for k, v in requests.items()
    }


DENSITIES = {
    "conditional_VAE": conditional(
        lambda **kwargs: models.VAE(
            (4, 8, 1), 2, hidden_units=(6,), seed=5, **kwargs
        ),
        (4, 8, 1),
        bad_requests=with_bad_classes(
            image_requests((4, 8, 1), 2),
            *("score", "sample", "encode", "decode", "reconstruct"),
        ),
        draws_categories=False,
        policy_rtol=0.05,
    ),
    "conditional_GatedPixelCNN": conditional(
        lambda **kwargs: models.GatedPixelCNN(
            (4, 8, 1), filters=4, num_layers=2, head_filters=4, **kwargs
        ),
        (4, 8, 1),
        bad_requests=with_bad_classes(
            level_requests((4, 8, 1), 2), "score", "sample", "complete"
        ),
        policy_rtol=0.02,
        weight_scale=0.3,
    ),
}
GAMES = {
    "conditional_GAN": conditional(
        lambda **kwargs: models.GAN(
            (4, 8, 1),
            3,
            generator_units=(6,),
            discriminator_units=(5,),
            num_pieces=2,
            seed=5,
            **kwargs,
        ),
        (4, 8, 1),
        kind="game",
        bad_requests=with_bad_classes(
            game_requests((4, 8, 1)), "sample", "discriminate"
        ),
    ),
    "conditional_DCGAN": conditional(
        lambda **kwargs: models.DCGAN(
            (8, 8, 1), 3, filters=2, seed=5, **kwargs
        ),
        (8, 8, 1),
        kind="game",
        bad_requests=with_bad_classes(
            game_requests((8, 8, 1)), "sample", "discriminate"
        ),
    ),
    "conditional_ProgressiveGAN": conditional(
        lambda **kwargs: models.ProgressiveGAN(
            (8, 8, 1), 3, base_filters=8, max_filters=4, seed=5, **kwargs
        ),
        (8, 8, 1),
        kind="game",
        awake_scale=1.4,
        # The discriminator tells the class, and is not told it.
        bad_requests=with_bad_classes(game_requests((8, 8, 1)), "sample"),
    ),
    "conditional_AdversarialAutoencoder": conditional(
        lambda **kwargs: models.AdversarialAutoencoder(
            (4, 8, 1),
            2,
            hidden_units=(6,),
            discriminator_units=(5,),
            seed=5,
            **kwargs,
        ),
        (4, 8, 1),
        kind="game",
        bad_requests=with_bad_classes(
            {
                **image_requests((4, 8, 1), 2),
                "discriminate": image_requests((4, 8, 1), 2)["decode"],
            },
            *("sample", "decode", "reconstruct"),
        ),
        groups=("autoencoder", "discriminator", "generator"),
    ),
}
