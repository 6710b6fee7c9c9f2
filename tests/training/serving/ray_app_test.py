"""The application of Ray Serve, on a real cluster of this machine."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.export.served_toys import toys  # noqa: F401
from training.query import ServingSession

yaml = pytest.importorskip("yaml", reason="needs PyYAML (the extra `test`)")
ROOT = pathlib.Path(__file__).parents[3]
CONFIG = ROOT / "training" / "cluster" / "ray_serve.yaml"
# Asks the application in a network of its own, whose ports are nobody else's.
INSIDE = """
import json, os, subprocess, sys, time, urllib.error, urllib.request
from training.private_network import enter_private_network

if not enter_private_network():
    print(json.dumps("there is no network of its own"))
    sys.exit()
import ray

ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1")
address = ray.get_runtime_context().gcs_address
code = "from ray.serve.scripts import cli; cli()"
server = subprocess.Popen(
    [sys.executable, "-c", code, "run", sys.argv[1]],
    env={**os.environ, "RAY_ADDRESS": address},
    stdout=sys.stderr,
)


def ask(path, body=None):
    url = "http://127.0.0.1:8501" + path
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data, 30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def wait_for(path, status):
    end = time.monotonic() + 150
    while time.monotonic() < end and server.poll() is None:
        try:
            if ask(path)[0] == status:
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.2)
    raise SystemExit("nobody answers " + path)


try:
    wait_for("/v1/models/toy/versions/1", 200)
    good = {"signature_name": "score", "inputs": [[0.5] * 4, [0.1] * 4]}
    answers = [ask("/v1/models/toy:predict", good)]
    bad = {"signature_name": "score", "inputs": [[9.0] * 4]}
    answers.append(ask("/v1/models/toy:predict", bad))
    answers.append(ask("/v1/models/gone:predict", good))
    os.rename("saved_models/toy/.2", "saved_models/toy/2")
    wait_for("/v1/models/toy/versions/2", 200)
    answers.append(ask("/v1/models/toy:predict", good))
finally:
    server.terminate()
    server.wait()
    ray.shutdown()
print(json.dumps(answers))
"""


def test_the_configuration_is_one_of_ray_serve():
    schema = pytest.importorskip(
        "ray.serve.schema", reason="needs Ray Serve (the extra `ray`)"
    )
    from training.serving import ray_app

    config = schema.ServeDeploySchema(**yaml.safe_load(CONFIG.read_text()))
    (application,) = config.applications
    module, _, name = application.import_path.partition(":")
    assert (module, name) == (ray_app.__name__, ray_app.app.__name__)
    (deployment,) = application.deployments
    assert deployment.name == ray_app.ModelDeployment.name
    assert deployment.autoscaling_config["max_replicas"] > 1
    assert config.http_options.host == "127.0.0.1"


@pytest.mark.slow
def test_answers_as_the_server_does_and_takes_a_new_version(
    toys,  # noqa: F811
    tmp_path,
):
    pytest.importorskip("ray.serve", reason="needs Ray Serve (the extra `ray`)")
    # The second version appears while the first one is served.
    for version, name in (("1", "1"), ("2", ".2")):
        shutil.copytree(
            toys / "toy" / version, tmp_path / "saved_models" / "toy" / name
        )
    done = subprocess.run(
        [sys.executable, "-c", INSIDE, CONFIG],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    if isinstance(answers, str):
        pytest.skip(answers)
    first, bad, gone, second = answers
    x = np.array([[0.5] * 4, [0.1] * 4], "float32")
    for (status, answer), version in ((first, "1"), (second, "2")):
        expected = ServingSession(toys / "toy" / version).run("score", x=x)
        assert status == 200
        np.testing.assert_allclose(
            answer["outputs"], expected["log_prob"], rtol=1e-5
        )
    assert first != second
    assert bad[0] == 400 and "in [0, 1]" in bad[1]["error"]
    assert gone[0] == 404
