"""Kept models and what they answered: today's code must answer the same.

`NAME.keras` is a small model of the conformance table, trained for two
updates; `NAME.npz` holds inputs, what came of them, and the weights one update
later. Written once, by

    python -m tests.golden.golden [--answers] NAME [NAME ...]

they stay. A change that moves a number on purpose writes the file anew, with
`--answers` that of the answers alone, and says so in `CHANGES.md` beside it.
"""

import pathlib
import sys
import zipfile

import keras
import numpy as np
import tensorflow as tf

from keras_genseq import models
from tests.conformance.batches import binary_images
from tests.conformance.case import ModelCase
from tests.conformance.models_test import optimizers
from tests.conformance.table import EVERY_MODEL

FOLDER = pathlib.Path(__file__).parent
NUM_ROWS = 3


def _conditional(make, image_shape=(4, 8, 1)):
    def batch(size):
        return (
            binary_images(size, image_shape),
            np.arange(size, dtype="int32") % 3,
        )

    return ModelCase(make=make, batch=batch)


# Beside the table's rows: models that are told a class.
CASES = {
    **EVERY_MODEL,
    "conditional_GAN": _conditional(
        lambda: models.GAN(
            (4, 8, 1),
            3,
            num_classes=3,
            generator_units=(6,),
            discriminator_units=(5,),
            num_pieces=2,
            seed=5,
        )
    ),
    "conditional_DCGAN": _conditional(
        lambda: models.DCGAN((8, 8, 1), 3, num_classes=3, filters=2, seed=5),
        (8, 8, 1),
    ),
    "conditional_AdversarialAutoencoder": _conditional(
        lambda: models.AdversarialAutoencoder(
            (4, 8, 1),
            2,
            num_classes=3,
            hidden_units=(6,),
            discriminator_units=(5,),
            seed=5,
        )
    ),
    "conditional_VAE": _conditional(
        lambda: models.VAE(
            (4, 8, 1), 2, num_classes=3, hidden_units=(6,), seed=5
        )
    ),
    "conditional_GatedPixelCNN": _conditional(
        lambda: models.GatedPixelCNN(
            (4, 8, 1), num_classes=3, filters=4, num_layers=2, head_filters=4
        )
    ),
}
# Arguments that make a row's model fit into a small file.
SMALLER = {
    "DiscreteVAE": {"filters": (4, 4)},
    "PixelRNN": {"num_layers": 1},
    "Transformer": {"num_layers": 1, "intermediate_dim": 4},
}


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
    batch = CASES[name].batch(NUM_ROWS)
    x, y = batch if isinstance(batch, tuple) else (batch, None)
    told = name.startswith("conditional")
    condition = {"condition": y} if told else {}
    found = {}
    outputs = model(x, y) if told else model(x)
    for i, output in enumerate(keras.tree.flatten(outputs)):
        found[f"call/{i}"] = output
    if hasattr(model, "log_prob") and (told or y is None):
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


def write(name):
    keras.utils.set_random_seed(4)
    model = CASES[name].make(**SMALLER.get(name, {}))
    model.compile(**optimizers(model), jit_compile=False)
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.4)
    _train(model, name, 2)
    path = FOLDER / f"{name}.keras"
    model.save(path)
    _deflate(path)
    write_answers(name, model)


def write_answers(name, model):
    found = answers(model, name)
    found |= weights_one_update_later(model, name)
    found["arithmetic"] = arithmetic()
    np.savez_compressed(FOLDER / f"{name}.npz", **found)


def _deflate(path):
    """Compresses what Keras only packs."""
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, True, 9) as archive:
        for each, content in parts.items():
            archive.writestr(each, content)


def write_answers_of_kept_model(name):
    write_answers(name, keras.models.load_model(FOLDER / f"{name}.keras"))


if __name__ == "__main__":
    names, write_one = sys.argv[1:], write
    if names[:1] == ["--answers"]:
        names, write_one = names[1:], write_answers_of_kept_model
    for each in names or CASES:
        write_one(each)
