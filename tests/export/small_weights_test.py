"""Language models whose matrices are kept in 16 bits or in int8."""

import functools
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export import publish
from keras_genseq.export import write_saved_model
from keras_genseq.export.small_weights import Int8Matrix
from keras_genseq.export.small_weights import round_weights
from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.models import Transformer
from keras_genseq.models import TransformerLanguageModel
from tests.export.toy_model import toy_model
from training.check_export import check_export
from training.query import ServingSession

TEXT = np.array([[5, 3, 0, 0], [7, 7, 1, 2]], "int32")
# Of the largest number of a matrix, or of a channel.
PRECISION = {"float16": 2.0**-11, "int8": 0.5 / 127}
# Of each model a signature without a loop, and of some one with a loop.
SERVED = {
    "recurrent": ("score", "generate"),
    "transformer": ("score",),
    "translator": ("score", "translate"),
}
LANGUAGE_MODELS = pytest.mark.parametrize("name", SERVED)


def made(name):
    keras.utils.set_random_seed(3)
    if name == "recurrent":
        return RecurrentLanguageModel(40, 32)
    kind = Transformer if name == "translator" else TransformerLanguageModel
    return kind(
        40,
        num_layers=1,
        hidden_dim=32,
        num_heads=2,
        intermediate_dim=64,
        max_sequence_length=16,
        dropout=0.0,
    )


def offer(model, *names):
    """Leaves a model no other signatures than these."""
    signatures = model.serving_signatures()
    model.serving_signatures = lambda: {
        name: signatures[name] for name in names
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Callable `(name, weights) -> path`, each exported once."""

    @functools.cache
    def export(name, weights):
        model = made(name)
        # The one with a loop takes most of the time.
        offer(model, *SERVED[name][: 2 if weights == "int8" else 1])
        path = tmp_path_factory.mktemp(name) / weights
        write_saved_model(model, path, weights=weights)
        return path

    return export


def score(path, name):
    request = {"x": TEXT}
    if name == "translator":
        request["y"] = TEXT
    return ServingSession(path).run("score", **request)["log_prob"]


def num_bytes(path):
    folder = os.path.join(path, "variables")
    return sum(
        os.path.getsize(os.path.join(folder, name))
        for name in os.listdir(folder)
    )


@LANGUAGE_MODELS
def test_answers_are_close_and_files_smaller(name, exported):
    exact = score(exported(name, "float32"), name)
    full = num_bytes(exported(name, "float32"))
    for weights, part in (("float16", 0.7), ("int8", 0.5)):
        answer = score(exported(name, weights), name)
        np.testing.assert_allclose(answer, exact, rtol=0.02)
        # They are other weights: an answer of the old ones would be equal.
        assert (answer != exact).any()
        assert num_bytes(exported(name, weights)) < part * full


@pytest.mark.parametrize("name", ["recurrent", "translator"])
def test_steps_of_a_loop_read_them_too(name, exported):
    session = ServingSession(exported(name, "int8"))
    loop = SERVED[name][1]
    answer = session.run(loop, **session.example(loop))
    assert all(len(value) == 1 for value in answer.values())


@LANGUAGE_MODELS
def test_no_matrix_stays_in_float32(name, exported):
    path = str(exported(name, "int8") / "variables" / "variables")
    reader = tf.train.load_checkpoint(path)
    shapes = reader.get_variable_to_shape_map()
    dtypes = reader.get_variable_to_dtype_map()
    large = [key for key, shape in shapes.items() if np.prod(shape) >= 1024]
    assert large and all(dtypes[key] == tf.int8 for key in large)


def test_a_server_takes_it_and_answers_as_python_with_rounded_weights(
    tmp_path,
):
    model = made("transformer")
    model.save(tmp_path / "model.keras")
    offer(model, "score", "generate")
    path = publish(model, tmp_path / "served", "model", card={}, weights="int8")
    lines = check_export(path, tmp_path / "model.keras")
    assert sum("as the Python model" in line for line in lines) >= 2
    readme = (tmp_path / "served/model/README.md").read_text()
    assert "Its matrices are kept in int8." in readme
    # Without the card's word for it they are told from the model's own.
    card = tmp_path / "served" / "model" / "1" / "assets.extra" / "card.json"
    card.write_text("{}")
    with pytest.raises(ValueError, match="checks failed"):
        check_export(path, tmp_path / "model.keras")


@pytest.mark.parametrize("weights", PRECISION)
def test_weights_are_rounded_to_the_nearest(weights):
    model = made("transformer")
    before = model.get_weights()
    round_weights(model, weights)
    changed = 0
    for old, new in zip(before, model.get_weights(), strict=True):
        error = np.abs(old - new).max()
        assert error <= PRECISION[weights] * np.abs(old).max()
        if old.ndim < 2:
            assert error == 0.0
        changed += error > 0.0
    assert changed


def test_each_channel_has_a_scale_of_its_own():
    """A row of numbers thirty times as large as the others takes none of their
    precision; nor does a column."""
    matrix = np.random.default_rng(0).normal(size=(64, 32)).astype("float32")
    for large in (np.s_[5], np.s_[:, 5]):
        array = matrix.copy()
        array[large] *= 30.0
        error = np.abs(Int8Matrix(array, "").value().numpy() - array)
        error[large] = 0.0
        assert error.max() < 0.02
    zeros = np.zeros((64, 32), "float32")
    np.testing.assert_array_equal(Int8Matrix(zeros, "").value(), zeros)


def test_teaches_what_can_be_kept_small(tmp_path):
    model = made("transformer")
    path = tmp_path / "model"
    with pytest.raises(ValueError, match="must be \"float32\", 'float16' or"):
        write_saved_model(model, path, weights="int4")
    with pytest.raises(ValueError, match="no trainable matrix of 1024"):
        write_saved_model(toy_model(), path, weights="int8")
    with pytest.raises(ValueError, match="for litert export again without"):
        write_saved_model(model, path, weights="int8", runtimes=["litert"])
    variable = model.trainable_variables[0]
    variable.assign(np.full(variable.shape, 1e6))
    with pytest.raises(ValueError, match=r"at most 65504, .* have 1e\+06"):
        write_saved_model(model, path, weights="float16")
    assert os.listdir(tmp_path) == []
