"""Reports that are tried before anything is trained."""

import numpy as np
import pytest

from training.__main__ import main
from training.evaluation import load_run
from training.report import Report
from training.resolve import resolve_run
from training.train import train


@pytest.fixture
def bits(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (60, 6)).astype("float32")
    np.savez(tmp_path / "bits.npz", x_train=x, x_test=x[:20])
    return f"npz:{tmp_path / 'bits.npz'}"


def small(source, **values):
    assignments = [f"{k}={v}" for k, v in values.items()]
    assignments += ["model.units=4", "model.implementation=full"]
    assignments += ["jit_compile=false", f"data={source}"]
    return resolve_run("nade", "demo", assignments)


def test_what_can_never_be_reported_is_refused_before_training(bits, tmp_path):
    def evaluate(evaluation):
        assert len(evaluation.inputs("train")) <= 18
        raise ValueError("There is no moon.")

    recipe, config = small(bits, steps=2)
    recipe = recipe.replace(evaluate=evaluate)
    with pytest.raises(ValueError, match="nothing was trained: There is no m"):
        train(recipe, tmp_path / "run", config=config)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_only_the_users_data_are_tried(monkeypatch, tmp_path, bits):
    tried = []
    monkeypatch.setattr(
        "training.train.rehearse", lambda *args: tried.append(args)
    )
    for source in (bits, bits, "digits"):
        recipe, config = small(source, steps=1)
        train(recipe, tmp_path / source[:4], config=config)
    # Not again where a run goes on.
    assert len(tried) == 1


def test_parts_that_cannot_be_made_are_left_out(bits, tmp_path):
    recipe, config = small(bits, steps=1)
    evaluation = load_run(train(recipe, tmp_path / "run", config=config).path)
    report = Report("Mine")

    def part(report, evaluation, number):
        report.add("number", number)
        raise ValueError("One example\n alone.")

    evaluation.add_part(report, "moon", part, 3)
    assert report.notes == ["Left out: moon. One example alone."]
    assert report.rows[0][1] == 3
    own = evaluation.recipe.replace(replaced=None)
    object.__setattr__(evaluation, "recipe", own)
    with pytest.raises(ValueError, match="One example"):
        evaluation.add_part(report, "moon", part, 3)


def test_vectors_are_trained_and_reported_by_one_command(
    bits, tmp_path, capsys
):
    arguments = ["train", "nade", "--data", bits, "--steps", "2"]
    arguments += ["--run-dir", str(tmp_path / "run")]
    assert main([*arguments, "--set", "jit_compile=false"]) == 0
    printed = capsys.readouterr().out
    assert "Trying every part of the report" in printed
    assert "(6,) images do not compare" not in printed
    assert (tmp_path / "run" / "report.md").exists()
