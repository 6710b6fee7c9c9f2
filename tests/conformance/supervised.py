"""Rows of models of targets given inputs: their batches are pairs."""

import numpy as np

from keras_genseq import models
from keras_genseq.tokenizers import CharacterTokenizer
from tests.conformance.bad_requests import captioned_image_requests
from tests.conformance.bad_requests import image_requests
from tests.conformance.bad_requests import past_requests
from tests.conformance.bad_requests import ranker_requests
from tests.conformance.bad_requests import token_requests
from tests.conformance.bad_requests import translation_requests
from tests.conformance.batches import captioned_images
from tests.conformance.batches import captioned_tokens
from tests.conformance.batches import described_images
from tests.conformance.batches import labelled_images
from tests.conformance.batches import padded_tokens
from tests.conformance.batches import pasts_and_futures
from tests.conformance.batches import sources_and_targets
from tests.conformance.case import ModelCase


def classifier(**kwargs):
    options = {
        "vocabulary_size": 6,
        "embedding_dim": 5,
        "cell": "gru",
        "num_layers": 2,
        "bidirectional": True,
        "dropout": 0.1,
        "pooling": "mean",
    }
    return models.SequenceClassifier(3, 4, **{**options, **kwargs})


def transformer(**kwargs):
    options = {
        "num_layers": 2,
        "hidden_dim": 8,
        "num_heads": 2,
        "intermediate_dim": 12,
        "dropout": 0.2,
        "attention_dropout": 0.1,
        "activation": "gelu",
        "norm_first": True,
        "positions": "learned",
        "use_bias": False,
        "label_smoothing": 0.05,
        "max_sequence_length": 20,
        "tokenizer": CharacterTokenizer("abc"),
    }
    return models.Transformer(5, **{**options, **kwargs})


def vision_transformer(**kwargs):
    options = {
        "num_layers": 2,
        "hidden_dim": 8,
        "num_heads": 2,
        "intermediate_dim": 12,
        "pooling": "mean",
        "representation_dim": 5,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "stochastic_depth": 0.2,
        "stem": {
            "filters": 4,
            "num_blocks": (1,),
            "kernel_size": 3,
            "strides": 1,
            "use_pooling": False,
        },
        "activation": "tanh",
        "use_bias": False,
        "head_initializer": "glorot_uniform",
    }
    return models.VisionTransformer(
        (4, 8, 1), (2, 4), 3, **{**options, **kwargs}
    )


def ranker(**kwargs):
    options = {
        "patch_size": 2,
        "vocabulary_size": 4,
        "text_length": 4,
        "num_layers": 1,
        "hidden_dim": 8,
        "num_heads": 2,
        "intermediate_dim": 12,
        "embedding_dim": 5,
        "stem": {
            "filters": 4,
            "num_blocks": (1,),
            "kernel_size": 3,
            "strides": 1,
            "use_pooling": False,
        },
        "dropout": 0.1,
        "use_bias": False,
        "first_temperature": 0.3,
        "tokenizer": CharacterTokenizer("abc"),
        "seed": 5,
    }
    return models.ContrastiveRanker((4, 8, 1), **{**options, **kwargs})


def dalle(**kwargs):
    vae = models.DiscreteVAE(
        (4, 8, 1), 5, filters=(4, 4), embedding_dim=3, seed=5
    )
    options = {
        "vocabulary_size": 4,
        "text_length": 4,
        "num_layers": 2,
        "hidden_dim": 8,
        "num_heads": 2,
        "intermediate_dim": 12,
        "attention_types": ("column", "convolutional"),
        "kernel_size": 3,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "use_bias": False,
        "text_weight": 0.25,
        "caption_dropout": 0.2,
        "tokenizer": CharacterTokenizer("abc"),
        "ranker": ranker(),
        "seed": 5,
    }
    return models.DALLE(vae, **{**options, **kwargs})


# Models of targets given inputs: their batches are pairs.
SUPERVISED = {
    "CharCNNRNN": ModelCase(
        kind="supervised",
        make=lambda **kwargs: models.CharCNNRNN(
            (4, 8, 1),
            **{
                "filters": (6, 5),
                "kernel_size": 3,
                "text_dim": 4,
                "max_sequence_length": 24,
                "dropout": 0.1,
                "initial_range": 0.5,
                "image_filters": (4,),
                "margin": 0.5,
                "seed": 5,
                **kwargs,
            },
        ),
        batch=lambda size: captioned_images(size, (4, 8, 1)),
        quiet={"dropout": 0.0},
        bad_requests={
            "encode": [
                ({"text": np.array([b"a\xff"], object)}, "must be UTF-8"),
                ({"text": np.array([], object)}, "no rows"),
            ]
        },
    ),
    "Transformer": ModelCase(
        kind="supervised",
        make=transformer,
        batch=sources_and_targets,
        bad_requests=translation_requests(),
        quiet={"dropout": 0.0, "attention_dropout": 0.0},
        # 1.4e-6 was seen; which sum rounds differently is not traced.
        replica_atol=1e-5,
    ),
    "SequenceClassifier": ModelCase(
        kind="supervised",
        make=classifier,
        batch=lambda size: padded_tokens(size, 6),
        bad_requests=token_requests(6),
        quiet={"dropout": 0.0},
    ),
    "SequenceForecaster": ModelCase(
        kind="supervised",
        make=lambda **kwargs: models.SequenceForecaster(
            3,
            4,
            channels=2,
            padding_value=-2.0,
            num_targets=1,
            fixed_scale=0.1,
            data_mean=[0.5, -1.0],
            data_scale=[2.0, 0.5],
            cell="lstm",
            **kwargs,
        ),
        batch=pasts_and_futures,
        bad_requests=past_requests(-2.0, 3),
    ),
    "ImageClassifier": ModelCase(
        kind="supervised",
        make=lambda **kwargs: models.ImageClassifier(
            **{
                "image_shape": (4, 8, 1),
                "num_classes": 3,
                "filters": (3, 4),
                "hidden_units": 6,
                "dropout": 0.1,
                **kwargs,
            }
        ),
        batch=lambda size: labelled_images(size, (4, 8, 1)),
        bad_requests={
            "classify": image_requests((4, 8, 1), 1)["encode"],
            "encode": image_requests((4, 8, 1), 1)["encode"],
        },
        quiet={"dropout": 0.0},
    ),
    "VisionTransformer": ModelCase(
        kind="supervised",
        make=vision_transformer,
        batch=lambda size: labelled_images(size, (4, 8, 1)),
        bad_requests=dict.fromkeys(
            ("classify", "encode", "explain"),
            image_requests((4, 8, 1), 1)["encode"],
        ),
        quiet={
            "dropout": 0.0,
            "attention_dropout": 0.0,
            "stochastic_depth": 0.0,
        },
        # Adam magnifies what rounding leaves of gradients next to 0.
        replica_atol=1e-5,
    ),
    "ContrastiveRanker": ModelCase(
        kind="supervised",
        make=ranker,
        batch=lambda size: described_images(size, (4, 8, 1)),
        bad_requests=ranker_requests((4, 8, 1), 4),
        quiet={"dropout": 0.0},
        replica_atol=1e-5,
        compared_awake=True,
    ),
    "DALLE": ModelCase(
        kind="supervised",
        make=dalle,
        batch=lambda size: captioned_tokens(size, (2, 4), 5, 4),
        bad_requests=captioned_image_requests((4, 8, 1), 4, 2),
        quiet={"dropout": 0.0, "attention_dropout": 0.0},
        # Larger weights of the decoder draw nothing but black and white.
        weight_scale=0.5,
    ),
}
