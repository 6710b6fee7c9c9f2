import errno
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export import Signature
from keras_genseq.export import describe_signatures
from keras_genseq.export import write_saved_model
from tests.export.toy_model import toy_model
from training.query import ServingSession

REQUESTS = {
    "score": {"x": np.linspace(0, 1, 20, dtype="float32").reshape(5, 4)},
    "encode": {"text": np.array(["a", "c b", "", "z", "a a a"], object)},
    "sample": {
        "seed": np.array([1, 2, 3, 1, -5], "int32"),
        "temperature": np.array([1, 0.5, 0, 1, 2], "float32"),
    },
}

# As a server: no Keras, no package of ours, one device.
CLEAN_PROCESS = """
import sys
sys.modules["keras"] = sys.modules["keras_genseq"] = None
import numpy as np
from training.query import ServingSession
session = ServingSession(sys.argv[1])
given = np.load(sys.argv[2], allow_pickle=True)["requests"].item()
answers = {
    (name, rows): session.run(name, **{k: v[:rows] for k, v in inputs.items()})
    for name, inputs in given.items()
    for rows in (1, 5)
}
np.savez(sys.argv[3], answers=np.array(answers, dtype=object))
"""

WRITER = """
import sys
from keras_genseq.export import write_saved_model
from tests.export.toy_model import toy_model
models = [toy_model(seed=1), toy_model(seed=0)]
while True:
    for model in models:
        write_saved_model(model, sys.argv[1])
        print("written", flush=True)
"""


def log_prob(saved_model):
    return ServingSession(saved_model).run("score", **REQUESTS["score"])


def test_answers_in_a_clean_process_as_in_python(model, saved_model, tmp_path):
    asked, answered = tmp_path / "asked.npz", tmp_path / "answered.npz"
    np.savez(asked, requests=np.array(REQUESTS, dtype=object))
    subprocess.run(
        [sys.executable, "-c", CLEAN_PROCESS, saved_model, asked, answered],
        check=True,
    )
    answers = np.load(answered, allow_pickle=True)["answers"].item()
    assert set(answers) == {(k, rows) for k in REQUESTS for rows in (1, 5)}
    for (name, rows), answer in answers.items():
        expected = getattr(model, name)(
            **{key: tf.constant(v[:rows]) for key, v in REQUESTS[name].items()}
        )
        assert set(answer) == set(expected)
        for key, value in expected.items():
            if value.dtype.is_floating:
                np.testing.assert_allclose(answer[key], value, atol=1e-6)
            else:
                np.testing.assert_array_equal(answer[key], value)
    words = answers["encode", 5]["token_ids"].tolist()
    assert words[0] == [1, 0, 0] and words[1] == [3, 2, 0]
    sampled = answers["sample", 5]["x"]
    np.testing.assert_array_equal(sampled[0], sampled[3])
    assert np.abs(sampled[0] - sampled[4]).max() > 0.1


def test_a_bad_request_is_an_invalid_argument_and_the_next_is_served(
    saved_model,
):
    session = ServingSession(saved_model)
    before = session.run("score", **REQUESTS["score"])["log_prob"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"in \[0, 1\]"):
        session.run("score", x=np.full((1, 4), 255, "float32"))
    after = session.run("score", **REQUESTS["score"])["log_prob"]
    np.testing.assert_array_equal(before, after)


def test_signatures_have_the_names_dtypes_and_free_batch(saved_model):
    signatures = describe_signatures(saved_model)
    assert set(signatures) == {"score", "encode", "sample", "serving_default"}
    assert signatures["serving_default"] == signatures["sample"]
    assert signatures["score"] == {
        "inputs": {"x": {"dtype": "float32", "shape": [None, 4]}},
        "outputs": {"log_prob": {"dtype": "float32", "shape": [None]}},
    }
    text = {"dtype": "string", "shape": [None]}
    assert signatures["encode"]["inputs"] == {"text": text}
    assert signatures["encode"]["outputs"]["text"] == text


def test_writes_only_what_signatures_read(model, saved_model):
    written = tf.train.list_variables(str(saved_model / "variables/variables"))
    shapes = sorted(tuple(shape) for _, shape in written if shape)
    assert shapes == sorted([(4,), (4, 4), (4,), (4,), (4,), (4,)])
    assert len(model.weights) == 8


