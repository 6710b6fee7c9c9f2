"""Examples in docstrings are code that runs as it stands."""

import ast
import importlib
import pathlib
import re
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_genseq
from keras_genseq import layers
from keras_genseq import losses
from keras_genseq import metrics
from keras_genseq import models
from keras_genseq import samplers
from keras_genseq import tokenizers

PACKAGE = pathlib.Path(keras_genseq.__file__).parent
FOLDERS = (
    "export",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "samplers",
    "tokenizers",
)
# What an example may use without importing it.
NAMES = {
    "keras": keras,
    "keras_genseq": keras_genseq,
    "np": np,
    "tf": tf,
    **{
        module.__name__.rpartition(".")[2]: module
        for module in (layers, losses, metrics, models, samplers, tokenizers)
    },
}
SHORT = ("independent_model", "nade", "vae")
_FENCED = re.compile(r"```python\n(.*?)```", re.S)


def docstrings(path):
    """Pairs of a name and the docstring of all that a file defines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "name", path.stem), text


def examples(text):
    """What stands under each heading `Example:` of a docstring."""
    lines, inside, fenced = [], False, False
    for line in [*text.splitlines(), "End:"]:
        fenced ^= line.startswith("```")
        is_heading = not fenced and re.fullmatch(r"[A-Z][\w ]*:", line)
        if is_heading and inside:
            yield "\n".join(lines)
        if is_heading:
            lines, inside = [], line == "Example:"
        else:
            lines.append(line)


def sections():
    """Triples of a file, a name and the text under `Example:`."""
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            for name, text in docstrings(path):
                for section in examples(text):
                    yield path, name, section


def cases():
    for path, name, section in sections():
        code = "\n".join(_FENCED.findall(section))
        place = path.relative_to(PACKAGE).as_posix()
        # A model is traced and compiled for its example: a few by default.
        is_long = place.startswith("models/") and path.stem not in SHORT
        yield pytest.param(
            path,
            section,
            code,
            id=f"{place}::{name}",
            marks=pytest.mark.slow if is_long else (),
        )


@pytest.mark.parametrize("path, section, code", cases())
def test_an_example_runs(path, section, code, tmp_path, monkeypatch):
    outside = _FENCED.sub("", section)
    assert code and "```" not in outside, "an example without a fence"
    monkeypatch.chdir(tmp_path)
    public = {}
    for name in ("layers", "losses", "metrics", "samplers", "tokenizers"):
        module = importlib.import_module(f"keras_genseq.{name}")
        public.update(
            (k, v) for k, v in vars(module).items() if not k.startswith("_")
        )
    exec(textwrap.dedent(code), {**public, **NAMES})


def test_there_are_examples():
    assert len(list(sections())) >= 8
