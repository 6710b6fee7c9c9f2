import json

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import ImageClassifier
from training.__main__ import main
from training.data.labelled_images import labelled
from training.evaluations.classifier import weights_hash


def test_a_run_of_the_classifier_reports_which_one_it_is(tmp_path):
    run = tmp_path / "run"
    command = ["train", "classifier", "--run-dir", str(run), "--steps", "100"]
    command += ["--strategy", "one_device"]
    assert main([*command, "--set", "steps_per_execution=1"]) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["accuracy"] > 0.8
    report = (run / "report.md").read_text()
    assert results["weights_hash"] in report
    assert "the most frequent class, has 0.9: learned" in report


def test_the_hash_is_that_of_the_weights():
    model = ImageClassifier((4, 4, 1), 2, filters=(1, 1), hidden_units=2)
    before = weights_hash(model)
    assert len(before) == 16 and before == weights_hash(model)
    weights = model.get_weights()
    weights[0].flat[0] += 1.0
    model.set_weights(weights)
    assert weights_hash(model) != before


def test_examples_without_labels_are_refused():
    split = tf.data.Dataset.from_tensors({"image": np.zeros((4, 4, 1))})
    with pytest.raises(
        ValueError, match=r"needs examples with `label`.*: image"
    ):
        labelled(split)
