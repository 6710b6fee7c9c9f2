"""The report of translators, and the recipe from end to end."""

import json
import types

import keras
import numpy as np
import pytest

from keras_genseq.models import CycleGAN
from training.__main__ import main
from training.data.arrays import image_examples
from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.unpaired import unpaired
from training.evaluations import image_translation
from training.evaluations.image_translation import spread
from training.evaluations.image_translation import translation_grid
from training.feature_classifier import domain_judges
from training.resolve import resolve


def labelled_domains(count=40):
    """Bright halves, left or right, on dark; and the same on grey."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    x = rng.random((count, 24, 24, 1), "float32") * 0.1
    x[labels == 0, :, :12] += 0.9
    x[labels == 1, :, 12:] += 0.9
    x = x.clip(0.0, 1.0)
    parts = {"a": image_examples(x, labels)}
    parts["b"] = image_examples(0.5 + 0.5 * x, labels)
    return Dataset(
        name="domains:test",
        kind="domains",
        splits=dict.fromkeys(SPLITS, parts),
        num_classes=None,
        element_shape={"a": (24, 24, 1), "b": (24, 24, 1)},
        description="",
    )


class Judge:
    """Tells left from right in the light of one domain, and all as left else.

    Args:
        is_light: 0 or 1. Whether the domain is grey and white, not dark.
    """

    def __init__(self, is_light):
        self.model, self.is_light = self, is_light

    def classify(self, x):
        is_own = (x.min((1, 2, 3)) > 0.3) == self.is_light
        is_right = x[:, :, 12:].mean((1, 2, 3)) > x[:, :, :12].mean((1, 2, 3))
        is_right = (is_right & is_own).astype("float32")
        probabilities = np.stack([1.0 - is_right, is_right], axis=1)
        return {"probabilities": probabilities}


def small_model():
    keras.utils.set_random_seed(1)
    return CycleGAN(
        (24, 24, 1),
        num_blocks=1,
        filters=2,
        discriminator_filters=2,
        receptive_field=16,
        pool_size=0,
    )


def test_a_report_says_what_comes_back_and_what_is_kept(monkeypatch):
    dataset, model = labelled_domains(), small_model()
    monkeypatch.setattr(image_translation, "load_dataset", lambda _: dataset)
    # A translator that knows the domains.
    monkeypatch.setattr(
        model,
        "translate",
        lambda x, target_domain: (
            0.5 + 0.5 * x if target_domain else 2.0 * x - 1.0
        ),
    )
    monkeypatch.setattr(model, "reconstruct", lambda x, target_domain: x + 0.01)
    evaluation = types.SimpleNamespace(
        model=model,
        recipe=types.SimpleNamespace(data=types.SimpleNamespace(source="")),
        dataset=unpaired()(dataset),
        history=[],
        judges={name: Judge(light) for name, light in (("a", 0), ("b", 1))},
    )
    report = image_translation.evaluate_image_translation(evaluation)
    metrics = report.metrics
    for where in ("a_to_b", "b_to_a"):
        assert metrics[f"cycle_error_{where}"] == pytest.approx(0.01, rel=1e-3)
        right = metrics[f"accuracy_{where}"]
        assert right["translations"] == right["test images of their own"] == 1.0
        assert right["images as they were"] == 0.5
        patches = metrics[f"sliced_wasserstein_{where}"]
        assert patches["translations"] >= 0.0
    ours, _, baselines, (_, floor) = report.comparison
    assert ours < baselines["images as they were"]
    assert baselines.keys() == {"images as they were", "the mean image"}
    found = [
        metrics[f"pixel_frechet_distance_{way}"] for way in ("a_to_b", "b_to_a")
    ]
    assert ours == np.mean([distances["translations"] for distances in found])
    assert floor == np.mean([d["training images"] for d in found])
    # The domains are equal but for their light.
    assert metrics["realness_a_to_b"] != metrics["realness_b_to_a"]


def test_a_grid_shows_both_ways():
    dataset, model = unpaired()(labelled_domains()), small_model()
    grid = translation_grid(model, dataset)
    # Six rows of eight images, with borders, enlarged twice.
    height, width = 2 * 24 + 1, 8 * (2 * 24 + 1) + 1
    assert grid.shape == (6 * (height + 1), width, 3)
    first = next(iter(dataset.splits["test"]))["image"]
    np.testing.assert_array_equal(grid[1:49:2, 1:49:2, :1], first)


def test_rows_are_taken_from_all_over():
    assert spread(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert len(spread(np.arange(3), 5)) == len(spread(np.arange(3))) == 3


@pytest.mark.slow
def test_a_run_of_cyclegan_reports_and_is_served(tmp_path):
    run = tmp_path / "cyclegan"
    command = ["train", "cyclegan", "--run-dir", str(run), "--steps", "2"]
    command += ["--strategy", "one_device", "--set", "model.filters=4"]
    command += ["model.num_blocks=1", "model.discriminator_filters=4"]
    assert main([*command, "run_eagerly=true"]) == 0
    results = json.loads((run / "results.json").read_text())
    assert 0.0 < results["cycle_error_a_to_b"] < 1.0
    for where in ("a_to_b", "b_to_a"):
        assert results[f"accuracy_{where}"]["test images of their own"] > 0.8
    judges = list(tmp_path.glob("classifier-domains-digits-only-*"))
    assert len(judges) == 2
    report = (run / "report.md").read_text()
    for name in ("translations", "curves"):
        assert f"figures/{name}.png" in report
        assert (run / "figures" / f"{name}.png").exists()
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    served = str(tmp_path / "out" / "cyclegan")
    for signature in ("translate", "reconstruct", "discriminate"):
        assert main(["query", served, signature]) == 0


def test_domains_without_labels_have_no_judges():
    recipe = resolve("cyclegan", "demo", ["data=domains:photographs"])
    assert domain_judges(types.SimpleNamespace(recipe=recipe)) == {}


def test_the_recipe_asks_for_two_domains(tmp_path, capsys):
    command = ["train", "cyclegan", "--run-dir", str(tmp_path / "run")]
    assert main([*command, "--data", "digits"]) != 0
    assert "domains:DIR_A,DIR_B" in capsys.readouterr().err
