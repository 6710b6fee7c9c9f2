"""Kept models and what they answered: today's code must answer the same.

`NAME.keras` is a small model of the conformance table, trained for two
updates; `NAME.npz` holds inputs, what came of them, and the weights one update
later. Written once, by

    python -m tests.golden.golden write NAME [NAME ...]

they stay. A change that moves a number on purpose renews the answers of the
kept model (`renew` for `write`) and says so in `CHANGES.md` beside it.
"""

import os
import pathlib
import sys
import zipfile

import keras
import numpy as np
import tensorflow as tf

from tests.conformance.games import two_domains
from tests.conformance.instances import awake
from tests.conformance.instances import optimizers
from tests.conformance.table import EVERY_MODEL

FOLDER = pathlib.Path(__file__).parent
NUM_ROWS = 3
NUM_THREADS = 2


# Arguments that make a row's model fit into a small file.
SMALLER = {
    "ContrastiveRanker": {"stem": None, "hidden_dim": 4, "intermediate_dim": 4},
    "CycleGAN": {
        "filters": 1,
        "discriminator_filters": 1,
        "affine": False,
        "pool_size": 2,
    },
    "DiscreteVAE": {"filters": (4, 4)},
    "PixelRNN": {"num_layers": 1},
    # The third update, whose weights are kept, is of both networks.
    "StarGAN": {"filters": 3, "ema_decay": None, "discriminator_updates": 3},
    "Transformer": {"num_layers": 1, "intermediate_dim": 4},
}
# The images of its row would fill a large one.
CASES = {**EVERY_MODEL, "CycleGAN": two_domains((8, 8, 1), (8, 12, 1))}


def has_the_writers_threads():
    """Whether work is shared out among as many threads as for the files.

    Sums of convolutions are rounded in another order by others.
    """
    if "TF_NUM_INTRAOP_THREADS" in os.environ:
        return False
    # A process may be kept to some of the cores.
    allowed = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))
    return len(allowed(0)) == NUM_THREADS


def arithmetic():
    """Bits that tell processors apart on which sums round differently."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(12, 24)), tf.float32)
    y = tf.constant(rng.normal(size=(24, 7)), tf.float32)
    images = tf.reshape(x[:, :16], (12, 4, 4, 1))
    kernel = tf.reshape(y[:9, :4], (3, 3, 1, 4))
    values = [
        x @ y,
        tf.math.log_softmax(x),
        tf.tanh(x) + tf.sigmoid(x) + tf.nn.softplus(x),
        tf.nn.conv2d(images, kernel, 1, "SAME"),
        tf.math.erfinv(tf.tanh(x)),
        tf.reduce_sum(x * x, axis=0),
    ]
    return np.concatenate([v.numpy().reshape(-1) for v in values])


def answers(model, name):
    """dict: what a model makes of its row's batch, and of every signature."""
    case = CASES[name]
    x, _ = case.pair(NUM_ROWS)
    condition = case.condition(NUM_ROWS)
    found = {}
    outputs = case.outputs(model, NUM_ROWS)
    for i, output in enumerate(keras.tree.flatten(outputs)):
        found[f"call/{i}"] = output
    if case.kind == "density":
        found["log_prob"] = model.log_prob(x, **condition)
    if hasattr(model, "sample"):
        found["sample"] = model.sample(NUM_ROWS, seed=7, **condition)
    for key, signature in model.serving_signatures().items():
        inputs = {
            each: _rows(each, spec, signature.example[each], x)
            for each, spec in signature.inputs.items()
        }
        for each, value in signature.function(**inputs).items():
            found[f"{key}/{each}"] = value
    return {key: _plain(value) for key, value in found.items()}


def _plain(value):
    value = np.asarray(value)
    return value.astype("S") if value.dtype == object else value


def _rows(name, spec, example, x):
    """An input of a signature for some rows; the row's own batch where it is
    what the input takes."""
    if name == "seed":
        return tf.range(NUM_ROWS, dtype=tf.int32)
    if name == "x" and spec.shape.is_compatible_with(x.shape):
        return tf.constant(x, spec.dtype)
    if name == "mask":
        mask = np.arange(np.prod(x.shape[: spec.shape.rank])) % 3 > 0
        return tf.constant(mask.reshape(x.shape[: spec.shape.rank]))
    return tf.repeat(tf.constant(example, spec.dtype), NUM_ROWS, axis=0)


def weights_one_update_later(model, name):
    _train(model, name, 1)
    return {
        f"weights/{i}": np.array(w.numpy()) for i, w in enumerate(model.weights)
    }


def _train(model, name, count):
    data = tf.data.Dataset.from_tensors(CASES[name].batch(12)).repeat(count)
    model.fit(data, verbose=0, shuffle=False)


def renew(name):
    """Answers anew for a kept model, where a number changes on purpose."""
    write_answers(name, keras.models.load_model(FOLDER / f"{name}.keras"))


def write(name):
    keras.utils.set_random_seed(4)
    model = CASES[name].make(**SMALLER.get(name, {}))
    model.compile(**optimizers(model), jit_compile=False)
    _train(awake(model, CASES[name].awake_scale), name, 2)
    path = FOLDER / f"{name}.keras"
    model.save(path)
    _deflate(path)
    write_answers(name, model)


def write_answers(name, model):
    found = answers(model, name) | weights_one_update_later(model, name)
    found["arithmetic"] = arithmetic()
    np.savez_compressed(FOLDER / f"{name}.npz", **found)


def _deflate(path):
    """Compresses what Keras only packs."""
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, True, 9) as archive:
        for each, content in parts.items():
            archive.writestr(each, content)


if __name__ == "__main__":
    for each in sys.argv[2:] or CASES:
        {"write": write, "renew": renew}[sys.argv[1]](each)
