"""Runs as evaluations load them."""

import shutil

import numpy as np
import pytest

from training.evaluation import load_run
from training.resolve import resolve_run
from training.run_folder import RunFolder
from training.train import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two phases without updates, the second one of a wider model."""
    phases = "(('model.units=4', 'seed=5'), ('model.units=6', 'data=digits'))"
    recipe, config = resolve_run(
        "nade", "demo", ["epochs=0", f"phases={phases}"]
    )
    folder = tmp_path_factory.mktemp("runs") / "run"
    return train(recipe, folder, config=config).path


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run, from which a test may take something away."""
    return RunFolder(shutil.copytree(trained, tmp_path / "run"))


def test_a_run_with_phases_is_that_of_its_last(run, capsys):
    evaluation = load_run(run.path)
    assert evaluation.ended and evaluation.model.units == 6
    assert evaluation.recipe.model.arguments["units"] == 6
    assert evaluation.history == []
    # What fits is that of the phase before.
    last, first = evaluation.model, load_first(run)
    shared = [
        (a, b)
        for a, b in zip(last.weights, first.weights, strict=True)
        if a.shape == b.shape
    ]
    assert 0 < len(shared) < len(last.weights)
    for a, b in shared:
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def load_first(run):
    run.model.unlink()
    run.phase(2).model.unlink()
    evaluation = load_run(run.path)
    assert not evaluation.ended
    return evaluation.model


def test_a_run_between_phases_is_that_of_the_one_that_ended(run, capsys):
    assert load_first(run).units == 4
    assert "has not ended" in capsys.readouterr().out
    run.phase(1).model.unlink()
    with pytest.raises(FileNotFoundError, match="holds no trained model yet"):
        load_run(run.path)


def test_shown_examples_are_spread_over_the_test_split(run):
    evaluation = load_run(run.path)
    examples, condition = evaluation.shown(10)
    test = evaluation.inputs("test")
    np.testing.assert_array_equal(examples, test[:: len(test) // 10][:10])
    assert condition == {} and not evaluation.is_conditional
    labels = evaluation.labels("test", 3)
    assert labels.shape == (3,) and evaluation.paper("nothing") == ("", "")


def test_the_data_of_a_run_are_found_from_another_folder(
    tmp_path, monkeypatch, capsys
):
    began, other = tmp_path / "began", tmp_path / "other"
    bits = np.random.default_rng(0).integers(0, 2, (40, 6), "uint8")
    for folder, x in ((began, bits), (other, 1 - bits)):
        folder.mkdir()
        np.savez(folder / "mine.npz", train=x, valid=x, test=x)
    monkeypatch.chdir(began)
    recipe, config = resolve_run(
        "nade", "demo", ["data=npz:mine.npz", "epochs=0"]
    )
    run = train(recipe, tmp_path / "run", config=config)
    monkeypatch.chdir(other)
    np.testing.assert_array_equal(load_run(run.path).inputs("test"), bits)
    (began / "mine.npz").unlink()
    np.testing.assert_array_equal(load_run(run.path).inputs("test"), 1 - bits)
    # What lies there now has become something else.
    (other / "mine.npz").write_bytes(b"?")
    with pytest.raises(ValueError, match=r"must be an \.npz file"):
        load_run(run.path)
    assert load_run(run.path, needs_data=False).dataset is None
    assert "by its model alone" in capsys.readouterr().out
    # The same command goes on there, if the data are the same.
    np.savez(other / "mine.npz", train=bits, valid=bits, test=bits)
    _, config = resolve_run("nade", "demo", ["data=npz:mine.npz", "epochs=1"])
    run.write_config(config)
