import json

import numpy as np
import pytest

from training.__main__ import main
from training.analyses.anomalies import alarms


def test_alarms_of_scores_that_are_known():
    train = np.array([-10.0, -12.0])
    inside = np.array([-10.5, -11.5])
    low = alarms(train, inside, np.array([-30.0, -40.0]))
    assert low == {"auroc": 1.0, "auroc_two_sided": 1.0}
    # The known failure: what is outside has the higher likelihood.
    high = alarms(train, inside, np.array([-2.0, -3.0]))
    assert high == {"auroc": 0.0, "auroc_two_sided": 1.0}


@pytest.mark.slow
def test_the_command_prints_both_directions(tmp_path, capsys):
    command = ["study", "anomalies", "--output", str(tmp_path / "study")]
    command += ["--epochs", "1", "--pair", "digits", "photographs"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "| `digits` | `photographs` |" in printed
    assert "| `photographs` | `digits` |" in printed
    results = json.loads((tmp_path / "study" / "anomalies.json").read_text())
    # Binarized digits are sparse, and photographs are not: both are told.
    for row in results["directions"]:
        assert row["mean_inside"] > row["mean_outside"]
        assert row["auroc"] > 0.6
    assert (tmp_path / "study" / "scores-2.png").exists()


def test_a_study_names_the_options_that_it_has(capsys):
    assert main(["study", "anomalies", "--units", "3"]) == 2
    error = capsys.readouterr().err
    assert "has no option units" in error and "pair" in error
