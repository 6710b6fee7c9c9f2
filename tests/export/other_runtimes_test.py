"""Signatures in other runtimes answer as the SavedModel does."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_genseq.export import litert_format
from keras_genseq.export import onnx_format
from keras_genseq.export import publish
from keras_genseq.export import write_saved_model
from keras_genseq.export.other_runtimes import RUNTIMES
from keras_genseq.models import MADE
from keras_genseq.models import VAE
from tests.export.toy_model import toy_model
from training.query import ServingSession

EACH = pytest.mark.parametrize("runtime", RUNTIMES)


def needed(runtime):
    if runtime == "onnx":
        for package in ("tf2onnx", "onnxruntime"):
            pytest.importorskip(
                package, reason=f"needs {package} (the extra `onnx`)"
            )
    return RUNTIMES[runtime]


def exported(model, path, runtime):
    lines = []
    write_saved_model(model, path, runtimes=[runtime], tell=lines.append)
    return lines


def with_signatures(model, *names):
    """The same model, which offers these signatures alone."""
    signatures = model.serving_signatures()
    model.serving_signatures = lambda: {
        name: signatures[name] for name in names
    }
    return model


def runner(path, runtime, name):
    form = RUNTIMES[runtime]
    file = path / "assets.extra" / runtime / (name + form.SUFFIX)
    return form.Runner(str(file))


@EACH
def test_many_rows_are_answered_as_by_the_saved_model(runtime, tmp_path):
    needed(runtime)
    keras.utils.set_random_seed(0)
    model = VAE((4, 4, 1), 3, hidden_units=(6,))
    path = tmp_path / "vae"
    exported(with_signatures(model, "encode"), path, runtime)
    session = ServingSession(path)
    pixels = np.random.default_rng(0).integers(0, 2, (7, 4, 4, 1))
    request = {"x": pixels.astype("float32")}
    answer = runner(path, runtime, "encode")(request)
    expected = session.run("encode", **request)
    assert answer.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(answer[name], value, atol=1e-5)
    assert np.ptp(expected["z"], axis=0).max() > 1e-3


@EACH
def test_says_of_each_signature_whether_it_is_there(runtime, tmp_path):
    form = needed(runtime)
    lines = exported(toy_model(), tmp_path / "toy", runtime)
    told = {line.split()[1]: line for line in lines}
    assert told.keys() == {"score", "encode", "sample"}
    assert all(line.startswith(f"{form.NAME}: ") for line in lines)
    assert told["encode"].endswith("is left out: it has strings.")
    extra = tmp_path / "toy" / "assets.extra"
    written = os.listdir(extra / runtime)
    assert all(
        f"`{name}`" in (extra / "README.md").read_text() for name in written
    )
    assert f"score{form.SUFFIX}" in written
    assert f"encode{form.SUFFIX}" not in written
    for name, line in told.items():
        is_there = f"{name}{form.SUFFIX}" in written
        assert ("answers as the SavedModel does" in line) == is_there
        assert ("is left out" in line) != is_there


@EACH
def test_equal_seeds_draw_equal_samples(runtime, tmp_path):
    needed(runtime)
    keras.utils.set_random_seed(0)
    path = tmp_path / "vae"
    model = VAE((4, 4, 1), 3, hidden_units=(6,))
    exported(with_signatures(model, "sample"), path, runtime)
    session = ServingSession(path)
    request = {
        name: np.repeat(value, 5, axis=0)
        for name, value in session.example("sample").items()
    }
    request["seed"] = np.array([1, 2, 3, 1, 9], "int32")
    answer = runner(path, runtime, "sample")(request)["x"]
    expected = session.run("sample", **request)["x"]
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    np.testing.assert_array_equal(answer[0], answer[3])
    assert np.ptp(expected, axis=0).max() > 1e-3


def test_onnx_takes_the_steps_of_a_loop(tmp_path):
    needed("onnx")
    model = with_signatures(MADE(4, [4], seed=1), "sample")
    path = tmp_path / "made"
    exported(model, path, "onnx")
    request = {
        "seed": np.array([1, 2, 3, 1, 9], "int32"),
        "temperature": np.ones(5, "float32"),
    }
    answer = runner(path, "onnx", "sample")(request)["x"]
    expected = ServingSession(path).run("sample", **request)["x"]
    np.testing.assert_array_equal(answer, expected)
    assert np.ptp(expected, axis=0).any()


def test_what_differs_is_left_out(tmp_path, monkeypatch):
    convert = litert_format.convert

    def wrong(graph, path):
        convert(graph, path)
        monkeypatch.setattr(
            litert_format.Runner,
            "__call__",
            lambda self, request: {"log_prob": np.zeros(len(request["x"]))},
        )

    monkeypatch.setattr(litert_format, "convert", wrong)
    with pytest.raises(ValueError, match="LiteRT can hold no signature"):
        exported(toy_model(), tmp_path / "toy", "litert")
    assert os.listdir(tmp_path) == []


def test_an_output_that_is_called_as_an_input_has_another_name():
    assert onnx_format.output_name("x", {"x": "x:0"}) == "x_out"
    assert onnx_format.output_name("log_prob", {"x": "x:0"}) == "log_prob"


def test_a_model_of_strings_alone_is_refused_before_anything_is_written(
    tmp_path,
):
    model = with_signatures(toy_model(), "encode")
    lines = []
    with pytest.raises(ValueError, match="can hold no signature"):
        publish(
            model,
            tmp_path,
            "texts",
            card={},
            runtimes=["litert"],
            tell=lines.append,
        )
    assert lines == ["LiteRT: encode is left out: it has strings."]
    assert os.listdir(tmp_path / "texts") == []


def test_teaches_which_runtimes_there_are(tmp_path, monkeypatch):
    with pytest.raises(
        ValueError, match=r"of 'onnx', 'litert'\. Received: 'x'"
    ):
        write_saved_model(toy_model(), tmp_path / "toy", runtimes=["x"])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"keras-genseq\[onnx\]"):
        write_saved_model(toy_model(), tmp_path / "toy", runtimes=["onnx"])


def test_an_onnx_file_needs_onnx_runtime_alone(tmp_path):
    needed("onnx")
    exported(toy_model(), tmp_path / "toy", "onnx")
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import json, numpy as np, onnxruntime\n"
        "session = onnxruntime.InferenceSession(sys.argv[1])\n"
        "x = np.full((3, 4), 0.5, 'float32')\n"
        "answer, = session.run(['log_prob'], {'x': x})\n"
        "print(json.dumps(answer.tolist()))\n"
    )
    file = tmp_path / "toy" / "assets.extra" / "onnx" / "score.onnx"
    found = subprocess.run(
        [sys.executable, "-c", code, file],
        capture_output=True,
        text=True,
        check=True,
    )
    x = np.full((3, 4), 0.5, "float32")
    expected = ServingSession(tmp_path / "toy").run("score", x=x)["log_prob"]
    np.testing.assert_allclose(json.loads(found.stdout), expected, atol=1e-6)
