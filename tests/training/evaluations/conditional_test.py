"""Conditional models: trained on labels, shown and evaluated class by class."""

import json

import numpy as np
import pytest

from training import figures
from training.__main__ import main
from training.evaluation import load_run
from training.evaluations import adversarial
from training.evaluations import latent


class Stub:
    """A conditional model whose samples are their classes."""

    num_classes = 3

    def sample(self, num_samples, seed=None, *, condition=None):
        assert len(condition) == num_samples
        values = np.asarray(condition, "float32")[:, None, None, None]
        return np.tile(values / 2.0, (1, 56, 56, 1))


def test_a_grid_of_samples_has_a_row_for_each_class():
    canvas = figures.sample_grid(Stub(), columns=4)
    assert canvas.shape == (3 * 57 + 1, 4 * 57 + 1, 1)
    for row in range(3):
        for column in range(4):
            tile = canvas[1 + row * 57 :, 1 + column * 57 :][:56, :56]
            np.testing.assert_array_equal(tile, row / 2.0)


def test_a_picture_may_look_at_the_data():
    def beside(model, dataset):
        return model, dataset

    assert figures.picture(beside, "model", "data") == ("model", "data")
    assert figures.picture(str.upper, "model", "data") == "MODEL"


def run_of(recipe, folder, *settings):
    run = folder / f"conditional-{recipe}"
    command = ["train", recipe, "--run-dir", str(run), "--epochs", "1"]
    command += ["--strategy", "one_device", "--set", "jit_compile=false"]
    command += ["steps_per_execution=1", *settings]
    assert main(command) == 0
    return run


def test_a_conditional_gan_is_trained_shown_and_sampled(
    runs, tmp_path, monkeypatch
):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    run = run_of("gan", runs, "model.num_classes=data")
    results = json.loads((run / "results.json").read_text())
    assert results["parzen_of_samples"] < results["parzen_of_training_images"]
    # The classifier is a run that one sees, beside the run that it measures.
    (classifier,) = runs.glob("classifier-digits-*")
    assert (classifier / "model.keras").exists()
    evaluation = load_run(run)
    assert evaluation.model.num_classes == 10
    # Samples have the classes of training, spread over the split.
    samples, condition = evaluation.sample(50)
    assert len(samples) == 50
    labels = evaluation.labels("train")
    counts = np.bincount(condition["condition"], minlength=10) / 50
    expected = np.bincount(labels) / len(labels)
    assert np.abs(counts - expected).max() < 0.13
    output = tmp_path / "samples.npy"
    command = ["sample", str(run), "--num-samples", "12"]
    assert main([*command, "--output", str(output)]) == 0
    direct = evaluation.model.sample(
        12, seed=0, condition=np.arange(12, dtype="int32") % 10
    )
    np.testing.assert_allclose(np.load(output), direct, atol=1e-6)


def test_a_conditional_vae_is_evaluated_on_the_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(latent, "NUM_CODES", 10)
    run = run_of("vae", tmp_path, "model.num_classes=10")
    results = json.loads((run / "results.json").read_text())
    evaluation = load_run(run)
    test, labels = evaluation.inputs("test"), evaluation.labels("test")
    wrong = (labels + 1) % 10
    bounds = [
        latent.bound_of(evaluation.model, test, 10, {"condition": classes})
        for classes in (labels.astype("int32"), wrong.astype("int32"))
    ]
    assert results["test_nll"] == pytest.approx(-bounds[0].mean(), rel=1e-3)
    # An epoch is enough for the classes to tell.
    assert bounds[0].mean() > bounds[1].mean()
    report = (run / "report.md").read_text()
    assert "asks for the class of each" in report and "AUROC" not in report


@pytest.mark.parametrize("value", ["10", "data"])
def test_data_without_labels_are_refused(value, tmp_path, capsys):
    command = ["train", "vae", "--data", "photographs", "--run-dir"]
    command += [str(tmp_path / "run"), "--set", f"model.num_classes={value}"]
    assert main(command) == 2
    assert "needs examples with `label`" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
