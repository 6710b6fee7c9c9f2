"""NumPy's integers are integers, as sizes and as seeds, in every model."""

import json

import numpy as np
import pytest

from keras_genseq import layers
from keras_genseq import models

N = np.int64
MADE_BY_NUMPY = {
    "NADE": lambda n: models.NADE(n(6), n(3), chunk_size=n(2)),
    "MADE": lambda n: models.MADE(n(6), n(5), num_masks=n(2)),
    "DeepNADE": lambda n: models.DeepNADE(n(6), [n(5), n(4)]),
    "RNADE": lambda n: models.RNADE(n(3), n(4), num_components=n(2)),
    "RecurrentLanguageModel": lambda n: models.RecurrentLanguageModel(
        n(9), n(4), num_layers=n(2)
    ),
    "MarkovModel": lambda n: models.MarkovModel(n(4), order=n(2)),
    "SequenceClassifier": lambda n: models.SequenceClassifier(
        n(3), n(4), vocabulary_size=n(9)
    ),
    "SequenceForecaster": lambda n: models.SequenceForecaster(
        n(3), n(4), channels=n(2)
    ),
    "VAE": lambda n: models.VAE(
        [n(4), n(4), n(1)], n(2), hidden_units=(4,), num_classes=n(3)
    ),
    "GAN": lambda n: models.GAN(
        (n(4), n(4), n(1)),
        n(2),
        generator_units=(4,),
        discriminator_units=(4,),
        num_classes=n(3),
    ),
    "TransformerLanguageModel": lambda n: models.TransformerLanguageModel(
        n(9),
        num_layers=n(1),
        hidden_dim=n(4),
        num_heads=n(2),
        intermediate_dim=n(8),
        max_sequence_length=n(5),
        stop_token_id=(n(3), n(4)),
    ),
    "GatedPixelCNN": lambda n: models.GatedPixelCNN(
        [n(4), n(4), n(1)], filters=n(2), num_layers=n(1), head_filters=n(2)
    ),
    "VisionTransformer": lambda n: models.VisionTransformer(
        [n(8), n(4), n(1)],
        n(2),
        n(3),
        num_layers=n(1),
        hidden_dim=n(4),
        num_heads=n(2),
        intermediate_dim=n(6),
        representation_dim=n(5),
        stem={"filters": n(2), "strides": n(1), "use_pooling": False},
    ),
    "MultiHeadAttention": lambda n: layers.MultiHeadAttention(n(4), n(3)),
    "LSTM": lambda n: layers.LSTM(n(4)),
}


@pytest.mark.parametrize("name", MADE_BY_NUMPY)
def test_sizes_by_numpy_are_sizes(name):
    by_numpy, by_int = (
        MADE_BY_NUMPY[name](number) for number in (np.int64, int)
    )
    config, expected = by_numpy.get_config(), by_int.get_config()
    for key in ("name", "seed"):
        config.pop(key, None), expected.pop(key, None)
    assert json.dumps(config) == json.dumps(expected)


@pytest.mark.parametrize("name", ["NADE", "RecurrentLanguageModel", "VAE"])
def test_seeds_by_numpy_are_seeds(name):
    model = MADE_BY_NUMPY[name](int)
    options = {"condition": 1} if name == "VAE" else {}
    if name == "RecurrentLanguageModel":
        options = {"length": 8}
    expected = model.sample(4, seed=1, **options)
    x = model.sample(4, seed=np.int64(1), **options)
    np.testing.assert_array_equal(x, expected)
    assert len(np.unique(expected, axis=0)) > 1
    with pytest.raises(ValueError, match="`seed` must be an int"):
        model.sample(4, seed=1.0, **options)


def test_a_bound_takes_seeds_by_numpy():
    model = MADE_BY_NUMPY["VAE"](int)
    x = np.ones((3, 4, 4, 1), "float32")
    expected, found = (
        model.log_prob_bound(x, 5, seed=seed, condition=1)
        for seed in (1, np.int64(1))
    )
    np.testing.assert_array_equal(found, expected)
    # Equal rows have noise of their own.
    assert len(np.unique(expected)) == 3


def test_a_beam_is_as_wide_as_numpy_says():
    model = models.Transformer(
        9, num_layers=1, hidden_dim=4, num_heads=2, intermediate_dim=8
    )
    answers = [
        model.translate(np.array([[1, 2]]), 3, beam_width=width)
        for width in (2, np.int64(2))
    ]
    np.testing.assert_array_equal(*answers)
