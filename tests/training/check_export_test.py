"""Checks of exported models pass, and are seen to fail."""

import json
import shutil
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export import Signature
from keras_genseq.export import publish
from keras_genseq.models import NADE
from tests.export.toy_model import toy_model
from training.check_export import check_export


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publish(
        toy_model(0), tmp_path_factory.mktemp("root"), "toy", card={}
    )


def folder_of(published, tmp_path):
    """A copy of all versions of the toy, to be damaged."""
    return shutil.copytree(
        published.rpartition("/")[0], tmp_path / "toy", dirs_exist_ok=True
    )


def test_a_sound_model_passes(published):
    lines = check_export(published)
    assert len(lines) == 3 + 4 and all(line.startswith("ok") for line in lines)
    assert "tells of all 4 signatures" in lines[1]
    assert sys.modules["keras"] is keras


def test_python_answers_alike_or_is_told(tmp_path):
    models = []
    for seed in range(2):
        keras.utils.set_random_seed(seed)
        models.append(NADE(6, 4))
        models[-1].save(tmp_path / f"{seed}.keras")
    publish(models[0], tmp_path / "served", "nade", card={})
    path = tmp_path / "served" / "nade"
    lines = check_export(path, tmp_path / "0.keras")
    assert sum("as the Python model" in line for line in lines) > 2
    with pytest.raises(ValueError, match="checks failed"):
        check_export(path, tmp_path / "1.keras")


def test_rows_that_hear_each_other_are_told(tmp_path, capsys):
    class Mixed(keras.Model):
        def serving_signatures(self):
            return {
                "score": Signature(
                    lambda x: {"log_prob": tf.reduce_mean(x[:, 1]) + x[:, 0]},
                    {"x": tf.TensorSpec((None, 4), "float32")},
                    {"x": np.array([[0.0, 0.1, 0.5, 0.7]], "float32")},
                )
            }

    model = Mixed()
    model.built = True
    published = publish(model, tmp_path, "mixed", card={})
    with pytest.raises(ValueError, match="2 of 5 checks failed"):
        check_export(published)
    assert "depend on its own row" in capsys.readouterr().out


def test_another_card_is_told(published, tmp_path, capsys):
    folder = folder_of(published, tmp_path)
    card = json.loads((folder / "card.json").read_text())
    card["signatures"]["score"]["inputs"]["x"]["shape"] = [None, 5]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="1 of 7 checks failed"):
        check_export(folder)
    assert "than the signatures score have" in capsys.readouterr().out


def test_a_model_without_examples_is_told(published, tmp_path, capsys):
    folder = folder_of(published, tmp_path)
    (folder / "1/assets.extra/tf_serving_warmup_requests").unlink()
    with pytest.raises(ValueError, match="4 of 7 checks failed"):
        check_export(folder)
    assert "has no example for signature 'score'" in capsys.readouterr().out


def test_a_region_of_xla_is_told(tmp_path, capsys):
    """Of a model that something else than this package has exported."""
    module = tf.Module()
    compiled = tf.function(lambda x: 2.0 * x, jit_compile=True)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, "x")])
    def double(x):
        return {"x": compiled(x)}

    tf.saved_model.save(module, tmp_path / "1", signatures={"double": double})
    with pytest.raises(ValueError, match="checks failed"):
        check_export(tmp_path)
    assert "The model has a region compiled by XLA" in capsys.readouterr().out
