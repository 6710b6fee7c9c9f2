"""`query --url` asks a server as `query` asks a folder."""

import json

import numpy as np
import pytest

from tests.export.served_toys import toys  # noqa: F401
from training.__main__ import main
from training.query import query
from training.serving import running_server


@pytest.fixture(scope="module")
def server(toys):  # noqa: F811
    with running_server(toys, tell=lambda sentence: None) as server:
        yield server


@pytest.mark.parametrize("scheme", ["url", "grpc_url"])
def test_answers_as_the_folder_does(server, toys, tmp_path, capsys, scheme):  # noqa: F811
    url = ["--url", getattr(server, scheme)]
    inputs = ["seed=[1,2]", "temperature=[1,0.5]"]
    expected = query(str(toys / "nade"), "sample", inputs)
    capsys.readouterr()
    options = [word for each in inputs for word in ("--input", each)]
    output = tmp_path / "answer.npz"
    command = ["query", "nade", "sample", *options, *url]
    assert main([*command, "--output", str(output)]) == 0
    printed = json.loads(capsys.readouterr().out)
    np.testing.assert_array_equal(printed["x"], expected["x"])
    np.testing.assert_array_equal(np.load(output)["x"], expected["x"])
    # One temperature counts for all, and the card knows the usual one.
    for rest in (["--input", "temperature=1"], ["--cards", str(toys)]):
        command = ["query", "nade", "sample", "--input", "seed=[1,2]"]
        assert main([*command, *rest, *url]) == 0
    out = capsys.readouterr().out
    assert out.count('"x"') == 2


@pytest.mark.parametrize(
    "words, message",
    [
        (["nade", "none"], "no signature 'none'"),
        (["none", "score"], "NOT_FOUND: There is no model 'none'"),
        (["nade", "score"], "Missing inputs: ['x']"),
        (["nade", "score", "--input", "x=[[2,0,0,0,0,0]]"], "INVALID_ARGUMENT"),
        (["nade", "score", "--input", "y=1"], "Unknown inputs: ['y']"),
        (["nade", "score", "--version", "7"], "no version 7"),
        (["nade", "score", "--label", "stable"], "no label 'stable'"),
    ],
)
def test_errors_are_one_sentence(server, capsys, words, message):
    assert main(["query", *words, "--url", server.url]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
