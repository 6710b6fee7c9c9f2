"""Rows of models of several networks, each with an optimizer of its own."""

import numpy as np

from keras_genseq import models
from tests.conformance.bad_requests import attribute_requests
from tests.conformance.bad_requests import caption_requests
from tests.conformance.bad_requests import domain_requests
from tests.conformance.bad_requests import game_requests
from tests.conformance.bad_requests import image_requests
from tests.conformance.bad_requests import part_requests
from tests.conformance.batches import attributed_images
from tests.conformance.batches import binary_images
from tests.conformance.batches import captioned_images
from tests.conformance.case import ModelCase


def two_domains(x_shape, y_shape):
    """A translator between grey images of two shapes."""
    return ModelCase(
        kind="game",
        make=lambda **kwargs: models.CycleGAN(
            x_shape,
            **{
                "target_shape": y_shape,
                "num_blocks": 1,
                "filters": 2,
                "discriminator_filters": 3,
                "receptive_field": 16,
                "affine": True,
                "cycle_weight": 2.0,
                "identity_weight": 0.3,
                "pool_size": 40,
                "adversarial_loss": "non_saturating",
                "seed": 5,
                **kwargs,
            },
        ),
        batch=lambda size: (
            binary_images(size, x_shape),
            1.0 - binary_images(size, y_shape)[:, ::-1],
        ),
        bad_requests=domain_requests(),
        samples=False,
        # Each replica has pools of its own.
        quiet={"pool_size": 0},
        compared_awake=True,
        # A U-Net is a generator of its own tests.
        at_defaults=("generator",),
    )


def half_faded(**kwargs):
    """A level of 8x8 that is half there: all of both levels is in use."""
    model = models.ProgressiveGAN(
        (16, 16, 1),
        3,
        **{
            "level": 1,
            "fade_updates": 10_000,
            "base_filters": 12,
            "max_filters": 4,
            "negative_slope": 0.1,
            "group_size": 3,
            "label_weight": 0.5,
            "target_slope": 2.0,
            "halves_slope": True,
            "adversarial_loss": "hinge",
            "gradient_penalty_weight": 0.5,
            "drift_weight": 0.01,
            "ema_decay": 0.9,
            "seed": 5,
            **kwargs,
        },
    )
    model.updates.assign(5_000)
    return model


