import json
import re
import shlex

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export import Signature
from keras_genseq.export import describe_signatures
from keras_genseq.export.documentation import describe
from keras_genseq.export.documentation import documentation
from training.query import ServingSession


def repeat(size, dtype="float32"):
    example = np.full((1, size), 0.5, dtype)
    spec = tf.TensorSpec((None, size), dtype)
    notes = {"x": {"description": "what comes", "minimum": 0, "maximum": 9}}
    signature = Signature(
        lambda x: {"x": x}, {"x": spec}, {"x": example}, "repeats", notes
    )
    tensors = {"x": {"dtype": dtype, "shape": [None, size]}}
    described = {"inputs": tensors, "outputs": tensors}
    return signature, described, {"x": example}


def written(size, **kwargs):
    signature, described, answer = repeat(size, **kwargs)
    signatures = {"repeat": signature}
    described = describe(signatures, {"repeat": described})
    return documentation(
        "echo", "An echo.", signatures, described, {"repeat": answer}
    )


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)\n```", text, re.DOTALL)


def test_a_row_of_the_table_says_all_of_an_input():
    text = written(2)
    row = "| `x` | float32 | (rows, 2) | what comes | 0 to 9 |  |"
    assert row in text.splitlines()
    assert "Repeats." in text and "An echo." in text


def test_a_short_request_can_be_sent_as_it_stands():
    (command,) = blocks(written(2), "sh")
    program, url, option, body = shlex.split(command)
    assert (program, option) == ("curl", "-d")
    assert url.endswith("/v1/models/echo:predict")
    assert json.loads(body) == {
        "signature_name": "repeat",
        "inputs": {"x": [[0.5, 0.5]]},
    }


def test_a_long_request_is_made_by_the_python_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = written(100)
    assert blocks(text, "sh")[0].endswith("-d @request.json")
    exec(blocks(text, "python")[0], {})
    request = json.loads((tmp_path / "request.json").read_text())
    assert request["inputs"]["x"] == [[0.5] * 100]
    # One output alone is the answer, without its name.
    (answer,) = blocks(text, "json")
    assert json.loads(answer) == {"outputs": [[0.5] * 6 + ["..."]]}


def test_python_that_a_readme_shows_answers_as_it_shows(model, saved_model):
    text = (saved_model / "assets.extra" / "README.md").read_text()
    assert text.startswith("# toy\n\n`ToyModel`: Scores images")
    assert "`serving_default` is `sample`." in text
    code = blocks(text, "python")[-1].replace("VERSION", str(saved_model))
    found = []
    exec(code, {"print": found.append})
    (shown,) = blocks(text, "json")
    expected = json.loads(shown)["outputs"]
    np.testing.assert_allclose(found[0]["x"], expected, atol=1e-5)
    for name in describe_signatures(saved_model):
        assert (f"## `{name}`" in text) == (name != "serving_default")


def test_the_request_of_a_readme_is_one_that_is_answered(saved_model):
    text = (saved_model / "assets.extra" / "README.md").read_text()
    body = json.loads(shlex.split(blocks(text, "sh")[0])[-1])
    session = ServingSession(saved_model)
    assert session.run(body["signature_name"], **body["inputs"])


@pytest.mark.parametrize("text, shown", [(b"a\xff", "b64"), ("gr\u00fc", "gr")])
def test_bytes_that_are_no_text_are_sent_as_a_server_reads_them(text, shown):
    example = {"text": np.array([text], object)}
    signature = Signature(
        lambda text: {"text": text},
        {"text": tf.TensorSpec((None,), tf.string)},
        example,
    )
    tensors = {"text": {"dtype": "string", "shape": [None]}}
    described = {"echo": {"inputs": tensors, "outputs": tensors}}
    answers = {"echo": example}
    signatures = {"echo": signature}
    body = shlex.split(
        blocks(documentation("echo", "", signatures, described, answers), "sh")[
            0
        ]
    )[-1]
    assert shown in str(json.loads(body)["inputs"]["text"])
