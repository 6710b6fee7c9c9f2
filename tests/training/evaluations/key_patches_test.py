"""The report of assemblies, its yardsticks, and the recipe from end to end."""

import json
import types

import keras
import numpy as np
import pytest

from keras_genseq.models import KeyPatchGAN
from keras_genseq.ops.key_parts import mask_of_boxes
from training.__main__ import main
from training.data.arrays import image_examples
from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.evaluations import key_patch_figures
from training.evaluations.key_patches import best_constant_mask
from training.evaluations.key_patches import evaluate_key_patches
from training.evaluations.key_patches import locate
from training.evaluations.key_patches import mask_iou
from training.evaluations.key_patches import neighbors


def small_model():
    keras.utils.set_random_seed(1)
    return KeyPatchGAN((16, 16, 1), filters=2, code_dim=2, latent_dim=2)


def images(count, seed=0):
    return np.random.default_rng(seed).random((count, 16, 16, 1), "float32")


def dataset():
    parts = {
        split: image_examples(images(20, seed=i))
        for i, split in enumerate(SPLITS)
    }
    return Dataset(
        name="images:test",
        kind="images",
        splits=parts,
        num_classes=None,
        element_shape=(16, 16, 1),
        description="",
    )


def evaluation_of(model):
    splits = {name: images(20, seed=i) for i, name in enumerate(SPLITS)}

    def add_part(report, name, add, *args):
        report.notes.append(name)

    return types.SimpleNamespace(
        model=model,
        dataset=dataset(),
        history=[],
        inputs=lambda split, limit=None: splits[split][:limit],
        add_part=add_part,
    )


class Knowing:
    """An assembler that knows the images that the parts are of."""

    def __init__(self, model, x):
        self.model = model
        boxes, patches = map(np.array, model.detect_parts(x).values())
        self.known = {
            patch[0].tobytes(): (image, row)
            for patch, image, row in zip(patches, x, boxes, strict=True)
        }

    def __getattr__(self, name):
        return getattr(self.model, name)

    def assemble(self, patches, validity=None, seed=None):
        patches = np.array(patches)
        found = [self.known.get(row[0].tobytes()) for row in patches]
        if None in found:
            return self.model.assemble(patches, validity, seed=seed)
        x, boxes = map(np.stack, zip(*found, strict=True))
        boxes = boxes[:, : patches.shape[1]]
        return {"x": x, "mask": mask_of_boxes(boxes, 16, 16)}


def test_a_report_of_right_assemblies_says_so():
    model = small_model()
    evaluation = evaluation_of(Knowing(model, images(20, seed=2)))
    report = evaluate_key_patches(evaluation)
    metrics = report.metrics
    assert metrics["mask_iou"] == 1.0 and metrics["distance_inside"] == 0.0
    assert metrics["mask_iou_of_first_parts"] == [1.0] * 3
    found = metrics["found_again"]
    assert found["images made"] == 1.0
    assert found["other test images"] < 0.5
    assert metrics["cross_correlation"]["images made"] > 0.999
    for name, baseline in metrics["mask_iou_of_baselines"].items():
        assert 0.0 < baseline < 0.9, name
    ours, _, baselines = report.comparison
    assert ours == 0.0 < min(baselines.values())
    assert metrics["distance_of_draws"] == 0.0
    assert "sample quality" in report.notes
    names = [name for name, _, _ in report.figures]
    assert names == ["assemblies", "numbers", "dropped", "combined"]


def test_a_report_of_wrong_assemblies_says_so():
    model = small_model()
    x = images(20, seed=2)
    metrics = evaluate_key_patches(
        evaluation_of(Knowing(model, x[::-1] * 0.0 + x[:1]))
    ).metrics
    assert metrics["mask_iou"] < 0.9 and metrics["distance_inside"] > 0.1


def test_overlaps_of_masks_by_hand():
    masks = np.zeros((3, 4, 4, 1), bool)
    masks[:, :2] = True
    truth = masks.copy()
    truth[1, 1:3], truth[1, 0] = True, False
    truth[2] = ~truth[2]
    assert mask_iou(masks, truth) == pytest.approx((1.0 + 1 / 3 + 0.0) / 3)


def test_the_best_constant_mask_is_what_most_masks_share():
    masks = np.zeros((10, 4, 4, 1), bool)
    masks[:, 1:3] = True
    masks[0, 0] = True
    np.testing.assert_array_equal(best_constant_mask(masks), masks[1:2])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_template_is_found_where_it_was_cut(channels):
    image = np.random.default_rng(1).random((12, 14, channels))
    template = 0.5 * image[3:8, 6:10] + 0.2
    place, score = locate(template, image)
    assert place == (6, 3) and score == pytest.approx(1.0, abs=1e-6)
    assert locate(0.0 * template, image)[1] == 0.0


def test_neighbors_have_the_same_parts_in_any_order():
    model, train = small_model(), images(12)
    order = np.random.default_rng(2).permutation(12)
    patches = np.array(model.detect_parts(train[order])["patches"])
    found = neighbors(model, patches[:, [2, 0, 1]], train)
    np.testing.assert_array_equal(found, order)


def test_figures_have_a_place_for_each_image():
    model, data = small_model(), dataset()
    side = 3 * 16 + 1
    for draw, rows, columns in (
        # Images, three parts, two masks, what is made.
        (key_patch_figures.assembly_grid, 7, 8),
        (key_patch_figures.numbers_grid, 12, 6),
        (key_patch_figures.dropped_grid, 12, 5),
        (key_patch_figures.combined_grid, 6, 8),
    ):
        shape = draw(model, data).shape
        assert shape == (rows * side + 1, columns * side + 1, 1)
    first = key_patch_figures.assembly_grid(model, data)[1:side:3, 1:side:3]
    np.testing.assert_array_equal(first, images(20, seed=2)[0])


@pytest.mark.slow
def test_a_run_of_the_recipe_reports_and_is_served(tmp_path):
    run = tmp_path / "keys"
    command = ["train", "key_patch_gan", "--run-dir", str(run)]
    command += ["--strategy", "one_device", "--epochs", "1"]
    command += ["--set", "data=digits?size=16", "model.filters=2"]
    assert main([*command, "model.code_dim=4", "passes_per_epoch=1"]) == 0
    results = json.loads((run / "results.json").read_text())
    assert 0.0 < results["distance_inside"] < 1.0
    assert results["classifier_frechet_distance_of_samples"] > 0.0
    report = (run / "report.md").read_text()
    for name in ("assemblies", "numbers", "dropped", "combined", "curves"):
        assert f"figures/{name}.png" in report
        assert (run / "figures" / f"{name}.png").exists()
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    served = str(tmp_path / "out" / "key_patch_gan")
    for signature in ("assemble", "detect_parts", "discriminate"):
        assert main(["query", served, signature]) == 0
