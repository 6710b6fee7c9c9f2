"""Imports go down the stairs, never up or sideways."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent

# What each room may import from the house.
ALLOWED = {
    "keras_genseq/ops": {"keras_genseq/ops"},
    "keras_genseq/layers": {"keras_genseq/ops", "keras_genseq/layers"},
    "keras_genseq/losses": {"keras_genseq/ops", "keras_genseq/losses"},
    "keras_genseq/metrics": {"keras_genseq/ops", "keras_genseq/metrics"},
    "keras_genseq/samplers": {"keras_genseq/ops", "keras_genseq/samplers"},
    "keras_genseq/tokenizers": {"keras_genseq/ops", "keras_genseq/tokenizers"},
    "keras_genseq/export": {"keras_genseq/export", "keras_genseq"},
    "keras_genseq/models": {
        f"keras_genseq/{room}"
        for room in (
            "ops",
            "layers",
            "losses",
            "metrics",
            "samplers",
            "tokenizers",
            "export",
            "models",
        )
    },
    # Readers know no model; words are split as their tokenizer splits them.
    "training/data": {"training/data", "keras_genseq/tokenizers"},
}
FILES = sorted(
    path
    for folder in ("keras_genseq", "training")
    for path in (ROOT / folder).rglob("*.py")
)


def room(name):
    """`keras_genseq/ops` for `keras_genseq.ops.masks`."""
    return "/".join(name.split(".")[:2])


def imports(source):
    """Modules of the house that a source text imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(path, source):
    here = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if here.startswith("keras_genseq") and here not in ALLOWED:
        return []
    return [
        name
        for name in imports(source)
        if name.split(".")[0] in ("keras_genseq", "training")
        and here in ALLOWED
        and room(name) not in ALLOWED[here]
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    assert not forbidden(path, path.read_text())


def test_an_import_upwards_is_found():
    path = ROOT / "keras_genseq" / "ops" / "masks.py"
    assert forbidden(path, "from keras_genseq.models import NADE")
    assert forbidden(path, "def f():\n    import training.train")
    assert not forbidden(path, "from keras_genseq.ops import scan")


def test_query_needs_no_package_of_ours():
    source = (ROOT / "training" / "query.py").read_text()
    names = {name.split(".")[0] for name in imports(source)}
    assert not names & {"keras", "keras_genseq"}
