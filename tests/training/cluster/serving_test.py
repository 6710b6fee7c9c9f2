"""The manifests start TensorFlow Serving as the README does."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["serving.yaml", "serving_compose.yaml"])
def test_manifests_pass_the_options_of_the_readme(name):
    readme = (ROOT / "README.md").read_text()
    manifest = (ROOT / "training" / "cluster" / name).read_text()
    options = re.findall(r"--\w+=[\w/.]+", readme.partition("docker run")[2])
    assert len(options) == 4
    assert re.findall(r"- (--\w+=\S+)", manifest) == options