def test_a_model_on_two_replicas_answers_as_on_one(
    model, two_replicas, tmp_path
):
    with two_replicas.scope():
        mirrored = toy_model(seed=3)
    mirrored.set_weights(model.get_weights())
    write_saved_model(mirrored, tmp_path / "outside")
    with two_replicas.scope():
        write_saved_model(mirrored, tmp_path / "inside")
    expected = model.score(**REQUESTS["score"])["log_prob"]
    assert set(os.listdir(tmp_path)) == {"outside", "inside"}
    for folder in tmp_path.iterdir():
        answer = log_prob(folder)["log_prob"]
        np.testing.assert_allclose(answer, expected, atol=1e-6)
        assert b"CPU:1" not in (folder / "saved_model.pb").read_bytes()


def test_replaces_a_saved_model_and_keeps_the_card(model, tmp_path):
    folder = tmp_path / "toy"
    write_saved_model(toy_model(seed=1), folder)
    before = log_prob(folder)["log_prob"]
    write_saved_model(model, folder, card={"paper": "none"})
    assert np.abs(log_prob(folder)["log_prob"] - before).max() > 1e-3
    card = (folder / "assets.extra" / "card.json").read_text()
    assert card == '{\n  "paper": "none"\n}\n'
    assert os.listdir(tmp_path) == ["toy"]


def test_refuses_what_is_no_saved_model(model, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty and holds no SavedM"):
        write_saved_model(model, tmp_path)
    with pytest.raises(ValueError, match="There is a file at"):
        write_saved_model(model, tmp_path / "notes.txt")
    with pytest.raises(ValueError, match="must be a local folder"):
        write_saved_model(model, "gs://bucket/model")
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_fills_an_empty_folder(model, tmp_path):
    write_saved_model(model, tmp_path)
    assert (tmp_path / "saved_model.pb").exists()


@pytest.mark.parametrize(
    "module, name, error",
    [
        (os, "mkdir", OSError(errno.EROFS, "Read-only file system")),
        (os, "open", PermissionError(errno.EACCES, "Permission denied")),
        (os, "fsync", OSError(errno.ENOSPC, "No space left on device")),
        (
            tf.saved_model,
            "save",
            tf.errors.ResourceExhaustedError(None, None, "No space left"),
        ),
    ],
)
def test_an_error_of_the_disk_names_the_folder_and_keeps_what_was_there(
    model, tmp_path, monkeypatch, module, name, error
):
    def fail(*args, **kwargs):
        raise error

    folder = tmp_path / "toy"
    write_saved_model(model, folder)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        with pytest.raises(OSError, match=f"Could not write {folder}"):
            write_saved_model(toy_model(seed=1), folder)
    expected = model.score(**REQUESTS["score"])["log_prob"]
    np.testing.assert_allclose(
        log_prob(folder)["log_prob"], expected, atol=1e-6
    )
    assert os.listdir(tmp_path) == ["toy"]


def test_a_killed_writer_leaves_a_whole_saved_model(model, tmp_path):
    folder = tmp_path / "toy"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, folder],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout.readline() == "written\n"
        time.sleep(np.random.default_rng().uniform(0.0, 0.6))
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    # Between the two renames the old one is aside; else it is in its place.
    (whole,) = [folder] if folder.exists() else tmp_path.glob(".toy.old-*")
    expected = [
        toy_model(seed).score(**REQUESTS["score"])["log_prob"]
        for seed in (0, 1)
    ]
    answer = log_prob(whole)["log_prob"]
    assert any(np.allclose(answer, value, atol=1e-6) for value in expected)
    write_saved_model(model, folder)
    assert os.listdir(tmp_path) == ["toy"]


def scored_by(function):
    model = toy_model()
    model.serving_signatures = lambda: {
        "score": Signature(
            lambda x: {"log_prob": function(x)},
            {"x": tf.TensorSpec((None, 4), "float32")},
            {"x": np.zeros((1, 4), "float32")},
        )
    }
    return model


def test_teaches_where_a_resource_belongs(tmp_path):
    class Elsewhere:
        value = tf.Variable(1.0)

    model = scored_by(lambda x: x[:, 0] * Elsewhere.value)
    with pytest.raises(ValueError, match="in an attribute of the model"):
        write_saved_model(model, tmp_path / "toy")
    assert os.listdir(tmp_path) == []


def test_refuses_answers_that_depend_on_former_requests(tmp_path):
    dropout = keras.layers.Dropout(0.5)
    model = scored_by(lambda x: dropout(x, training=True)[:, 0])
    with pytest.raises(ValueError, match="from a seed in the request"):
        write_saved_model(model, tmp_path / "toy")
