import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export import publish
from tests.export.toy_model import toy_model
from training.query import ServingSession
from training.query import print_answer
from training.query import query
from training.query import sentence_of

WITHOUT_KERAS = """
import sys
sys.modules["keras"] = sys.modules["keras_genseq"] = None
from training.query import query
query(sys.argv[1])
assert not any(name.startswith("keras_genseq.") for name in sys.modules)
assert sys.modules["keras"] is None
"""


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    for seed in (1, 0):
        publish(toy_model(seed), root, "toy", card={})
    return str(root / "toy")


@pytest.fixture(scope="module")
def session(versions):
    return ServingSession(versions)


def score(x):
    return toy_model(0).score(tf.constant(x))["log_prob"].numpy()


def test_runs_without_keras_and_without_the_package(versions):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS, versions],
        check=True,
        capture_output=True,
        text=True,
    )
    answer = json.loads(done.stdout)
    assert np.shape(answer["x"]) == (1, 4)


def test_takes_the_highest_version(versions, session):
    assert session.path == versions + "/2"
    x = np.full((1, 4), 0.25, "float32")
    np.testing.assert_allclose(
        session.run("score", x=x)["log_prob"], score(x), atol=1e-6
    )
    older = ServingSession(versions + "/1").run("score", x=x)["log_prob"]
    assert np.abs(older - score(x)).max() > 1e-3


def test_sends_the_example_when_nothing_is_given(versions, capsys):
    query(versions, "score")
    printed = json.loads(capsys.readouterr().out)
    expected = score(np.full((1, 4), 0.5, "float32"))
    np.testing.assert_allclose(printed["log_prob"], expected, atol=1e-6)
    query(versions, "encode")
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"text": ["b a"], "token_ids": [[2, 1]]}


def test_what_is_left_out_has_the_value_that_the_card_tells(tmp_path):
    publish(toy_model(0), tmp_path, "toy", card={})
    card = tmp_path / "toy" / "card.json"
    told = json.loads(card.read_text())
    told["signatures"]["sample"]["inputs"]["temperature"]["default"] = 0.5
    told["signatures"]["sample"]["inputs"]["of_another_version"] = {
        "default": 1
    }
    card.write_text(json.dumps(told))
    toy = str(tmp_path / "toy")
    short = query(toy, "sample", ["seed=[1, 2]"])["x"]
    whole = query(toy, "sample", ["seed=[1, 2]", "temperature=[0.5, 0.5]"])
    np.testing.assert_array_equal(short, whole["x"])
    card.write_text("[")
    with pytest.raises(ValueError, match="Missing inputs"):
        query(toy, "sample", ["seed=[1, 2]"])


