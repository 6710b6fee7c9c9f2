"""The report of translators to many domains, and the recipe end to end."""

import json
import types

import keras
import numpy as np
import pytest

from keras_genseq.models import StarGAN
from training.__main__ import main
from training.data.arrays import image_examples
from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.labelled_images import with_domains
from training.evaluations import domain_translation
from training.evaluations.domain_translation import domain_grid
from training.verdict import Comparison
from training.verdict import verdict


def halves(count=40):
    """Images with a bright half, left or right, above or below."""
    rng = np.random.default_rng(0)
    labels = np.stack([np.arange(count) % 2, np.arange(count) // 2 % 2], axis=1)
    x = 0.2 * rng.random((count, 16, 16, 1), "float32")
    for image, (is_right, is_low) in zip(x, labels, strict=True):
        image[:, 8:] += 0.4 * is_right
        image[8:] += 0.4 * is_low
    return x, labels


def dataset_of(kind):
    x, labels = halves()
    examples = (
        image_examples(x, labels[:, 0])
        if kind == "classes"
        else image_examples(x, attributes=labels)
    )
    return Dataset(
        name="test",
        kind="images",
        splits=dict.fromkeys(SPLITS, with_domains(examples)),
        num_classes=2 if kind == "classes" else None,
        element_shape=(16, 16, 1),
        description="",
        class_names=("right", "low") if kind == "attributes" else (),
    )


def evaluation_of(kind):
    keras.utils.set_random_seed(1)
    model = StarGAN(
        (16, 16, 1),
        2,
        labels=kind,
        num_blocks=1,
        filters=2,
        discriminator_filters=2,
    )
    return types.SimpleNamespace(
        model=model,
        dataset=dataset_of(kind),
        history=[],
        at_most=lambda count: count,
    )


def knowing(x, target_domain, source):
    """What a translator that knows the domains makes of images."""
    x = np.array(x)
    for image, target, own in zip(x, target_domain, source, strict=True):
        image[:, 8:] += 0.4 * (target[0] - own[0])
        image[8:] += 0.4 * (target[1] - own[1])
    return x


@pytest.mark.parametrize("kind", ["classes", "attributes"])
def test_a_report_says_what_arrives_and_what_is_kept(kind, monkeypatch):
    monkeypatch.setattr(domain_translation, "_CLASSIFIER_UPDATES", 40)
    evaluation = evaluation_of(kind)
    model = evaluation.model
    seen = []

    def translate(x, target_domain):
        """As one that tells where images are from by their light."""
        seen.append(np.array(target_domain))
        right = x[:, :, 8:].mean((1, 2, 3)) > x[:, :, :8].mean((1, 2, 3)) + 0.2
        low = x[:, 8:].mean((1, 2, 3)) > x[:, :8].mean((1, 2, 3)) + 0.2
        source = np.stack([right, low], 1).astype("float32")
        target = np.array(target_domain, "float32")
        if kind == "classes":
            target = np.stack([target, source[:, 1]], 1)
        return knowing(x, target, source).clip(0.0, 1.0)

    monkeypatch.setattr(model, "translate", translate)
    report = domain_translation.evaluate_domain_translation(evaluation)
    metrics = report.metrics
    ours, _, baselines, floor = report.comparison
    assert (ours, baselines["images as they were"], floor[1]) == (0.0, 1.0, 0.0)
    assert metrics["classifier_accuracy"] == metrics["domain_accuracy"] == 1.0
    assert metrics["reconstruction_error"] == pytest.approx(0.0, abs=1e-5)
    assert metrics["feature_distance"] < 1e-2
    assert metrics["feature_distance_of_images"] > 0.1
    assert metrics["nearest_is_source"]["back"] == 1.0
    _, labels = halves()
    if kind == "classes":
        np.testing.assert_array_equal(seen[0], 1 - labels[:, 0])
    else:
        np.testing.assert_array_equal(seen[0][:, 0], 1 - labels[:, 0])
        np.testing.assert_array_equal(seen[0][:, 1], labels[:, 1])
        assert metrics["domain_accuracy_low"] == 1.0


def test_who_does_not_translate_arrives_nowhere(monkeypatch):
    monkeypatch.setattr(domain_translation, "_CLASSIFIER_UPDATES", 40)
    evaluation = evaluation_of("attributes")
    monkeypatch.setattr(
        evaluation.model, "translate", lambda x, target_domain: np.array(x)
    )
    report = domain_translation.evaluate_domain_translation(evaluation)
    assert report.metrics["domain_accuracy"] == 0.0
    said = verdict(Comparison(*report.comparison), [], None, "go on")
    assert "images as they were has 1" in said and "not better" in said


def test_who_cannot_tell_the_domains_gives_no_verdict(monkeypatch):
    monkeypatch.setattr(
        domain_translation, "_accuracy", lambda classifier, x, labels: 0.5
    )
    monkeypatch.setattr(domain_translation, "_CLASSIFIER_UPDATES", 1)
    evaluation = evaluation_of("classes")
    monkeypatch.setattr(
        evaluation.model, "translate", lambda x, target_domain: np.array(x)
    )
    report = domain_translation.evaluate_domain_translation(evaluation)
    assert report.comparison is None
    assert "cannot tell the domains apart" in str(vars(report))


@pytest.mark.parametrize("kind", ["classes", "attributes"])
def test_a_grid_shows_all_domains(kind):
    evaluation = evaluation_of(kind)
    grid = domain_grid(evaluation.model, evaluation.dataset)
    columns = 3 if kind == "classes" else 4
    # Rows of eight images, with borders, enlarged four times.
    assert grid.shape == (8 * 65 + 1, columns * 65 + 1, 1)
    first = next(iter(evaluation.dataset.splits["test"]))["image"]
    np.testing.assert_array_equal(grid[1:65:4, 1:65:4], first)


def test_a_contrary_of_a_contrary_is_the_label():
    labels = halves()[1].astype("float32")
    flipped = domain_translation._flipped(labels, [1])
    assert (flipped[:, 1] != labels[:, 1]).all()
    np.testing.assert_array_equal(flipped[:, 0], labels[:, 0])
    np.testing.assert_array_equal(
        domain_translation._flipped(flipped, [1]), labels
    )


@pytest.mark.slow
def test_a_run_of_stargan_reports_and_is_served(tmp_path, monkeypatch):
    monkeypatch.setattr(domain_translation, "_CLASSIFIER_UPDATES", 40)
    monkeypatch.setattr(domain_translation, "_JUDGED", 100)
    run = tmp_path / "stargan"
    command = ["train", "stargan", "--run-dir", str(run), "--steps", "2"]
    command += ["--strategy", "one_device", "--set", "model.filters=4"]
    command += ["model.num_blocks=1", "model.discriminator_filters=4"]
    assert main([*command, "run_eagerly=true"]) == 0
    results = json.loads((run / "results.json").read_text())
    assert 0.0 <= results["domain_accuracy"] <= 1.0
    report = (run / "report.md").read_text()
    for name in ("translations", "curves"):
        assert f"figures/{name}.png" in report
        assert (run / "figures" / f"{name}.png").exists()
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    served = str(tmp_path / "out" / "stargan")
    for signature in ("translate", "discriminate", "classify"):
        assert main(["query", served, signature]) == 0
