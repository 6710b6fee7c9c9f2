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
