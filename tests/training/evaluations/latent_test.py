"""The recipe of a latent-variable model, end to end."""

import json

import numpy as np
import pytest

from training.__main__ import main
from training.evaluation import load_run
from training.evaluations import latent
from training.optimizers import staged_learning_rate


def test_a_run_reports_bounds_codes_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(latent, "NUM_CODES", 40)
    run = tmp_path / "run"
    command = ["train", "vae", "--run-dir", str(run), "--epochs", "4"]
    command += ["--strategy", "one_device", "--xla", "off"]
    command += ["--set", "comparison=digits"]
    assert main(command) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["test_nll"] < results["test_negative_elbo"] < 64.0
    terms = results["test_reconstruction"] + results["test_kl"]
    assert results["test_negative_elbo"] == pytest.approx(terms, rel=1e-4)
    assert len(results["kl_per_unit"]) == 8
    evaluation = load_run(run)
    mean = evaluation.model.encode(evaluation.inputs("test"))["z"].numpy()
    active = (mean.var(0) > 0.01).sum()
    assert results["active_units"] == active > 0
    # The comparison is with the very test data, by more codes.
    assert results["comparison_nll"] < results["test_nll"] + 0.2
    report = (run / "report.md").read_text()
    for words in (
        "test NLL by 40 importance samples",
        "active units",
        "aggregate posterior",
        "AUROC",
        "linear probe on encodings",
        "test reconstruction, mean squared error",
        " squared error; the best baseline, the mean image, has",
    ):
        assert words in report
    for name in (
        "samples",
        "reconstructions",
        "interpolations",
        "traversals",
        "latent_map",
        "arithmetic",
        "units",
        "curves",
        "scores",
    ):
        assert f"figures/{name}.png" in report
        assert (run / "figures" / f"{name}.png").exists()
    assert main(["sample", str(run), "--num-samples", "4"]) == 0
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    query = ["query", str(tmp_path / "out" / "vae"), "score"]
    assert main(query) == 0


def test_the_rates_fall_to_a_tenth_in_eight_stages():
    schedule = staged_learning_rate(800, initial_learning_rate=1.0)
    rates = np.array([schedule(step) for step in range(800)])
    np.testing.assert_allclose(
        rates[50::100], 10.0 ** (-np.arange(8) / 7), rtol=1e-5
    )
    papers = staged_learning_rate(3280, growth=3.0)
    lengths = np.diff([-1, *papers.boundaries])
    np.testing.assert_array_equal(lengths[1:], 3 ** np.arange(1, 7))
