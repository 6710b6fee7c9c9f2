"""The manifests start TensorFlow Serving as the README does."""

import importlib
import pathlib
import re

import pytest

yaml = pytest.importorskip("yaml", reason="needs PyYAML (the extra `test`)")
ROOT = pathlib.Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["serving.yaml", "serving_compose.yaml"])
def test_manifests_pass_the_options_of_the_readme(name):
    readme = (ROOT / "README.md").read_text()
    manifest = (ROOT / "training" / "cluster" / name).read_text()
    options = re.findall(r"--\w+=[\w/.]+", readme.partition("docker run")[2])
    assert len(options) == 4
    assert re.findall(r"- (--\w+=\S+)", manifest) == options


def kserve():
    path = ROOT / "training" / "cluster" / "kserve.yaml"
    return yaml.safe_load(path.read_text())


def test_kserve_serves_what_the_deployment_serves():
    service = kserve()
    assert service["apiVersion"] == "serving.kserve.io/v1beta1"
    assert service["kind"] == "InferenceService"
    model = service["spec"]["predictor"]["model"]
    assert model["modelFormat"] == {"name": "tensorflow"}
    path = ROOT / "training" / "cluster" / "serving.yaml"
    claim, deployment, *_ = yaml.safe_load_all(path.read_text())
    name = service["metadata"]["name"]
    assert model["storageUri"] == f"pvc://{claim['metadata']['name']}/{name}"
    probe = model["readinessProbe"]["httpGet"]["path"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert probe == container["readinessProbe"]["httpGet"]["path"]
    assert probe == f"/v1/models/{name}"


def test_kserve_keeps_its_schema():
    """By the classes of KServe's own package, as far down as they go."""
    models = pytest.importorskip(
        "kserve.models",
        reason="needs the package kserve",
        exc_type=ImportError,
    )
    document = kserve()
    check(document, models.V1beta1InferenceService)
    with pytest.raises(AssertionError, match="storageURI"):
        model = document["spec"]["predictor"]["model"]
        model["storageURI"] = model.pop("storageUri")
        check(document, models.V1beta1InferenceService)


def check(document, schema):
    """Every key is one of the schema, and so are those below it."""
    names = {public: own for own, public in schema.attribute_map.items()}
    for key, value in document.items():
        assert key in names, key
        kind = schema.openapi_types[names[key]]
        below = None
        for module in ("kserve.models", "kubernetes.client"):
            below = below or getattr(
                importlib.import_module(module), kind, None
            )
        if below is not None and isinstance(value, dict):
            check(value, below)
