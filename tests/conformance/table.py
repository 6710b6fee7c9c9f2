"""One small instance of every public layer and model.

A new system adds one row; every promise is then tested on it. Arguments are
not the defaults, so that a config that forgets one shows.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping

import numpy as np

from keras_genseq import layers
from keras_genseq import models
from keras_genseq.tokenizers import CharacterTokenizer


@dataclasses.dataclass(frozen=True)
class ModelCase:
    """A model and what it takes.

    Attributes:
        make: callable that makes the model.
        batch: callable `size -> batch` of training data, the same every time.
        bad_requests: dict: signature -> list of `(replaced inputs, words of the
            error)`; a name of an input maps to what makes the request bad.
        draws_categories: whether samples are categories, equal in every
            execution mode, or real values, equal but for rounding.
        quiet: dict: arguments of `make` without noise in training, and with
            batches of any size.
        policy_rtol: float. How far a 16-bit policy may move a likelihood of a
            network whose products it shortens; densities stay float32.
        replica_atol: float. How far rounding may move the weights on two
            replicas: the variances of synchronized batch normalizations are
            differences, which small activations magnify.
        at_defaults: arguments that the row leaves at their defaults because
            they exclude others of the row, or change what a batch is.
    """

    make: Callable
    batch: Callable
    bad_requests: Mapping = dataclasses.field(default_factory=dict)
    draws_categories: bool = True
    quiet: Mapping = dataclasses.field(default_factory=dict)
    policy_rtol: float = 1e-5
    replica_atol: float = 1e-6
    at_defaults: tuple = ()


@dataclasses.dataclass(frozen=True)
class LayerCase:
    """A layer and what it takes.

    Attributes:
        make: callable of keyword arguments (`dtype`) that makes the layer.
        inputs: callable `size -> tuple` of the arguments of a call.
        masks: whether it takes one input and a `mask` of shape
            `(batch_size, time)`.
    """

    make: Callable
    inputs: Callable
    masks: bool = False


def categories(size, input_dim, num_categories):
    rng = np.random.default_rng(3)
    x = rng.integers(0, num_categories, (size, input_dim))
    return x.astype("float32")


def token_ids(size, num_states, num_steps=9):
    """Sequences with a rhythm to learn; some begin or end in padding."""
    rng = np.random.default_rng(3)
    x = (rng.integers(0, 2, (size, num_steps)).cumsum(1) // 2) % num_states
    x[1::3, -2:] = -1
    x[2::3, :3] = -1
    return x.astype("int32")


def binary_images(size, image_shape):
    """Images with a bright half, left or right."""
    rng = np.random.default_rng(3)
    x = rng.random((size, *image_shape)) < 0.1
    half = image_shape[1] // 2
    x[::2, :, :half] = True
    x[1::2, :, half:] = True
    return x.astype("float32")


def sequence_requests(bad_x):
    """Requests that every signature over sequences must refuse.

    Args:
        bad_x: list of `(x, words of the error)`; each x has one row.
    """
    dtype = bad_x[0][0].dtype
    x = [
        ({"x": x, "mask": np.ones(x.shape[:2], bool)}, words)
        for x, words in bad_x
    ]
    for rows, words in ((0, "no rows"), (1, "without steps")):
        steps = 3 if rows == 0 else 0
        empty = np.zeros((rows, steps, *bad_x[0][0].shape[2:]), dtype)
        x.append(({"x": empty, "mask": np.ones((rows, steps), bool)}, words))
    requests = vector_requests(2)
    length = np.array([0], "int32")
    return {
        "score": x,
        "sample": [
            *requests["sample"][:3],
            ({"length": length}, "at least 1"),
            (
                {
                    "seed": np.zeros((0,), "int32"),
                    "temperature": np.ones((0,), "float32"),
                    "length": length[:0],
                },
                "no rows",
            ),
        ],
        "complete": [
            *x,
            ({"seed": np.zeros((2,), "int32")}, "one value per row"),
            ({"mask": np.ones((2, 3), bool)}, "shape"),
        ],
    }


def series(size, channels, num_steps=9):
    """Slow waves with a little noise."""
    rng = np.random.default_rng(3)
    phase = rng.uniform(0.0, 6.0, (size, 1, channels))
    x = 0.3 * np.sin(phase + 0.5 * np.arange(num_steps)[None, :, None])
    return (x + 0.05 * rng.normal(size=x.shape)).astype("float32")


def series_requests(channels, least_history):
    """Requests that a model of series must refuse."""
    nan = np.zeros((1, 4, channels), "float32")
    nan[0, 1, 0] = np.nan
    requests = sequence_requests([(nan, "NaN or infinity")])
    empty = np.zeros((0, least_history, channels), "float32")
    short = np.zeros((1, least_history - 1, channels), "float32")
    too_few = f"at least {least_history} steps" if short.size else "without"
    horizon = np.zeros((1,), "int32")
    return {
        **requests,
        "encode": requests["score"],
        "forecast": [
            ({"history": nan}, "NaN or infinity"),
            ({"history": short}, too_few),
            ({"history": empty}, "no rows"),
            ({"horizon": horizon}, "at least 1"),
            ({"seed": np.zeros((2,), "int32")}, "one value per row"),
        ],
    }


def vector_requests(input_dim):
    """Requests that every signature over vectors must refuse."""
    spoiled = np.zeros((1, input_dim), "float32")
    nan, fraction = spoiled.copy(), spoiled.copy()
    nan[0, 0], fraction[0, 1] = np.nan, 0.5
    shown = np.ones((1, input_dim), bool)
    x = [
        ({"x": nan, "mask": shown}, "no NaN"),
        ({"x": fraction, "mask": shown}, "must hold only"),
        (
            {"x": np.zeros((0, input_dim), "float32"), "mask": shown[:0]},
            "no rows",
        ),
    ]
    seeds = np.zeros((1,), "int32")
    return {
        "score": x,
        "encode": x,
        "complete": [
            *x,
            ({"seed": np.zeros((2,), "int32")}, "one value per row"),
            ({"mask": np.ones((2, input_dim), bool)}, "shape"),
        ],
        "sample": [
            (
                {"seed": seeds, "temperature": np.array([-1.0], "float32")},
                "at least 0",
            ),
            (
                {"seed": seeds, "temperature": np.array([np.nan], "float32")},
                "no NaN",
            ),
            (
                {"seed": seeds, "temperature": np.ones((2,), "float32")},
                "one value per row",
            ),
            (
                {"seed": seeds[:0], "temperature": np.ones((0,), "float32")},
                "no rows",
            ),
        ],
    }


def level_requests(image_shape, num_levels):
    """Requests that every signature over images of levels must refuse."""
    shown = np.ones((1, *image_shape), bool)
    images = image_requests(image_shape, 1)["score"]
    images.append(
        (
            {"x": np.full((1, *image_shape), 0.3, "float32")},
            "must hold only 0 and 1"
            if num_levels == 2
            else f"multiples of 1 / {num_levels - 1}",
        )
    )
    x = [({**i, "mask": shown[: len(i["x"])]}, words) for i, words in images]
    requests = vector_requests(2)
    return {
        "score": x,
        "sample": requests["sample"],
        "complete": [
            *x,
            ({"seed": np.zeros((2,), "int32")}, "one value per row"),
            ({"mask": np.ones((2, *image_shape), bool)}, "shape"),
        ],
    }


def normal(size, *shape):
    rng = np.random.default_rng(5)
    return rng.normal(size=(size, *shape)).astype("float32")


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


def padded_tokens(size, vocabulary_size, num_steps=9):
    """Tokens from 1 on; some sequences begin or end in padding, 0."""
    x = token_ids(size, vocabulary_size - 1, num_steps) + 1
    return x, np.where(x.sum(1) % 2, 2, x[:, 4] % 2).astype("int32")


def pasts_and_futures(size):
    x = series(size, 2, num_steps=12)
    past = x[:, :9].copy()
    past[1::3, :2] = -2.0
    return past, x[:, 9:, :1]


def token_requests(vocabulary_size):
    """Requests that a reader of tokens must refuse."""
    good = np.ones((1, 4), "int32")
    bad = [
        (good * vocabulary_size, f"from 0 (padding) to {vocabulary_size - 1}"),
        (-good, "from 0 (padding)"),
        (0 * good, "nothing but padding"),
        (good[:0], "no rows"),
        (good[:, :0], "without steps"),
    ]
    requests = [({"x": x}, words) for x, words in bad]
    return {"classify": requests, "encode": requests}


def past_requests(padding_value, horizon):
    """Requests that a forecaster of two channels must refuse."""
    good = np.zeros((1, 4, 2), "float32")
    bad = [
        (good + np.nan, "NaN or infinity"),
        (good + padding_value, "nothing but padding"),
        (good[:0], "no rows"),
        (good[:, :0], "without steps"),
    ]
    future = np.zeros((1, horizon, 1), "float32")
    return {
        "encode": [({"x": x}, words) for x, words in bad],
        "forecast": [({"history": x}, words) for x, words in bad],
        "score": [
            *[({"x": x}, words) for x, words in bad],
            ({"y": future + np.nan}, "`y` must be finite"),
            ({"x": np.concatenate([good, good])}, "a row for each"),
        ],
    }


def texts(size, vocabulary_size, num_steps=9):
    """Rows of token ids with a rhythm to learn; some are shorter."""
    x = token_ids(size, vocabulary_size - 1, num_steps) + 1
    x[2::3] = np.roll(x[2::3], -3, axis=1)
    return x


def language_requests():
    """Requests that a language model of the letters a, b, c must refuse."""
    bad_ids = np.array([[1, 4, 2]], "int32")
    requests = sequence_requests([(bad_ids, "token ids from 1 to 3")])

    def text(name):
        return [
            ({name: np.array([b"abx"], object)}, "does not know"),
            ({name: np.array([b"a\xff"], object)}, "must be UTF-8"),
            ({name: np.array([], object)}, "no rows"),
        ]

    def generate(words, **inputs):
        return {k: np.array(v) for k, v in inputs.items()}, words

    return {
        **requests,
        "score": text("text"),
        "encode": text("text"),
        "generate": [
            *text("prompt"),
            generate("at least 0", temperature=np.float32([-1.0])),
            generate("no NaN", temperature=np.float32([np.nan])),
            generate("at least 0", top_k=np.int32([-1])),
            generate("at most 1.0", top_p=np.float32([1.5])),
            generate("at least 1", max_new_tokens=np.int32([0])),
            generate("at most 65536", max_new_tokens=np.int32([2**31 - 1])),
            generate("one value per row", seed=np.int32([1, 2])),
        ],
    }


def language_model(**kwargs):
    options = {
        "cell": "gru",
        "num_layers": 2,
        "embedding_dim": 6,
        "tie_embeddings": True,
        "dropout": 0.1,
        "embedding_dropout": 0.1,
        "stateful_batch_size": 12,
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
        "stop_token_id": 3,
    }
    return models.TransformerLanguageModel(4, **{**options, **kwargs})


def too_long_requests(requests, max_sequence_length):
    """More requests to refuse: of texts that the model has no room for."""
    size = max_sequence_length + 1
    x = np.ones((1, size), "int32")
    text = np.array([b"a" * size], object)
    length = np.array([size], "int32")
    words = f"This model has {max_sequence_length} positions"
    long = {
        "score": {"text": text},
        "encode": {"text": text},
        "generate": {"prompt": text},
        "sample": {"length": length},
        "complete": {"x": x, "mask": np.ones(x.shape, bool)},
    }
    return {k: [*requests[k], (long[k], words)] for k in long}


def piano_rolls(size, num_notes, num_steps=9):
    """Notes that take turns; some rows end in padding."""
    x = token_ids(size, num_notes, num_steps)
    x[2::3] = np.roll(x[2::3], -3, axis=1)
    notes = (x[..., None] == np.arange(num_notes)).astype("float32")
    notes[x < 0] = -1.0
    return notes


def note_model(**kwargs):
    options = {"cell": "gru", "num_layers": 2, "dropout": 0.1}
    return models.RecurrentNoteModel(3, 5, **{**options, **kwargs})


def image_requests(image_shape, latent_dim):
    """Requests that every signature over images must refuse."""
    z = np.full((1, latent_dim), np.nan, "float32")
    return requests_of_codes(image_shape, z, "NaN or infinity")


def requests_of_codes(image_shape, bad_z, words):
    spoiled = np.full((1, *image_shape), 0.5, "float32")
    nan, bright = spoiled.copy(), spoiled.copy()
    nan[0, 0, 0, 0], bright[0, 0, 0, 0] = np.nan, 1.5
    x = [
        ({"x": nan}, "no NaN"),
        ({"x": bright}, "values in [0, 1]"),
        ({"x": spoiled[:0]}, "no rows"),
    ]
    return {
        "score": x,
        "encode": x,
        "reconstruct": x,
        "decode": [({"z": bad_z}, words), ({"z": bad_z[:0]}, "no rows")],
        "sample": vector_requests(2)["sample"],
    }


def game_requests(image_shape):
    """Requests that generators and judges of images must refuse."""
    requests = image_requests(image_shape, 1)
    return {"sample": requests["sample"], "discriminate": requests["score"]}


BAD_IDS = [
    (np.array([[0, 3, 1]], "int32"), "ids from 0 to 2"),
    (np.array([[0, -2, 1]], "int32"), "ids from 0 to 2"),
]


def sparse_markov_model(**kwargs):
    """One that knows contexts, but little of what follows them."""
    model = models.SparseMarkovModel(3, 20, order=2, **kwargs)
    model.adapt(token_ids(12, 3), smoothing=100.0)
    return model


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
    "PixelRNN": ModelCase(
        make=lambda **kwargs: models.PixelRNN(
            (4, 5, 2),
            variant="diagonal_bilstm",
            filters=4,
            num_layers=2,
            head_filters=6,
            num_categories=3,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (4, 5, 2)),
        bad_requests=level_requests((4, 5, 2), 3),
        policy_rtol=0.02,
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
    ),
    "AutoregressiveModel": ModelCase(
        make=lambda **kwargs: models.AutoregressiveModel(
            3, channels=2, hidden_units=[5], activation="tanh", **kwargs
        ),
        batch=lambda size: series(size, 2),
        bad_requests=series_requests(2, least_history=3),
        draws_categories=False,
    ),
    "LatentAutoregressiveModel": ModelCase(
        make=lambda **kwargs: models.LatentAutoregressiveModel(
            5, cell="lstm", channels=2, constant_scale=True, **kwargs
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
    ),
    "TransformerLanguageModel": ModelCase(
        make=transformer_language_model,
        batch=lambda size: texts(size, 4),
        bad_requests=too_long_requests(language_requests(), 70),
        quiet={"dropout": 0.0, "attention_dropout": 0.0},
        policy_rtol=0.05,
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
            filters=(16, 24),
            embedding_dim=3,
            likelihood="gaussian",
            relaxation_temperature=(1.0, 0.5),
            relaxation_steps=30,
            beta=0.5,
            kl_annealing_steps=4,
            num_importance_samples=2,
            num_score_samples=7,
            seed=5,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (8, 8, 1)),
        bad_requests=requests_of_codes(
            (8, 8, 1), np.full((1, 4, 4), 5, "int32"), "tokens from 0 to 4"
        ),
        draws_categories=False,
        policy_rtol=0.05,
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


def sources_and_targets(size):
    x = texts(size, 4)
    x = np.sort(x > 0, axis=1)[:, ::-1] * np.where(x > 0, x, 1)
    return x.astype("int32"), (x[:, :5] % 3 + (x[:, :5] > 0)).astype("int32")


def translation_requests():
    """Requests that a translator of the letters a, b, c must refuse."""
    bad = [
        (np.array([b"abx"], object), "does not know"),
        (np.array([b"a\xff"], object), "must be UTF-8"),
        (np.array([], object), "no rows"),
        (np.array([b"a" * 21], object), "This model has 20 positions"),
    ]
    x = [({"text": text}, words) for text, words in bad]
    two = np.array([b"a", b"b"], object)
    return {
        "score": [*x, ({"target": two}, "a row for each")],
        "translate": [
            *x,
            ({"max_new_tokens": np.int32([0])}, "at least 1"),
            ({"max_new_tokens": np.int32([21])}, "at most 20"),
            ({"length_penalty": np.float32([-1.0])}, "at least 0"),
        ],
    }


# Models of targets given inputs: their batches are pairs.
SUPERVISED = {
    "Transformer": ModelCase(
        make=transformer,
        batch=sources_and_targets,
        bad_requests=translation_requests(),
        quiet={"dropout": 0.0, "attention_dropout": 0.0},
    ),
    "SequenceClassifier": ModelCase(
        make=classifier,
        batch=lambda size: padded_tokens(size, 6),
        bad_requests=token_requests(6),
        quiet={"dropout": 0.0},
    ),
    "SequenceForecaster": ModelCase(
        make=lambda **kwargs: models.SequenceForecaster(
            3,
            4,
            channels=2,
            padding_value=-2.0,
            num_targets=1,
            fixed_scale=0.1,
            cell="lstm",
            **kwargs,
        ),
        batch=pasts_and_futures,
        bad_requests=past_requests(-2.0, 3),
    ),
}
# Models that several players train, each with an optimizer of its own.
GAMES = {
    "GAN": ModelCase(
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
        make=lambda **kwargs: models.DCGAN(
            (8, 8, 1),
            3,
            filters=4,
            kernel_size=4,
            negative_slope=0.1,
            noise="normal",
            adversarial_loss="hinge",
            ema_decay=0.8,
            seed=5,
            **kwargs,
        ),
        batch=lambda size: binary_images(size, (8, 8, 1)),
        bad_requests=game_requests((8, 8, 1)),
    ),
    "InfoGAN": ModelCase(
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
    "AdversarialAutoencoder": ModelCase(
        make=lambda **kwargs: models.AdversarialAutoencoder(
            (4, 8, 1),
            2,
            prior=models.SwissRollPrior(num_classes=3, radius=2.0),
            hidden_units=(6,),
            discriminator_units=(5,),
            posterior="universal",
            noise_dim=2,
            labels="classes",
            num_classes=3,
            adversarial_loss="least_squares",
            seed=5,
            **kwargs,
        ),
        batch=lambda size: (
            binary_images(size, (4, 8, 1)),
            np.arange(size, dtype="int32") % 4 - 1,
        ),
        bad_requests={
            **image_requests((4, 8, 1), 5),
            "discriminate": image_requests((4, 8, 1), 5)["decode"],
        },
    ),
}
EVERY_MODEL = {**MODELS, **SUPERVISED, **GAMES}


def recurrent_case(layer_class, **options):
    return LayerCase(
        make=lambda **kwargs: layer_class(
            5,
            bias_initializer="normal",
            go_backwards=True,
            return_sequences=True,
            return_state=True,
            **options,
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 6, 3),),
        masks=True,
    )


def cell_case(cell_class, num_states, **options):
    return LayerCase(
        make=lambda **kwargs: cell_class(
            5, bias_initializer="normal", use_bias=True, **options, **kwargs
        ),
        inputs=lambda size: (
            normal(size, 3),
            [normal(size, 5) * (i + 1) for i in range(num_states)],
        ),
    )


def block_case(block_class, *sequences):
    """A block of attention and inputs of the given numbers of steps."""
    return LayerCase(
        make=lambda **kwargs: block_class(
            2,
            7,
            activation="gelu",
            dropout=0.2,
            attention_dropout=0.1,
            norm_first=True,
            num_key_value_heads=1,
            use_bias=False,
            rotary=True,
            attention_window=3,
            **kwargs,
        ),
        inputs=lambda size: tuple(normal(size, n, 8) for n in sequences),
    )


ATTENTION_LAYERS = {
    "MultiHeadAttention": LayerCase(
        make=lambda **kwargs: layers.MultiHeadAttention(
            4,
            6,
            value_dim=5,
            num_key_value_heads=2,
            output_dim=7,
            rotary=True,
            dropout=0.2,
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 6, 3), normal(size, 4, 5)),
    ),
    "FeedForward": LayerCase(
        make=lambda **kwargs: layers.FeedForward(
            5, activation="gelu", use_bias=False, dropout=0.2, **kwargs
        ),
        inputs=lambda size: (normal(size, 6, 3),),
    ),
    "TransformerEncoderBlock": block_case(layers.TransformerEncoderBlock, 6),
    "TransformerDecoderBlock": block_case(layers.TransformerDecoderBlock, 6, 4),
    "SinusoidalPositionEncoding": LayerCase(
        make=lambda **kwargs: layers.SinusoidalPositionEncoding(
            max_wavelength=100.0, **kwargs
        ),
        inputs=lambda size: (normal(size, 6, 3),),
    ),
    "PositionEmbedding": LayerCase(
        make=lambda **kwargs: layers.PositionEmbedding(
            6, initializer="normal", **kwargs
        ),
        inputs=lambda size: (normal(size, 6, 3),),
    ),
    "RotaryEmbedding": LayerCase(
        make=lambda **kwargs: layers.RotaryEmbedding(
            max_wavelength=100.0, **kwargs
        ),
        inputs=lambda size: (normal(size, 6, 4),),
    ),
}
LAYERS = {
    "MaskedConv2D": LayerCase(
        make=lambda **kwargs: layers.MaskedConv2D(
            8,
            (3, 5),
            mask_type="B",
            num_colors=3,
            num_maps=2,
            padding="valid",
            activation="tanh",
            bias_initializer="normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "RowLSTM": LayerCase(
        make=lambda **kwargs: layers.RowLSTM(
            4,
            kernel_size=5,
            num_colors=2,
            kernel_initializer="he_normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "DiagonalBiLSTM": LayerCase(
        make=lambda **kwargs: layers.DiagonalBiLSTM(
            4, num_colors=2, kernel_initializer="he_normal", **kwargs
        ),
        inputs=lambda size: (normal(size, 4, 5, 3),),
    ),
    "GatedMaskedBlock": LayerCase(
        make=lambda **kwargs: layers.GatedMaskedBlock(
            4,
            kernel_size=5,
            mask_type="A",
            num_colors=2,
            kernel_initializer="he_normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 4, 5, 4), 2 * normal(size, 4, 5, 4)),
    ),
    "MaskedDense": LayerCase(
        make=lambda **kwargs: layers.MaskedDense(
            5,
            input_degrees=[1, 3, 2],
            output_degrees=[2, 1, 3, 1, 4],
            strict=True,
            activation="tanh",
            bias_initializer="normal",
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 3),),
    ),
    **ATTENTION_LAYERS,
    "SimpleRNN": recurrent_case(layers.SimpleRNN, activation="sigmoid"),
    "LSTM": recurrent_case(layers.LSTM, unit_forget_bias=False),
    "GRU": recurrent_case(layers.GRU, reset_after=False),
    "RecurrentEncoder": LayerCase(
        make=lambda **kwargs: layers.RecurrentEncoder(
            5,
            cell="gru",
            num_layers=2,
            bidirectional=True,
            dropout=0.1,
            return_sequences=True,
            **kwargs,
        ),
        inputs=lambda size: (normal(size, 6, 3),),
        masks=True,
    ),
    "SimpleRNNCell": cell_case(
        layers.SimpleRNNCell, 1, activation="sigmoid", dropout=0.1
    ),
    "LSTMCell": cell_case(
        layers.LSTMCell, 2, unit_forget_bias=False, dropout=0.1
    ),
    "GRUCell": cell_case(layers.GRUCell, 1, reset_after=False, dropout=0.1),
}
