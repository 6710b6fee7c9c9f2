"""The recipes of adversarial models, end to end."""

import json

import numpy as np
import pytest

from keras_genseq.models import GAN
from keras_genseq.models import InfoGAN
from training.__main__ import main
from training.evaluations import adversarial
from training.evaluations.categories import labels_of_clusters
from training.evaluations.infogan import code_grid
from training.evaluations.infogan import majority_labels


@pytest.fixture(scope="module", autouse=True)
def one_classifier(tmp_path_factory):
    """All runs of this file share the classifier that the first one trains."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("KERAS_GENSEQ_CACHE", str(folder))
        yield


def small(recipe, run):
    command = ["train", recipe, "--run-dir", str(run), "--epochs", "2"]
    command += ["--strategy", "one_device", "--set", "jit_compile=false"]
    return [*command, "steps_per_execution=1"]


def test_a_run_of_gan_reports_what_it_should(tmp_path, monkeypatch):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    run = tmp_path / "run"
    assert main(small("gan", run)) == 0
    results = json.loads((run / "results.json").read_text())
    # Training images explain test images better than a beginner's samples.
    assert results["parzen_of_samples"] < results["parzen_of_training_images"]
    finer = results["parzen_of_samples_on_a_fine_grid"]
    # Digits of 8x8: the best bandwidth is near the best of a coarse grid.
    assert finer == pytest.approx(results["parzen_of_samples"], abs=2.0)
    for kind in ("classifier", "pixel"):
        floor, ours, ceiling = (
            results[f"{kind}_frechet_distance_of_{name}"]
            for name in ("training_images", "samples", "noise")
        )
        # A beginner's samples, all alike, may be farther away than noise.
        assert floor < min(ours, ceiling)
        recall, best = (
            results[f"{kind}_recall_of_{name}"]
            for name in ("samples", "training_images")
        )
        assert recall < best
    assert results["classifier_accuracy"] > 0.9
    assert results["inception_score_of_samples"] >= 1.0
    best = results["inception_score_of_training_images"]
    assert results["inception_score_of_samples"] < best <= 10.0
    floor, ours = (
        results[f"sliced_wasserstein_of_{name}"][0]
        for name in ("training_images", "samples")
    )
    assert floor < ours
    assert results["diversity"] < results["diversity_of_test_images"]
    assert 1 <= results["classes_found"] <= 10
    assert sum(results["class_shares"]) == pytest.approx(1.0, abs=0.01)
    report = (run / "report.md").read_text()
    assert f"classifier {results['classifier_hash']}" in report
    assert "the last weights are kept" in report
    for name in ("samples", "interpolations", "curves"):
        assert f"figures/{name}.png" in report
        assert (run / "figures" / f"{name}.png").exists()
    assert main(["sample", str(run), "--num-samples", "4"]) == 0
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    served = str(tmp_path / "out" / "gan")
    assert main(["query", served, "discriminate"]) == 0


@pytest.mark.slow
def test_runs_of_dcgan_and_infogan_report(tmp_path, monkeypatch):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    for recipe in ("dcgan", "infogan"):
        assert main(small(recipe, tmp_path / recipe)) == 0
    results = json.loads((tmp_path / "infogan/results.json").read_text())
    assert results["mutual_information"] <= np.log(10.0)
    assert 0.0 <= results["category_error"] <= 0.95
    assert (tmp_path / "infogan/figures/codes.png").exists()


def test_a_run_of_aae_reports_codes_and_their_prior(tmp_path, monkeypatch):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    run = tmp_path / "run"
    assert main(small("aae", run)) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["parzen_of_samples"] < results["parzen_of_training_images"]
    low, high = results["code_deviation_range"]
    assert 0.0 < low <= high
    for name in (
        "samples",
        "reconstructions",
        "interpolations",
        "traversals",
        "latent_map",
        "arithmetic",
        "curves",
    ):
        assert (run / "figures" / f"{name}.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "form, guess", [("semi_supervised", 0.85), ("clustering", 0.95)]
)
def test_a_run_of_aae_reports_categories(tmp_path, monkeypatch, form, guess):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    run = tmp_path / "run"
    assert main(small(f"aae_{form}", run)) == 0
    results = json.loads((run / "results.json").read_text())
    assert 0.0 < results["class_error"] < guess
    assert 1.0 <= results["categories_in_use"] <= 16.0
    assert (run / "figures" / "categories.png").exists()


def test_clusters_are_named_after_their_surest_example():
    probabilities = np.array([[0.1, 0.9], [0.7, 0.3], [0.6, 0.4]])
    labels = np.array([7, 3, 5])
    assert labels_of_clusters(probabilities, labels).tolist() == [3, 7]


def test_interpolations_begin_and_end_at_samples():
    model = GAN((4, 4, 1), 3, generator_units=(5,), seed=0)
    canvas = adversarial.interpolation_grid(model, num_rows=1, num_steps=3)
    ends = np.array(model.sample(2, seed=[0, 1]))
    for i, column in enumerate((0, 2)):
        left = 1 + column * 57
        tile = canvas[1:57:14, left : left + 56 : 14]
        np.testing.assert_allclose(tile, ends[i], atol=1e-5)


def test_a_category_stands_for_what_most_of_its_examples_are():
    found = np.array([0, 0, 0, 2, 2])
    labels = np.array([7, 7, 3, 1, 1])
    assert majority_labels(found, labels, 4).tolist() == [7, -1, 1, -1]


def test_the_grid_of_codes_has_a_row_for_each():
    model = InfoGAN(
        (8, 8, 1), latent_dim=2, filters=(2, 3), hidden_units=6, code_units=4
    )
    canvas = code_grid(model, columns=3)
    assert canvas.shape == ((10 + 2) * 57 + 1, 3 * 57 + 1, 1)
