"""Kept models in one line."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import keras_genseq
from keras_genseq.models import NADE
from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.tokenizers import ByteTokenizer

ROOT = pathlib.Path(__file__).parent.parent
BITS = np.eye(4, dtype="float32")


@pytest.fixture(scope="module")
def model():
    return NADE(4, 2)


def same(loaded, model):
    np.testing.assert_array_equal(loaded.log_prob(BITS), model.log_prob(BITS))


def test_a_file_and_the_newest_model_of_a_run(model, tmp_path):
    model.save(tmp_path / "mine.keras")
    same(keras_genseq.load(tmp_path / "mine.keras"), model)
    run = tmp_path / "run"
    for name in ("model-before", "phases/2/model", "phases/10/model", "model"):
        kept = NADE(4, 2)
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        kept.save(run / f"{name}.keras")
        same(keras_genseq.load(str(run)), kept)
        # What desktops and notebooks leave in folders.
        (run / "phases" / ".DS_Store").mkdir(parents=True, exist_ok=True)
        model.save(run / "phases" / ".DS_Store" / "model.keras")


def test_signatures_of_the_highest_version(model, tmp_path, caplog):
    for version in (9, 10):
        (NADE(4, 2) if version == 9 else model).export(tmp_path / str(version))
    for path in (tmp_path, tmp_path / "10"):
        served = keras_genseq.load(path)
        assert {"score", "sample", "complete"} <= set(served)
        found = served["score"](x=BITS)["log_prob"]
        np.testing.assert_allclose(found, model.log_prob(BITS), rtol=1e-5)
    drawn = served["sample"](seed=[1, 2], temperature=[1.0, 1.0])["x"]
    assert drawn.shape == (2, 4) and len(served) == len(list(served))
    assert "score" in repr(served)
    with pytest.raises(ValueError, match=r"takes x\. Received: y"):
        served["score"](y=BITS)
    with pytest.raises(ValueError, match=r"`seed` must be int32 .*\[1\.5\]"):
        served["sample"](seed=[1.5], temperature=[1.0])
    with pytest.raises(KeyError, match=r"There are: .*score"):
        served["paint"]
    with pytest.raises(AttributeError, match=r"`served\['sample'\]`\. There"):
        served.sample(seed=[1], temperature=[1.0])
    assert "gradient" not in caplog.text


def test_what_is_no_model_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no .*gone"):
        keras_genseq.load(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="holds no model"):
        keras_genseq.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="has not ended"):
        keras_genseq.load(tmp_path)
    (tmp_path / "model.keras").write_text("no zip")
    with pytest.raises(ValueError, match="cannot be loaded as a Keras model"):
        keras_genseq.load(tmp_path)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(ValueError, match="cannot be loaded as a SavedModel"):
        keras_genseq.load(tmp_path)


def test_the_package_alone_knows_every_kept_class(tmp_path):
    path = tmp_path / "model.keras"
    RecurrentLanguageModel(257, 3, tokenizer=ByteTokenizer()).save(path)
    code = "import sys, keras_genseq, keras; "
    code += "print(type(keras.saving.load_model(sys.argv[1])).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["RecurrentLanguageModel"]
