"""The tasks of memory, end to end through the command line."""

import json

import pytest

from training.__main__ import main


@pytest.mark.parametrize(
    "recipe, data, words",
    [
        ("adding_problem", "adding:8", "baseline: always 1, MSE"),
        pytest.param(
            "copy_task",
            "copy:2",
            "symbols recalled",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_task_is_learned_judged_and_exported(
    recipe, data, words, tmp_path, capsys
):
    run = tmp_path / "run"
    command = ["train", recipe, "--data", data, "--run-dir", str(run)]
    command += ["--strategy", "one_device", "--steps", "120"]
    command += ["--set", "model.units=24", "model.cell=gru"]
    command += ["optimizer.learning_rate=0.01"]
    assert main(command) == 0
    results = json.loads((run / "results.json").read_text())
    if recipe == "adding_problem":
        assert results["guess_mse"] == pytest.approx(1 / 6, rel=0.05)
        assert results["mse"] < 0.8 * results["guess_mse"]
    else:
        # Ten symbols at random, and blanks for certain.
        guess = results["guess_cross_entropy"]
        assert guess == pytest.approx(0.945, abs=1e-3)
        assert results["cross_entropy"] < 1.05 * guess
        assert 0.1 < results["symbols_recalled"] <= 1.0
    report = (run / "report.md").read_text()
    assert words in report and "figures/curves.png" in report
    assert (run / "figures" / "curves.png").exists()
    assert main(["sample", str(run)]) == 2
    assert "draws no samples" in capsys.readouterr().err
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / recipe / "1" / "saved_model.pb").exists()
