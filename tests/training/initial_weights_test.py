import keras
import numpy as np
import pytest

from keras_genseq.models import MADE
from keras_genseq.models import NADE
from training.initial_weights import start_from


def make(units=4, dim=6, seed=0):
    keras.utils.set_random_seed(seed)
    return NADE(dim, units)


def test_weights_of_equal_names_and_shapes_are_taken(tmp_path, capsys):
    source, model = make(seed=1), make(seed=2)
    source.save(tmp_path / "model.keras")
    for path in (tmp_path, tmp_path / "model.keras"):
        model = make(seed=2)
        start_from(model, path)
        for a, b in zip(model.weights, source.weights, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert "does not fit" not in capsys.readouterr().out


def test_what_does_not_fit_is_named_and_stays(tmp_path, capsys):
    make(units=4, seed=1).save(tmp_path / "model.keras")
    model = make(units=5, seed=2)
    before = {w.path: w.numpy() for w in model.weights}
    start_from(model, tmp_path)
    printed = capsys.readouterr().out
    assert "was (6, 4)" in printed and "is (6, 5)" in printed
    changed = [w for w in model.weights if (w != before[w.path]).numpy().any()]
    assert all(6 in w.shape or w.shape == (6,) for w in changed)


def test_models_without_a_weight_in_common_are_refused(tmp_path):
    make(dim=6).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"No weight of .* fits"):
        start_from(MADE(7, units=(3,)), tmp_path)


def test_a_run_without_a_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="a run that has ended"):
        start_from(make(), tmp_path)