def test_reads_files_and_literals(versions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.array([[0, 51], [102, 255]], "uint8")
    x = (pixels.reshape(1, 4) / 255).astype("float32")
    np.save("x.npy", x)
    np.savez("x.npz", images=x)
    png = tf.io.encode_png(pixels[:, :, None]).numpy()
    (tmp_path / "x.png").write_bytes(png)
    given = ["x.npy", "x.npz:images", "x.png", str(x.tolist())]
    for value in given:
        answer = query(versions, "score", [f"x={value}"])
        np.testing.assert_allclose(answer["log_prob"], score(x), atol=1e-6)
    answer = query(versions, "encode", ["text=['a c', \"b\"]"])
    assert answer["token_ids"].tolist() == [[1, 3], [2, 0]]
    answer = query(versions, "sample", ["seed=[1,2]", "temperature=[1,0]"])
    assert np.any(answer["x"][0] != answer["x"][1])


def test_prints_long_arrays_in_short_and_keeps_them_whole(
    versions, tmp_path, capsys
):
    filepath = str(tmp_path / "answer.npz")
    inputs = [f"seed={[*range(9)]}", f"temperature={[1] * 9}"]
    answer = query(versions, "sample", inputs, output=filepath)
    printed = json.loads(capsys.readouterr().out)["x"]
    assert (printed["shape"], printed["dtype"]) == ([9, 4], "float32")
    assert printed["min"] == pytest.approx(answer["x"].min())
    assert printed["max"] == pytest.approx(answer["x"].max())
    np.testing.assert_array_equal(np.load(filepath)["x"], answer["x"])
    query(versions, "encode", output=filepath)
    assert np.load(filepath)["text"].tolist() == [b"b a"]


@pytest.mark.parametrize(
    "signature, inputs, message",
    [
        ("draw", [], "no signature 'draw'. It has: encode, sample, score"),
        ("score", ["y=[[1]]"], r"Unknown inputs: \['y'\]. Missing.*\['x'\]"),
        (
            "sample",
            ["seed=[1]"],
            r"^Missing inputs: \['temperature'\].*float32",
        ),
        ("score", ["x"], "given as name=value"),
        ("score", ["x=[1]", "x=[2]"], "'x' is given twice"),
        ("score", ["x=[1, 1, 1, 1]"], r"\(None, 4\). Received.*\(4,\)"),
        ("score", ["x=[[1, 1], [1]]"], "rows of several lengths"),
        ("score", ["x=[['a', 'b', 'c', 'd']]"], "float32.*Received: dtype <U1"),
        ("score", ["x=hello"], "or a literal such as"),
        ("score", ["x=none.npy"], "cannot read none.npy"),
        ("encode", ["text=[1]"], "must have dtype string"),
        ("sample", ["seed=[1.5]", "temperature=[1]"], "int32.*float64"),
        ("sample", ["seed=[9999999999]", "temperature=[1]"], "out of range"),
    ],
)
def test_teaches_before_the_session_runs(
    versions, monkeypatch, signature, inputs, message
):
    def run(*args, **kwargs):
        raise AssertionError("The session ran.")

    real = ServingSession.__init__

    def loaded(self, path):
        real(self, path)
        monkeypatch.setattr(self._session, "run", run)

    monkeypatch.setattr(ServingSession, "__init__", loaded)
    with pytest.raises(ValueError, match=message):
        query(versions, signature, inputs)


def test_an_array_must_have_the_kind_of_the_signature(session):
    with pytest.raises(ValueError, match=r"float32.*Received: dtype uint8"):
        session.run("score", x=np.ones((1, 4), "uint8"))
    exact = session.run("score", x=np.ones((1, 4), "float32"))
    wide = session.run("score", x=np.ones((1, 4), "float64"))
    literal = session.run("score", x=[[1, 1, 1, 1]])
    assert exact["log_prob"] == wide["log_prob"] == literal["log_prob"]


def test_a_refusal_of_the_model_is_a_sentence(versions):
    with pytest.raises(ValueError) as raised:
        query(versions, "score", ["x=[[2, 0, 0, 0]]"])
    assert str(raised.value) == (
        "The model refuses the request: `x` must be an image with pixels in "
        "[0, 1]."
    )


def test_says_where_there_is_no_saved_model(versions, tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        ServingSession(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"folder of versions.*\['toy'\]"):
        (tmp_path / "toy").mkdir()
        ServingSession(tmp_path)


def test_a_version_that_no_server_reads_is_none(versions, tmp_path):
    root = tmp_path / "toy"
    shutil.copytree(versions, root)
    shutil.copytree(root / "1", root / str(10**23))
    assert ServingSession(root).path == str(root / "2")


def test_describes_signatures_by_specs(session):
    inputs = session.signatures["sample"]["inputs"]
    assert inputs["seed"] == tf.TensorSpec((None,), "int32", "seed")
    assert not [name for name in session.signatures if name.startswith("__")]


def test_an_answer_that_cannot_be_kept_is_told_and_spoils_nothing(tmp_path):
    answer, kept = {"x": np.ones(2)}, tmp_path / "answer.npz"
    print_answer(answer, str(kept))
    np.testing.assert_array_equal(np.load(kept)["x"], answer["x"])
    with pytest.raises(OSError, match=r"Could not write .*untouched"):
        print_answer(answer, str(tmp_path / "no" / "answer.npz"))
    assert [path.name for path in tmp_path.iterdir()] == ["answer.npz"]


def test_the_words_of_an_assertion_are_as_they_were_written():
    message = 'Cut "x", `y.astype("int32")`, or it\'s a \\ too long.'

    @tf.function
    def refuse(x):
        tf.debugging.Assert(x > 0, [message])
        return x

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        refuse(tf.constant(-1))
    assert sentence_of(caught.value) == message
