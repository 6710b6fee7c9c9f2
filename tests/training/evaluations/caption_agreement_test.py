import types

import numpy as np
import pytest

from training.data.captioned_digits import ATTRIBUTES
from training.data.captioned_digits import NUM_SCENES
from training.data.captioned_digits import Scene
from training.data.captioned_digits import load_captioned_digits
from training.data.captioned_digits import load_digit_scenes
from training.evaluations.caption_agreement import agreement
from training.evaluations.caption_agreement import caption_sets
from training.evaluations.caption_agreement import report_agreement
from training.report import Report


class Judge:
    """Reads an attribute off the first pixel, which is the scene's number."""

    def __init__(self, name):
        self.model, self.name = self, name

    def classify(self, images):
        scenes = [Scene.of(round(255 * float(x[0, 0, 0]))) for x in images]
        values = [getattr(scene, self.name) for scene in scenes]
        one_hot = np.eye(10)[values]
        return {"probabilities": types.SimpleNamespace(numpy=lambda: one_hot)}

    def __str__(self):
        return "a judge"


JUDGES = {name: Judge(name) for name in ATTRIBUTES}


def images_of(labels):
    return np.asarray(labels)[:, None, None, None] * np.ones((1, 2, 2, 1)) / 255


def evaluation_of(source="captioned_digits", **kwargs):
    return types.SimpleNamespace(
        recipe=types.SimpleNamespace(data=types.SimpleNamespace(source=source)),
        at_most=lambda count: count,
        **kwargs,
    )


def test_agreement_counts_each_attribute_and_all():
    wanted = [Scene(1, 0, 0), Scene(2, 1, 1), Scene(3, 2, 2), Scene(4, 0, 3)]
    shown = [Scene(1, 0, 0), Scene(2, 0, 1), Scene(7, 2, 4), Scene(4, 0, 3)]
    found = agreement(
        JUDGES,
        images_of([scene.label for scene in shown]),
        [scene.label for scene in wanted],
    )
    assert found == {"digit": 0.75, "form": 0.75, "place": 0.75, "all": 0.5}


def test_sets_keep_words_that_never_came_together_apart():
    sets = caption_sets(evaluation_of(), 300)
    (seen, seen_labels), (never, never_labels) = sets.values()
    assert len(seen) == len(never) == 300
    assert not any(Scene.of(label).is_held_out for label in seen_labels)
    assert all(Scene.of(label).is_held_out for label in never_labels)
    assert len(set(never)) == 2 * 15
    for captions, labels in sets.values():
        for caption, label in zip(captions, labels, strict=True):
            assert caption in Scene.of(label).captions


def test_test_captions_of_other_data():
    dataset = load_captioned_digits()
    evaluation = evaluation_of("captions:mine", dataset=dataset)
    captions, labels = caption_sets(evaluation, 5)["test captions"]
    assert [Scene.of(label).captions[0] for label in labels] == captions


def test_a_report_has_a_row_for_each_set():
    report = Report(title="")
    by_caption = {
        caption: label
        for label in range(NUM_SCENES)
        for caption in Scene.of(label).captions
    }

    def generate(captions):
        return images_of([by_caption[caption] for caption in captions])

    report_agreement(report, evaluation_of(judges=JUDGES), generate, count=20)
    assert [row[1] for row in report.rows] == ["100.0%", "100.0%"]
    assert report.metrics["agreement_all_combinations_never_seen"] == 1.0
    report_agreement(report, evaluation_of(judges={}), generate)
    assert len(report.rows) == 2


def test_digit_scenes_show_every_combination_by_one_attribute():
    dataset = load_digit_scenes("form")
    assert (dataset.num_classes, dataset.size("train")) == (3, 7782)
    row = next(dataset.splits["train"].as_numpy_iterator())
    assert set(row) == {"image", "label"}
    with pytest.raises(ValueError, match="Scenes have the attributes digit"):
        load_digit_scenes("color")
