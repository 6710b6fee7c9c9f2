"""TensorFlow Serving itself takes the folder, and the same clients."""

import shutil
import socket
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.export import promote
from keras_genseq.serving import Client
from keras_genseq.serving import ServerError
from tests.export.toy_model import toy_model

PROGRAM = shutil.which("tensorflow_model_server")
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="there is no tensorflow_model_server on the PATH"
)
X = np.array([[0.25] * 4, [0.5] * 4], "float32")


@pytest.fixture(scope="module")
def urls(toys, tmp_path_factory):
    root = shutil.copytree(toys, tmp_path_factory.mktemp("served") / "root")
    promote(root, "toy", 1)
    config = (root / "models.config").read_text()
    (root / "models.config").write_text(config.replace("/models/", f"{root}/"))
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    process = subprocess.Popen(
        [
            PROGRAM,
            f"--port={ports[0]}",
            f"--rest_api_port={ports[1]}",
            f"--model_config_file={root}/models.config",
            "--allow_version_labels_for_unavailable_models=true",
            f"--monitoring_config_file={root}/monitoring.config",
            "--enable_batching",
            f"--batching_parameters_file={root}/batching.config",
        ]
    )
    urls = [f"grpc://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"]
    try:
        with Client(urls[0]) as client:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                try:
                    client.status("toy", timeout=5)
                    break
                except ServerError:
                    time.sleep(0.2)
        yield urls
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("protocol", [0, 1])
def test_answers_by_version_and_label(urls, toys, protocol):
    with Client(urls[protocol], cards=toys) as client:
        for label, seed in (("stable", 1), ("canary", 0)):
            answer = client.call("toy", "score", {"x": X}, label=label)
            expected = toy_model(seed).score(tf.constant(X))["log_prob"]
            np.testing.assert_allclose(answer["log_prob"], expected, atol=1e-5)
        rows = client.call("nade", "sample", num_rows=3)["x"]
        assert set(np.unique(rows)) <= {0.0, 1.0}
        answer = client.call("toy", "encode", {"text": ["b a"]})
        assert answer["text"].tolist() == ["b a"]
        assert answer["token_ids"].tolist() == [[2, 1]]
        with pytest.raises(ServerError) as raised:
            client.call("toy", "score", {"x": X + 1})
        assert raised.value.code == "INVALID_ARGUMENT"
