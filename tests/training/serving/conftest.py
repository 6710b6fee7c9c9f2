import http.client
import json
import urllib.parse

import pytest

from tests.export.served_toys import toys  # noqa: F401
from training.serving import running_server


@pytest.fixture(scope="module")
def server(toys):  # noqa: F811
    with running_server(toys, tell=lambda sentence: None) as server:
        yield server


@pytest.fixture(scope="module")
def ask(server):
    """Asks over HTTP: status and decoded body."""
    return Asker(server.url)


class Asker:
    def __init__(self, url):
        self._connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(url).netloc, timeout=60
        )

    def __call__(self, path, body=None, method=None):
        if isinstance(body, dict):
            body = json.dumps(body)
        method = method or ("GET" if body is None else "POST")
        self._connection.request(method, path, body)
        response = self._connection.getresponse()
        text = response.read()
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.status, json.loads(text) if is_json else text
