"""Images made of parts: places, looks, what is found again in them."""

import numpy as np

from keras_genseq.ops.key_parts import detect_key_parts
from keras_genseq.ops.key_parts import has_area
from keras_genseq.ops.key_parts import mask_of_boxes
from keras_genseq.ops.key_parts import overlap
from training.evaluations.key_patch_figures import assembly_grid
from training.evaluations.key_patch_figures import combined_grid
from training.evaluations.key_patch_figures import dropped_grid
from training.evaluations.key_patch_figures import numbers_grid
from training.evaluations.sample_quality import add_sample_quality
from training.report import Report

_JUDGED = 1_000
_NEIGHBORS = 5_000
_SAMPLES = 5_000
_SEARCHED = 100
# Rows of distances that are held at once.
_AT_ONCE = 100
_PATCH_SIDE = 8
_THRESHOLDS = np.linspace(0.02, 0.98, 49)


def evaluate_key_patches(evaluation):
    """Reports a `KeyPatchGAN` on parts of test images.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model, report = evaluation.model, Report(title="KeyPatchGAN: assemblies")
    test = evaluation.inputs("test", _JUDGED)
    train = evaluation.inputs("train", _NEIGHBORS)
    boxes, patches = (np.array(v) for v in model.detect_parts(test).values())
    validity = np.array(has_area(boxes))
    made = model.assemble(patches, validity, seed=0)
    x, masks = np.array(made["x"]), np.array(made["mask"])
    others = neighbors(model, patches, train)
    _masks(report, boxes, masks, train, others, model)
    _appearance(report, test, boxes, x, train, others)
    _found_again(
        report,
        test,
        boxes,
        validity,
        {
            "images made": x,
            "nearest training images": train[others],
            "other test images": np.roll(test, 1, axis=0),
        },
    )
    _fewer(report, model, test, boxes, patches)
    _noise(report, model, patches, validity, x)
    _realness(report, model, x, test)
    valid = evaluation.inputs("valid", _SAMPLES)
    samples = model.assemble(model.detect_parts(valid)["patches"], seed=1)
    evaluation.add_part(
        report,
        "sample quality",
        add_sample_quality,
        np.array(samples["x"]),
        evaluation.inputs("test"),
    )
    report.metrics["num_parameters"] = model.count_params()
    _pictures(report, evaluation)
    return report


evaluate_key_patches.needs_extractor = True
evaluate_key_patches.kinds = ("images",)


def neighbors(model, patches, train):
    """The training image whose parts are most like those of each image.

    A part's distance is that to the nearest of an image's parts, so that their
    order does not matter; those of all parts are added.

    Args:
        model: `KeyPatchGAN`.
        patches: `(num_images, num_parts, height, width, channels)` array.
        train: `(num_training_images, height, width, channels)` array.

    Returns:
        int array `(num_images,)`: rows of `train`.
    """
    ours = _small(patches)
    theirs = _small(np.array(model.detect_parts(train)["patches"]))
    found = []
    for start in range(0, len(ours), _AT_ONCE):
        some = ours[start : start + _AT_ONCE]
        gaps = (
            (some**2).sum(-1)[:, :, None, None]
            + (theirs**2).sum(-1)
            - 2.0 * np.einsum("ipd,jqd->ipjq", some, theirs, optimize=True)
        )
        found.append(gaps.min(-1).sum(1).argmin(1))
    return np.concatenate(found)


def mask_iou(masks, truth):
    """Mean intersection over union of boolean masks, image by image."""
    axes = tuple(range(1, truth.ndim))
    shared = (masks & truth).sum(axes)
    return float((shared / (masks | truth).sum(axes).clip(1)).mean())


def best_constant_mask(masks):
    """The pixels that overlap best, on average, with masks of training images.

    Args:
        masks: bool array `(num_images, height, width, 1)`.

    Returns:
        bool array `(1, height, width, 1)`: the pixels that are in more than a
        share of the masks, the best of 49 shares.
    """
    shares = masks.mean(0, keepdims=True)
    candidates = [shares > level * shares.max() for level in _THRESHOLDS]
    scores = [mask_iou(candidate, masks) for candidate in candidates]
    return candidates[int(np.argmax(scores))]


def locate(template, image):
    """Where a template correlates best with an image.

    Args:
        template: `(height, width, channels)` array.
        image: larger array.

    Returns:
        (left, top), and the normalized cross-correlation there, in [-1, 1]; a
        template without any contrast correlates with nothing.
    """
    windows = np.lib.stride_tricks.sliding_window_view(image, template.shape)[
        :, :, 0
    ]
    shape = windows.shape[:2]
    windows = windows.reshape(*shape, -1)
    windows = windows - windows.mean(-1, keepdims=True)
    template = template.ravel() - template.mean()
    lengths = np.linalg.norm(windows, axis=-1) * np.linalg.norm(template)
    scores = windows @ template / np.maximum(lengths, 1e-6)
    top, left = np.unravel_index(scores.argmax(), shape)
    return (left, top), float(scores.max())


def _masks(report, boxes, masks, train, others, model):
    side = masks.shape[1:3]
    truth = _covered(boxes, side)
    train_boxes = detect_key_parts(train, model.num_parts)
    train_masks = _covered(train_boxes, side)
    found = {
        "best constant mask": mask_iou(best_constant_mask(train_masks), truth),
        "boxes at random": mask_iou(_covered(_moved(boxes, side), side), truth),
        "nearest training image": mask_iou(train_masks[others], truth),
    }
    ours = mask_iou(masks > 0.5, truth)
    report.add(
        "intersection over union of masks",
        f"**{ours:.4f}**",
        "",
        f"above 0.5 against the boxes, which are not told; {len(truth):,} test "
        f"images. {_words(found)}",
    )
    report.metrics["mask_iou"] = ours
    report.metrics["mask_iou_of_baselines"] = found


def _appearance(report, test, boxes, x, train, others):
    truth = _covered(boxes, test.shape[1:3])
    found = {
        "nearest training image": _inside(train[others], test, truth),
        "mean training image": _inside(train.mean(0), test, truth),
    }
    ours = _inside(x, test, truth)
    report.add(
        "distance of a pixel inside of the parts, in [0, 1]",
        f"**{ours:.4f}**",
        "",
        f"mean of {len(test):,} test images. {_words(found)}",
    )
    report.metrics["distance_inside"] = ours
    report.metrics["distance_inside_of_baselines"] = found
    report.comparison = ours, "from a pixel inside of the parts", found


def _found_again(report, test, boxes, validity, sets):
    """Which parts are at their places, by cross-correlation at their scale."""
    found, peaks = {}, {}
    for name, images in sets.items():
        hits, scores = [], []
        for i in range(min(_SEARCHED, len(test))):
            for box in boxes[i][validity[i]]:
                left, top, width, height = box
                part = test[i, top : top + height, left : left + width]
                place, score = locate(part, images[i])
                again = np.array([*place, width, height])
                hits.append(float(overlap(box, again)) >= 0.5)
                scores.append(score)
        found[name], peaks[name] = float(np.mean(hits)), float(np.mean(scores))
    ours, *baselines = found
    report.add(
        "parts that are found again at their places",
        f"{found[ours]:.4f}",
        "",
        "where the normalized cross-correlation of a part with the image is "
        f"largest, {len(hits):,} parts. "
        + _words({name: found[name] for name in baselines}),
    )
    report.add(
        "largest cross-correlation of a part with the image",
        f"{peaks[ours]:.4f}",
        "",
        _words({name: peaks[name] for name in baselines}),
    )
    report.metrics["found_again"] = found
    report.metrics["cross_correlation"] = peaks


def _fewer(report, model, test, boxes, patches):
    """Masks and looks of the first part alone, of the first two, and so on."""
    ious, distances = [], []
    for count in range(1, model.num_parts + 1):
        made = model.assemble(patches[:, :count], seed=0)
        truth = _covered(boxes[:, :count], test.shape[1:3])
        ious.append(mask_iou(np.array(made["mask"]) > 0.5, truth))
        distances.append(_inside(np.array(made["x"]), test, truth))
    report.add(
        f"the same of the best 1 to {model.num_parts} parts",
        ", ".join(f"{value:.4f}" for value in ious),
        "",
        "intersection over union with the boxes of these parts; distances "
        "inside of them " + ", ".join(f"{value:.4f}" for value in distances),
    )
    report.metrics["mask_iou_of_first_parts"] = ious
    report.metrics["distance_inside_of_first_parts"] = distances


def _noise(report, model, patches, validity, x):
    again = model.assemble(patches, validity, seed=1)["x"]
    moved = float(np.abs(np.array(again) - x).mean())
    report.add(
        "distance of a pixel between two draws of the noise",
        f"{moved:.4f}",
        "",
        "0: the noise is not heard",
    )
    report.metrics["distance_of_draws"] = moved


def _realness(report, model, x, test):
    ours, real = (
        float(np.mean(model.discriminate(z)["realness"])) for z in (x, test)
    )
    report.add(
        "discriminator on images made: mean realness",
        f"{ours:.3f}",
        "",
        f"of test images {real:.3f}",
    )
    report.metrics["realness"] = ours


def _pictures(report, evaluation):
    model, dataset = evaluation.model, evaluation.dataset
    for name, draw, caption in (
        (
            "assemblies",
            assembly_grid,
            "Test images, their parts, true masks, masks and images made",
        ),
        (
            "numbers",
            numbers_grid,
            f"Images made of the best 1 to {model.max_parts} parts, and masks",
        ),
        (
            "dropped",
            dropped_grid,
            "Images made of all parts, and without each of them, and masks",
        ),
        (
            "combined",
            combined_grid,
            "Two images; parts of the first and the best one of the second; "
            "the other way round",
        ),
    ):
        report.add_figure(name, caption, draw(model, dataset))
    report.add_curves(
        evaluation.history,
        ["d_loss", "spatial_loss", "appearance_loss", "real_accuracy"],
        "losses; shares",
    )


def _small(patches):
    """Patches as short vectors: means of blocks of pixels."""
    count, num_parts, side = patches.shape[:3]
    size = max(1, side // _PATCH_SIDE)
    blocks = patches.reshape(
        count, num_parts, side // size, size, side // size, size, -1
    )
    return blocks.mean((3, 5)).reshape(count, num_parts, -1)


def _moved(boxes, side):
    """Boxes of the same sizes, anywhere in the image."""
    rng = np.random.default_rng(0)
    room = np.array([side[1], side[0]]) - boxes[..., 2:] + 1
    places = (rng.random(room.shape) * room).astype("int32")
    return np.concatenate([places, boxes[..., 2:]], axis=-1)


def _covered(boxes, side):
    return np.array(mask_of_boxes(boxes, *side)) > 0.5


def _inside(x, truth, masks):
    """Mean distance inside of masks, image by image."""
    gaps = np.abs(x - truth).mean(-1, keepdims=True) * masks
    totals = masks.sum((1, 2, 3)).clip(1)
    return float((gaps.sum((1, 2, 3)) / totals).mean())


def _words(found):
    words = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
    return f"{words[0].upper()}{words[1:]}"
