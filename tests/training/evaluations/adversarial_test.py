"""The recipes of adversarial models, end to end."""

import json
import re
import types

import numpy as np
import pytest

from keras_genseq.models import GAN
from keras_genseq.models import InfoGAN
from training.__main__ import main
from training.evaluation import load_run
from training.evaluations import adversarial
from training.evaluations.categories import labels_of_clusters
from training.evaluations.infogan import code_grid
from training.evaluations.infogan import majority_labels
from training.evaluations.sample_quality import add_sample_quality
from training.evaluations.sample_quality import shrunk
from training.report import Report
from training.verdict import Comparison
from training.verdict import verdict


def small(recipe, run, epochs=2):
    command = ["train", recipe, "--run-dir", str(run), "--epochs", str(epochs)]
    command += ["--strategy", "one_device", "--set", "jit_compile=false"]
    return [*command, "steps_per_execution=1"]


def test_a_run_of_gan_reports_what_it_should(
    runs, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    run = runs / "gan"
    assert main(small("gan", run)) == 0
    # Minutes of large images pass in each.
    printed = capsys.readouterr().out
    for part in ("drawing 300 samples", "Parzen windows", "sample quality"):
        assert f"\nReport: {part}.\n" in printed
    # What one looks at does not wait for what takes long.
    pictures = printed.index(f"Pictures appear in {run / 'figures'}")
    assert pictures < printed.index("drawing 300 samples")
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
    # Ten classes, nearly alike, and a classifier that is sure of them.
    best = results["inception_score_of_training_images"]
    assert results["inception_score_of_samples"] < 0.9 * best and best > 7.0
    assert results["inception_score_of_noise"] < 0.9 * best
    floor, ours = (
        results[f"sliced_wasserstein_of_{name}"][0]
        for name in ("training_images", "samples")
    )
    assert floor < ours
    assert results["diversity"] < results["diversity_of_test_images"]
    shares = np.array(results["class_shares"])
    assert results["classes_found"] == (shares > 0.01).sum()
    assert sum(shares) == pytest.approx(1.0, abs=0.01)
    # A beginner's samples do not have the ten classes equally often.
    assert results["class_divergence"] > 0.1
    report = (run / "report.md").read_text()
    assert f"classifier {results['classifier_hash']}" in report
    assert "the last weights are kept" in report
    # A beginner's samples are no nearer to digits than noise is.
    assert "in features of the classifier; noise has" in report
    for name in ("samples", "interpolations", "curves"):
        assert f"figures/{name}.png" in report
        assert (run / "figures" / f"{name}.png").exists()
    assert main(["sample", str(run), "--num-samples", "4"]) == 0
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    served = str(tmp_path / "out" / "gan")
    assert main(["query", served, "discriminate"]) == 0


@pytest.mark.parametrize(
    "mean, spread, words",
    [
        (0.5, 1.0, r"learned, (9\d|100)% of the way"),
        (0.4, 0.0, "the mean image has .* no better"),
    ],
)
def test_samples_are_judged_beside_the_mean_image(mean, spread, words):
    rng = np.random.default_rng(0)
    pattern = rng.random((8, 8, 1))

    def draw(mean, spread):
        light = mean + spread * (rng.random((200, 1, 1, 1)) - 0.5)
        return (light * pattern).astype("float32")

    train, test = draw(0.5, 1.0), draw(0.5, 1.0)
    report = Report("samples")
    evaluation = types.SimpleNamespace(
        extractor=None, inputs=lambda split, limit: train
    )
    samples = draw(mean, spread) + 0.01 * rng.random(test.shape, "float32")
    add_sample_quality(report, evaluation, samples, test)
    said = verdict(Comparison(*report.comparison), [], None, "go on")
    assert re.search(words, said)


@pytest.mark.slow
def test_runs_of_dcgan_and_infogan_report(runs, monkeypatch):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    for recipe, epochs in (("dcgan", 2), ("infogan", 4)):
        assert main(small(recipe, runs / recipe, epochs)) == 0
    run = load_run(runs / "infogan")
    results = json.loads((runs / "infogan/results.json").read_text())
    # A few epochs: Q has begun to read the categories.
    assert 0.0 < results["mutual_information"] < np.log(10.0)
    found = np.array(run.model.encode(run.inputs("test"))["probabilities"])[
        :, :10
    ].argmax(1)
    labels = run.labels("test")
    right = sum(np.bincount(labels[found == k]).max() for k in np.unique(found))
    error = 1.0 - right / len(labels)
    assert results["category_error"] == pytest.approx(error)
    assert (runs / "infogan/figures/codes.png").exists()


def test_a_run_of_aae_reports_codes_and_their_prior(runs, monkeypatch):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    run = runs / "aae"
    assert main(small("aae", run)) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["parzen_of_samples"] < results["parzen_of_training_images"]
    evaluation = load_run(run)
    z = evaluation.model.encode(evaluation.inputs("test")).numpy()
    deviations = z.std(0)
    assert results["code_deviation_range"] == pytest.approx(
        [deviations.min(), deviations.max()], rel=1e-4
    )
    mean = evaluation.inputs("train").mean(0)
    baseline = np.square(evaluation.inputs("test") - mean).sum((1, 2, 3)).mean()
    report = (run / "report.md").read_text()
    assert f"the mean image has {baseline:.4g}" in report.replace(
        "the best baseline, the mean image, has", "the mean image has"
    )
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
def test_a_run_of_aae_reports_categories(runs, monkeypatch, form, guess):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    run = runs / form
    assert main(small(f"aae_{form}", run)) == 0
    results = json.loads((run / "results.json").read_text())
    assert 0.0 < results["class_error"] < guess
    evaluation = load_run(run)
    usage = np.array(
        evaluation.model.classify(evaluation.inputs("test"))["probabilities"]
    )
    usage = usage.mean(0)
    used = np.exp(-np.sum(usage * np.log(usage)))
    assert results["categories_in_use"] == pytest.approx(used, rel=1e-3)
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
    drawn = np.array(model.sample_latents(np.arange(3, dtype="int32")))
    for row in range(12):
        if row < 10:
            latents = drawn.copy()
            latents[:, 2:12] = np.eye(10)[row]
        else:
            latents = np.repeat(drawn[:1], 3, axis=0)
            latents[:, 2 + row] = [-2.0, 0.0, 2.0]
        images = np.array(model.images_of_latents(latents))
        corners = canvas[1 + row * 57, 1::57, 0]
        np.testing.assert_allclose(corners, images[:, 0, 0, 0], atol=1e-6)


def test_large_images_are_halved_before_their_covariance_is_taken():
    rng = np.random.default_rng(0)
    x = rng.random((2, 64, 50, 3), "float32")
    small = shrunk(x)
    assert small.shape == (2, 32, 25, 3)
    np.testing.assert_allclose(
        small[1, 3, 4], x[1, 6:8, 8:10].mean((0, 1)), rtol=1e-5
    )
    assert shrunk(x[:, :28, :28]).shape == (2, 28, 28, 3)
    assert adversarial.num_samples(x) == 2**24 // (64 * 50 * 3)
    assert adversarial.num_samples(x[:, :28, :28, :1]) == 10_000
