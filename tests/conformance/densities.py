"""Rows of models with a likelihood, or a bound on it."""

import numpy as np

from keras_genseq import models
from keras_genseq.tokenizers import CharacterTokenizer
from tests.conformance.bad_requests import BAD_IDS
from tests.conformance.bad_requests import image_requests
from tests.conformance.bad_requests import language_requests
from tests.conformance.bad_requests import level_requests
from tests.conformance.bad_requests import real_vector_requests
from tests.conformance.bad_requests import requests_of_codes
from tests.conformance.bad_requests import sequence_requests
from tests.conformance.bad_requests import series_requests
from tests.conformance.bad_requests import too_long_requests
from tests.conformance.bad_requests import vector_requests
from tests.conformance.batches import BATCH
from tests.conformance.batches import binary_images
from tests.conformance.batches import categories
from tests.conformance.batches import normal
from tests.conformance.batches import piano_rolls
from tests.conformance.batches import series
from tests.conformance.batches import texts
from tests.conformance.batches import token_ids
from tests.conformance.case import ModelCase


def sparse_markov_model(**kwargs):
    """One that knows contexts, but little of what follows them."""
    model = models.SparseMarkovModel(3, 20, order=2, **kwargs)
    model.adapt(token_ids(12, 3), smoothing=100.0)
    return model


def language_model(**kwargs):
    options = {
        "cell": "gru",
        "num_layers": 2,
        "embedding_dim": 6,
        "tie_embeddings": True,
        "dropout": 0.1,
        "embedding_dropout": 0.1,
        "stateful_batch_size": BATCH,
        "stateful_windows": 3,
        "tokenizer": CharacterTokenizer("abc"),
        "stop_token_id": 1,
    }
    return models.RecurrentLanguageModel(4, 6, **{**options, **kwargs})


def transformer_language_model(**kwargs):
    options = {
        "num_layers": 2,
        "hidden_dim": 8,
        "num_heads": 2,
        "intermediate_dim": 12,
        "positions": "rotary",
        "max_sequence_length": 70,
        "norm_first": False,
        "tie_embeddings": False,
        "dropout": 0.2,
        "activation": "relu",
        "attention_dropout": 0.1,
        "num_key_value_heads": 1,
        "use_bias": False,
        "attention_window": 5,
        "tokenizer": CharacterTokenizer("abc"),
        "stop_token_id": (1, 3),
    }
    return models.TransformerLanguageModel(4, **{**options, **kwargs})


def note_model(**kwargs):
    options = {"cell": "gru", "num_layers": 2, "dropout": 0.1}
    return models.RecurrentNoteModel(3, 5, **{**options, **kwargs})


