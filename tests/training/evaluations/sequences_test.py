"""The recipes of sequences, end to end through the command line."""

import json
import re
import shlex

import numpy as np
import pytest

import keras_genseq
from training.__main__ import main
from training.evaluations import markov_text


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("the quick brown fox jumps over the lazy dog. " * 60)
    return path


def test_a_chain_is_counted_evaluated_sampled_and_exported(
    text, tmp_path, monkeypatch
):
    # Each order is traced for each split, with four smoothings.
    monkeypatch.setattr(markov_text, "_ORDERS", range(3))
    run = tmp_path / "run"
    command = ["train", "markov_text", "--data", f"text:{text}"]
    command += ["--run-dir", str(run), "--strategy", "one_device", "--set"]
    command += ["model.max_contexts=400", "model.order=2"]
    command += ["global_batch_size=1"]
    assert main(command) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["test_nats"] < results["unigram_nats"]
    assert results["unigram_nats"] < results["uniform_nats"]
    assert "(chosen), last 10 %" in (run / "report.md").read_text()
    assert main(["sample", str(run), "--num-samples", "2"]) == 0
    assert "the" in (run / "samples.txt").read_text()
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "markov_text" / "1").is_dir()


def test_a_series_is_fitted_and_judged_beside_forecasts_without_a_model(
    tmp_path,
):
    run = tmp_path / "run"
    command = ["train", "ar_series", "--run-dir", str(run), "--epochs", "1"]
    command += ["--strategy", "one_device", "--xla", "off"]
    command += ["--set", "horizons=(1,4)"]
    assert main(command) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["linear_one_step_mse"] < results["last_value_mse_1"]
    assert {"seasonal_naive_mse_4", "coverage_80"} <= set(results)
    for name in ("curves", "forecast"):
        assert (run / "figures" / f"{name}.png").exists()


def test_forecasts_are_in_the_units_and_by_the_names_of_the_data(tmp_path):
    days = np.datetime64("2024-01-01") + np.arange(90)
    noise = np.random.default_rng(0).normal(size=(90, 2))
    rows = [
        f"{day},{20 + 5 * a:.3f},{-300 + 40 * b:.3f}"
        for day, (a, b) in zip(days, noise, strict=True)
    ]
    path = tmp_path / "garden.csv"
    path.write_text("day,degrees,depth\n" + "\n".join(rows))
    run = tmp_path / "run"
    command = ["train", "ar_series", "--data", f"series:{path}", "--steps", "2"]
    command += ["--set", "jit_compile=false", "--run-dir", str(run)]
    assert main(command) == 0
    report = (run / "report.md").read_text()
    assert "| degrees | model |" in report and "Forecast of depth" in report
    model = keras_genseq.load(run)
    history = np.tile([[[20.0, -300.0]]], (1, 10, 1)).astype("float32")
    point = model.forecast(history, 5, seed=0)["point"].numpy()
    np.testing.assert_allclose(point[0].mean(0), [20.0, -300.0], rtol=0.2)
    command = ["forecast", str(run), "--history", str(path), "--steps", "3"]
    assert main(command) == 0
    header, *lines = (run / "forecast.csv").read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text(path.read_text().replace("degrees,depth", "depth,degrees"))
    assert main([*command[:3], str(other), *command[4:]]) == 2
    assert header.startswith("step,degrees,degrees 0.1,") and len(lines) == 3
    told = np.array([line.split(",") for line in lines], "float64")
    values = np.array([line.split(",")[1:] for line in rows], "float32")
    expected = model.forecast(values[None], 3, seed=0)
    np.testing.assert_allclose(told[:, [1, 5]], expected["point"][0], rtol=1e-4)
    np.testing.assert_allclose(
        told[:, 6:9], expected["quantiles"][0, ..., 1].numpy().T, rtol=1e-4
    )
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    exported = tmp_path / "out" / "ar_series"
    card = json.loads((exported / "card.json").read_text())
    assert card["columns"] == ["degrees", "depth"]
    served = keras_genseq.load(exported)["forecast"]
    answer = served(history=history, horizon=[5], seed=[0])
    np.testing.assert_allclose(answer["point"], point, rtol=1e-4)
    results = json.loads((run / "results.json").read_text())
    assert 1.0 < results["mae_of_degrees_in_its_units"][0] < 20.0


@pytest.mark.slow
def test_a_latent_model_is_judged_beside_a_linear_one(tmp_path):
    run = tmp_path / "run"
    command = ["train", "latent_ar", "--run-dir", str(run), "--epochs", "1"]
    command += ["--strategy", "one_device"]
    command += ["--set", "horizons=(1,4)", "history=16", "model.units=4"]
    assert main(command) == 0
    results = json.loads((run / "results.json").read_text())
    for name in ("model", "linear_AR", "last_value", "training_mean"):
        assert results[f"{name}_mse_4"] > 0.0
    assert results["seasonal_naive_mse_4"] < results["training_mean_mse_4"]
    assert results["linear_one_step_mse"] < results["training_mean_mse_1"]
    assert "AR(16), closed form, one step" in (run / "report.md").read_text()
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0


def test_a_language_model_goes_from_text_to_served_text(text, tmp_path, capsys):
    run = tmp_path / "run"
    command = ["train", "char_gru", "--data", f"text:{text}", "--epochs", "4"]
    command += ["--run-dir", str(run), "--strategy", "one_device", "--set"]
    command += ["model.units=32", "global_batch_size=8", "stream_window=16"]
    assert main(command) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["valid_nats"] < results["markov_0_valid_nats"]
    assert results["num_test_tokens"] == 135
    report = (run / "report.md").read_text()
    assert "states carried" in report and "from nothing" in report
    events = list((run / "logs").rglob("events*"))
    assert any(b"samples" in e.read_bytes() for e in events)
    # What it says to do next can be done.
    (line,) = re.findall("^Samples +(.*)$", capsys.readouterr().out, re.M)
    command = shlex.split(line.removeprefix("python -m training "))
    assert "--prompt" in command and main([*command, "--length", "5"]) == 0
    capsys.readouterr()
    command = ["sample", str(run), "--num-samples", "2", "--length", "30"]
    # The model alone is needed.
    text.unlink()
    assert main([*command, "--prompt", "the quick"]) == 0
    printed = capsys.readouterr().out
    first, second = (run / "samples.txt").read_text().split("\n\n---\n\n")
    assert len(first) == len(second) == 39 and first.startswith("the quick")
    assert first in printed and "2 texts: " in printed
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    model = str(tmp_path / "out" / "char_gru")
    request = ["prompt=['the quick']", "seed=[1]", "max_new_tokens=[5]"]
    request += ["temperature=[0.5]", "top_k=[0]", "top_p=[1]"]
    command = ["query", model, "generate"]
    for value in request:
        command += ["--input", value]
    assert main(command) == 0


@pytest.mark.slow
def test_music_is_learnt_and_judged_beside_chains_of_notes(tmp_path):
    run = tmp_path / "run"
    command = ["train", "chorales_lstm", "--epochs", "2", "--run-dir", str(run)]
    command += ["--strategy", "one_device", "--set", "model.units=8"]
    assert main(command) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["test_note_chain_nats"] < results["test_independent_nats"]
    assert results["test_nats"] < 88 * 0.7
    for name in ("curves", "samples", "test"):
        assert (run / "figures" / f"{name}.png").exists()
    assert main(["sample", str(run)]) == 0
