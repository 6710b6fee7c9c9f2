"""The report of a ranker, and its recipe on a user's images."""

import json
import types

import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.instances import eagerly
from tests.training.evaluations.dalle_test import source as captioned_images
from training.__main__ import main
from training.data.captioned_digits import Scene
from training.evaluations.contrastive_ranker import evaluate_contrastive_ranker
from training.fitting_images import _multiples

source = captioned_images


class Ranker:
    """Knows every scene by its label, but for those it takes for others."""

    def __init__(self, taken_for):
        self.taken_for = taken_for

    def encode(self, x):
        labels = x[:, 0, 0, 0].tolist()
        return np.eye(150)[[self.taken_for.get(i, i) for i in labels]]

    def encode_captions(self, token_ids):
        return np.eye(150)[token_ids[:, 0]]

    def count_params(self):
        return 7


def evaluation_of(model, labels):
    labels = np.array(labels)
    rows = {
        "image": labels[:, None, None, None],
        "captions": [[Scene.of(label).captions[0]] for label in labels],
        "label": labels,
        "y": np.stack([labels, 0 * labels], axis=-1)[:, None],
    }
    test = tf.data.Dataset.from_tensor_slices(rows)
    return types.SimpleNamespace(
        model=model,
        dataset=types.SimpleNamespace(splits={"test": test}),
        recipe=types.SimpleNamespace(
            data=types.SimpleNamespace(source="captioned_digits")
        ),
        inputs=lambda split, limit: rows["image"],
        at_most=lambda count: count,
        history=[],
    )


@pytest.mark.parametrize(
    "taken_for, right",
    [
        ({}, {"digit": 1.0, "form": 1.0, "place": 1.0, "class": 1.0}),
        # The same place of the next digit, and the next place.
        ({0: 15}, {"digit": 0.75, "form": 1.0, "place": 1.0, "class": 0.75}),
        ({0: 1}, {"digit": 1.0, "form": 1.0, "place": 0.75, "class": 0.75}),
        ({0: 20}, {"digit": 0.75, "form": 0.75, "place": 1.0, "class": 0.75}),
    ],
)
def test_what_the_nearest_class_says_is_told_apart(taken_for, right):
    evaluation = evaluation_of(Ranker(taken_for), [0, 1, 15, 20])
    found = evaluate_contrastive_ranker(evaluation).metrics
    for name, share in right.items():
        assert found[f"{name}_of_an_image"] == share


def test_the_recipe_learns_a_users_images_and_is_served(source, tmp_path):
    run = tmp_path / "run"
    words = ["train", "contrastive_ranker", "--data", source]
    words += ["--run-dir", str(run)]
    for assignment in (
        "model.hidden_dim=8",
        "model.num_heads=2",
        "model.num_layers=1",
        "steps=3",
        "jit_compile=false",
    ):
        words += ["--set", assignment]
    with eagerly():
        assert main(words) == 0
    results = json.loads((run / "results.json").read_text())
    assert 0.0 <= results["class_of_an_image"] <= 1.0
    assert results["num_parameters"] > 1_000
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 0
    served = str(tmp_path / "out" / "contrastive_ranker")
    assert main(["query", served, "score"]) == 0


def test_sides_are_multiples_of_what_a_token_is_made_of():
    options = {"patch_size": 2, "stem": {"filters": 4, "strides": 1}}
    assert _multiples("contrastive_ranker", options) == (4, 4)
    options = {"patch_size": (2, 3), "stem": None}
    assert _multiples("VisionTransformer", options) == (2, 3)
