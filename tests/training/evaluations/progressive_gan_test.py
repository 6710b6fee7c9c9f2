"""The recipe of Progressive GAN: its phases, and its report, end to end."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from training.__main__ import main
from training.evaluations import adversarial
from training.evaluations.progressive_gan import enlarged
from training.evaluations.progressive_gan import shrunk_to
from training.overrides import phases_of
from training.recipes.progressive_gan import levels
from training.resolve import resolve
from training.resolve import resolve_run


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(24):
        pixels = rng.integers(0, 256, (20, 17), "uint8")
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return f"images:{folder}"


def test_a_level_is_a_phase_and_large_ones_have_small_batches():
    assert levels((4, 4, 1)) == (("model.level=0",),)
    assert len(levels((32, 32, 1))) == 4
    large = levels((1024, 1024, 3))
    assert large[5] == ("model.level=5",)
    assert large[6] == ("model.level=6", "global_batch_size=14")
    assert large[8] == ("model.level=8", "global_batch_size=3")


@pytest.mark.parametrize("preset, count", [("demo", 2), ("paper", 4)])
def test_the_presets_grow_from_4x4(preset, count):
    phases = phases_of(resolve("progressive_gan", preset))
    found = [phase.model.arguments["level"] for phase in phases]
    assert found == list(range(count))


def test_levels_follow_the_data_unless_phases_are_given(images):
    recipe, config = resolve_run("progressive_gan", "demo", [f"data={images}"])
    assert [p.model.arguments["level"] for p in phases_of(recipe)] == [0, 1, 2]
    # What a run keeps needs no data to be made again.
    again = resolve("progressive_gan", "demo", config["overrides"])
    assert again.describe() == recipe.describe()
    given = [f"data={images}", "phases=(('model.level=1',),)"]
    recipe, _ = resolve_run("progressive_gan", "demo", given)
    assert len(phases_of(recipe)) == 1


def test_means_of_pixels_and_back():
    x = np.random.default_rng(0).random((2, 8, 8, 1), "float32")
    small = shrunk_to(x, 4)
    assert small[0, 0, 1, 0] == pytest.approx(x[0, :2, 2:4].mean())
    np.testing.assert_allclose(shrunk_to(enlarged(small, 8), 4), small)
    np.testing.assert_array_equal(shrunk_to(x, 8), x)


@pytest.mark.slow
def test_a_run_reports_all_levels_and_is_served(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(adversarial, "NUM_SAMPLES", 300)
    run = runs / "progressive_gan"
    command = ["train", "progressive_gan", "--run-dir", str(run)]
    assert main([*command, "--strategy", "one_device", "--steps", "60"]) == 0
    results = json.loads((run / "results.json").read_text())
    for name in ("4x4", "8x8"):
        for key in ("classifier_frechet_distance", "sliced_wasserstein"):
            floor, ours, ceiling = (
                results[f"level_{name}_{key}_of_{kind}"]
                for kind in ("training_images", "samples", "noise")
            )
            assert floor < min(ours, ceiling)
        assert (run / "figures" / f"samples_{name}.png").exists()
    assert results["largest_leap_at_a_level"] <= results["largest_leap"]
    models = [
        keras.models.load_model(run / path)
        for path in ("phases/1/model.keras", "model.keras")
    ]
    assert [model.level for model in models] == [0, 1]
    assert float(models[1].alpha) == 1.0
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    served = str(tmp_path / "out" / "progressive_gan")
    for signature in ("sample", "discriminate"):
        assert main(["query", served, signature]) == 0


@pytest.mark.slow
def test_images_of_ones_own_are_grown_to_their_side(tmp_path, images):
    run = tmp_path / "own"
    command = ["train", "progressive_gan", "--run-dir", str(run)]
    command += ["--strategy", "one_device", "--steps", "4"]
    assert main([*command, "--data", images]) == 0
    assert "Samples of 16x16" in (run / "report.md").read_text()
    assert "Samples of 4x4" in (run / "report.md").read_text()