MODELS = {
    "IndependentModel": ModelCase(
        make=lambda **kwargs: models.IndependentModel(6, 3, **kwargs),
        batch=lambda size: categories(size, 6, 3),
        bad_requests=vector_requests(6),
    ),
    "FullHistoryModel": ModelCase(
        make=lambda **kwargs: models.FullHistoryModel(4, 3, **kwargs),
        batch=lambda size: categories(size, 4, 3),
        bad_requests=vector_requests(4),
    ),
    "NADE": ModelCase(
        make=lambda **kwargs: models.NADE(
            7,
            5,
            ordering=[3, 0, 6, 1, 5, 2, 4],
            activation="tanh",
            implementation="chunk",
            chunk_size=3,
            kernel_initializer="he_normal",
            **kwargs,
        ),
        batch=lambda size: categories(size, 7, 2),
        bad_requests=vector_requests(7),
    ),
    "RNADE": ModelCase(
        make=lambda **kwargs: models.RNADE(
            5,
            6,
            num_components=3,
            component="laplacian",
            ordering=[3, 0, 1, 4, 2],
            activation="tanh",
            scale_mean_gradients=False,
            least_log_scale=-5.0,
            kernel_initializer="he_normal",
            **kwargs,
        ),
        batch=lambda size: normal(size, 5),
        bad_requests=real_vector_requests(5),
        draws_categories=False,
    ),
    "MADE": ModelCase(
        make=lambda **kwargs: models.MADE(
            7,
            [30, 20],
            num_masks=3,
            ordering="random",
            direct_connections=True,
            activation="tanh",
            kernel_initializer="he_normal",
            seed=2,
            **kwargs,
        ),
        batch=lambda size: categories(size, 7, 2),
        bad_requests=vector_requests(7),
        policy_rtol=0.02,
    ),
    "DeepNADE": ModelCase(
        make=lambda **kwargs: models.DeepNADE(
            7,
            [20, 15],
            num_orderings=2,
            activation="tanh",
            kernel_initializer="he_normal",
            seed=2,
            **kwargs,
        ),
        batch=lambda size: categories(size, 7, 2),
        bad_requests=vector_requests(7),
        policy_rtol=0.02,
        estimates_nll=True,
    ),
    "PixelRNN": ModelCase(
        make=lambda **kwargs: models.PixelRNN(
            (4, 5, 2),
            **{
                "variant": "diagonal_bilstm",
                "filters": 4,
                "num_layers": 2,
                "head_filters": 6,
                "num_categories": 3,
                "position_bias": True,
                **kwargs,
            },
        ),
        batch=lambda size: binary_images(size, (4, 5, 2)),
        bad_requests=level_requests((4, 5, 2), 3),
        policy_rtol=0.02,
        weight_scale=0.3,
    ),
    "MultiScalePixelRNN": ModelCase(
        make=lambda **kwargs: models.MultiScalePixelRNN(
            (4, 6, 1),
            scale=2,
            map_filters=3,
            variant="pixel_cnn",
            filters=4,
            num_layers=1,
            head_filters=6,
            num_categories=3,
            position_bias=True,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (4, 6, 1)),
        bad_requests=level_requests((4, 6, 1), 3),
        policy_rtol=0.02,
        weight_scale=0.3,
        at_defaults=("scale",),
    ),
    "GatedPixelCNN": ModelCase(
        make=lambda **kwargs: models.GatedPixelCNN(
            (4, 5, 1),
            filters=4,
            num_layers=2,
            kernel_size=5,
            first_kernel_size=3,
            head_filters=6,
            num_categories=3,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (4, 5, 1)),
        bad_requests=level_requests((4, 5, 1), 3),
        policy_rtol=0.02,
        weight_scale=0.3,
        at_defaults=("num_classes",),
    ),
    "AutoregressiveModel": ModelCase(
        make=lambda **kwargs: models.AutoregressiveModel(
            3,
            channels=2,
            hidden_units=[5],
            activation="tanh",
            data_mean=[0.5, -1.0],
            data_scale=[2.0, 0.5],
            **kwargs,
        ),
        batch=lambda size: series(size, 2),
        bad_requests=series_requests(2, least_history=3),
        draws_categories=False,
    ),
    "LatentAutoregressiveModel": ModelCase(
        make=lambda **kwargs: models.LatentAutoregressiveModel(
            5,
            cell="lstm",
            channels=2,
            constant_scale=True,
            data_mean=[0.5, -1.0],
            data_scale=[2.0, 0.5],
            **kwargs,
        ),
        batch=lambda size: series(size, 2),
        bad_requests=series_requests(2, least_history=1),
        draws_categories=False,
    ),
    "CategoricalAutoregressiveModel": ModelCase(
        make=lambda **kwargs: models.CategoricalAutoregressiveModel(
            3,
            order=2,
            hidden_units=[6],
            embedding_dim=4,
            activation="tanh",
            **kwargs,
        ),
        batch=lambda size: token_ids(size, 3),
        bad_requests=sequence_requests(BAD_IDS),
    ),
    "RecurrentLanguageModel": ModelCase(
        make=language_model,
        batch=lambda size: texts(size, 4),
        bad_requests=language_requests(),
        quiet={
            "dropout": 0.0,
            "embedding_dropout": 0.0,
            "stateful_batch_size": None,
        },
        policy_rtol=0.02,
        weight_scale=0.5,
    ),
    "TransformerLanguageModel": ModelCase(
        make=transformer_language_model,
        batch=lambda size: texts(size, 4),
        bad_requests=too_long_requests(language_requests(), 70),
        quiet={"dropout": 0.0, "attention_dropout": 0.0},
        policy_rtol=0.05,
        weight_scale=0.3,
        at_defaults=("blockwise",),
    ),
    "RecurrentNoteModel": ModelCase(
        make=note_model,
        batch=lambda size: piano_rolls(size, 3),
        bad_requests=sequence_requests(
            [
                (np.float32([[[0.0, np.nan, 1.0]]]), "no NaN"),
                (np.float32([[[0.0, 0.5, 1.0]]]), "must hold 0 and 1"),
                (np.float32([[[-1.0, 0.0, 1.0]]]), "-1 throughout"),
            ]
        ),
        quiet={"dropout": 0.0},
        policy_rtol=0.02,
    ),
    "MarkovModel": ModelCase(
        make=lambda **kwargs: models.MarkovModel(3, order=2, **kwargs),
        batch=lambda size: token_ids(size, 3),
        bad_requests=sequence_requests(BAD_IDS),
    ),
    "SparseMarkovModel": ModelCase(
        make=lambda **kwargs: sparse_markov_model(**kwargs),
        batch=lambda size: token_ids(size, 3),
        bad_requests=sequence_requests(BAD_IDS),
    ),
    "DiscreteVAE": ModelCase(
        make=lambda **kwargs: models.DiscreteVAE(
            (8, 8, 1),
            5,
            **{
                "filters": (16, 24),
                "embedding_dim": 3,
                "likelihood": "gaussian",
                "relaxation_temperature": (1.0, 0.5),
                "relaxation_steps": 30,
                "beta": 0.5,
                "kl_annealing_steps": 4,
                "num_importance_samples": 2,
                "num_score_samples": 7,
                "seed": 5,
                **kwargs,
            },
        ),
        batch=lambda size: binary_images(size, (8, 8, 1)),
        bad_requests=requests_of_codes(
            (8, 8, 1), np.full((1, 4, 4), 5, "int32"), "tokens from 0 to 4"
        ),
        draws_categories=False,
        policy_rtol=0.05,
        # With these, Adam makes more of rounding than replicas may differ by;
        # tests/models/autoencoder/discrete_vae_test.py has them.
        at_defaults=("strided", "first_beta"),
    ),
    "VAE": ModelCase(
        make=lambda **kwargs: models.VAE(
            (4, 8, 1),
            3,
            hidden_units=(6,),
            filters=(2, 3),
            activation="relu",
            likelihood="gaussian",
            beta=0.5,
            kl_annealing_steps=4,
            num_importance_samples=2,
            num_score_samples=7,
            seed=5,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (4, 8, 1)),
        bad_requests=image_requests((4, 8, 1), 3),
        draws_categories=False,
        policy_rtol=0.05,
        at_defaults=("encoder", "decoder", "num_classes"),
    ),
}