# Models of several groups of networks, each with an optimizer of its own.
GAMES = {
    "GAN": ModelCase(
        kind="game",
        make=lambda **kwargs: models.GAN(
            **{
                "image_shape": (4, 8, 1),
                "latent_dim": 3,
                "generator_units": (6,),
                "discriminator_units": (5,),
                "num_pieces": 2,
                "dropout": 0.1,
                "input_dropout": 0.1,
                "noise": "uniform",
                "gradient_penalty_weight": 0.5,
                "discriminator_updates": 2,
                "ema_decay": 0.9,
                "seed": 5,
                **kwargs,
            }
        ),
        batch=lambda size: binary_images(size, (4, 8, 1)),
        bad_requests=game_requests((4, 8, 1)),
        quiet={"dropout": 0.0, "input_dropout": 0.0},
        at_defaults=("generator", "discriminator"),
    ),
    "DCGAN": ModelCase(
        kind="game",
        make=lambda **kwargs: models.DCGAN(
            (8, 8, 1),
            3,
            filters=4,
            kernel_size=4,
            negative_slope=0.1,
            noise="normal",
            adversarial_loss="hinge",
            augmentations=("zoom", "shear", "color", "cutout", "translation"),
            ema_decay=0.8,
            seed=5,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (8, 8, 1)),
        bad_requests=game_requests((8, 8, 1)),
    ),
    "InfoGAN": ModelCase(
        kind="game",
        make=lambda **kwargs: models.InfoGAN(
            (4, 8, 1),
            latent_dim=3,
            categories=(3, 2),
            num_continuous=1,
            filters=(3, 2),
            hidden_units=4,
            code_units=3,
            negative_slope=0.2,
            information_weight=0.5,
            continuous_weight=0.1,
            noise="uniform",
            seed=5,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (4, 8, 1)),
        bad_requests={
            **game_requests((4, 8, 1)),
            "encode": image_requests((4, 8, 1), 1)["encode"],
        },
        replica_atol=1e-4,
    ),
    "ProgressiveGAN": ModelCase(
        kind="game",
        make=half_faded,
        batch=lambda size: binary_images(size, (8, 8, 1)),
        bad_requests=game_requests((8, 8, 1)),
        # Groups of a replica are not those of the whole batch.
        quiet={"group_size": 1},
        awake_scale=1.4,
        compared_awake=True,
    ),
    "CycleGAN": two_domains((24, 24, 1), (24, 28, 1)),
    "StarGAN": ModelCase(
        kind="game",
        make=lambda **kwargs: models.StarGAN(
            (8, 12, 1),
            2,
            **{
                "labels": "attributes",
                "num_blocks": 1,
                "filters": 4,
                "discriminator_filters": 3,
                "num_halvings": 1,
                "classification_weight": 2.0,
                "reconstruction_weight": 3.0,
                "gradient_penalty_weight": 0.5,
                "discriminator_updates": 2,
                "ema_decay": 0.9,
                "adversarial_loss": "hinge",
                "seed": 5,
                **kwargs,
            },
        ),
        batch=lambda size: attributed_images(size, (8, 12, 1)),
        bad_requests=attribute_requests((8, 12, 1)),
        samples=False,
        compared_awake=True,
        # Instance normalizations of maps of few pixels magnify rounding.
        replica_atol=1e-4,
    ),
    "KeyPatchGAN": ModelCase(
        kind="game",
        make=lambda **kwargs: models.KeyPatchGAN(
            (8, 8, 1),
            num_parts=2,
            max_parts=3,
            filters=3,
            code_dim=4,
            latent_dim=3,
            mask_loss="cross_entropy",
            spatial_weight=0.05,
            appearance_weight=0.03,
            final_share=0.5,
            decay_steps=8,
            part_dropout=0.2,
            flip=False,
            discriminator_updates=1,
            adversarial_loss="least_squares",
            ema_decay=0.8,
            seed=5,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (8, 8, 1)),
        bad_requests=part_requests((8, 8, 1), 3),
        samples=False,
        compared_awake=True,
        weight_scale=0.3,
        replica_atol=1e-4,
    ),
    "TextToImageGAN": ModelCase(
        kind="game",
        make=lambda **kwargs: models.TextToImageGAN(
            (8, 8, 1),
            text_encoder={
                "image_shape": [3],
                "filters": [4],
                "text_dim": 3,
                "max_sequence_length": 12,
                "initial_range": 1.0,
            },
            latent_dim=3,
            residual=False,
            filters=4,
            discriminator_filters=3,
            text_units=2,
            mismatch_weight=0.3,
            nearest_mismatches=0.6,
            interpolation_weight=0.5,
            interpolation_share=0.4,
            discriminator_normalization="layer",
            style_encoder=True,
            noise="uniform",
            seed=5,
            **kwargs,
        ),
        batch=lambda size: captioned_images(size, (8, 8, 1)),
        bad_requests=caption_requests((8, 8, 1)),
        samples=False,
        replica_atol=1e-4,
        groups=("discriminator", "generator", "style_encoder"),
        # Without them less is trained, and reported: see their own tests.
        at_defaults=("matching_aware", "interpolate"),
    ),
    "AdversarialAutoencoder": ModelCase(
        kind="game",
        make=lambda **kwargs: models.AdversarialAutoencoder(
            (4, 8, 1),
            2,
            **{
                "prior": models.SwissRollPrior(num_classes=3, radius=2.0),
                "hidden_units": (6,),
                "discriminator_units": (5,),
                "posterior_type": "universal",
                "noise_dim": 2,
                "input_noise": 0.1,
                "dropout": 0.1,
                "batch_normalization": True,
                "num_categories": 3,
                "cluster_heads": True,
                "head_distance": 0.5,
                "adversarial_loss": "least_squares",
                "seed": 5,
                **kwargs,
            },
        ),
        groups=("autoencoder", "discriminator", "generator", "classifier"),
        quiet={"dropout": 0.0},
        replica_atol=1e-4,
        # The classes of the data have one use; networks of the user's own
        # leave the other arguments without any.
        at_defaults=(
            "prior_classes",
            "num_classes",
            "encoder",
            "decoder",
            "discriminator",
            "category_discriminator",
        ),
        batch=lambda size: (
            binary_images(size, (4, 8, 1)),
            np.arange(size, dtype="int32") % 4 - 1,
        ),
        bad_requests={
            **image_requests((4, 8, 1), 2),
            "discriminate": image_requests((4, 8, 1), 2)["decode"],
            "classify": image_requests((4, 8, 1), 2)["encode"],
        },
    ),
}
