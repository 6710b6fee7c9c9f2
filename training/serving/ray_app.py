"""The REST of the stand-in on a cluster of Ray, as many times as it is asked.

Run    serve run training/cluster/ray_serve.yaml

Each replica loads all models of the folder, looks for new versions as
`python -m training serve` does, and answers the same paths. gRPC is not there.
"""

import threading

from ray import serve
from starlette.responses import Response

from training.serving.rest import Rest
from training.serving.service import Limits
from training.serving.service import Service


@serve.deployment
class ModelDeployment:
    """Serves a folder of models.

    Args:
        saved_models: path of the folder, the same on every host.
        poll_seconds: float. How often the folder is looked at.
        **limits: of `Limits`.

    Raises:
        ValueError: if there is no such folder.
    """

    def __init__(self, saved_models, poll_seconds=1.0, **limits):
        self._service = Service(saved_models, Limits(**limits))
        self._service.catalog.refresh()
        self._rest = Rest(self._service)
        self._poll_seconds = poll_seconds
        self._stopped = threading.Event()
        threading.Thread(target=self._poll, daemon=True).start()

    async def __call__(self, request):
        answer = await self._rest.answer(_Request(request))
        return Response(answer.body, answer.status, dict(answer.headers))

    def _poll(self):
        while not self._stopped.wait(self._poll_seconds):
            try:
                self._service.catalog.refresh()
            except OSError as error:
                # A folder may go while it is read: the next look tells.
                print(f"The folder of models cannot be read: {error}")

    def __del__(self):
        # Ray has waited for the answers by then.
        self._stopped.set()
        self._service.close()


class _Request:
    """A request of Starlette with the names that `Rest` reads."""

    def __init__(self, request):
        self.path = request.url.path
        self.method = request.method
        length = request.headers.get("content-length", "")
        self.content_length = int(length) if length.isdecimal() else None
        self.read = request.body


def app(arguments):
    """Builds the application of a configuration file.

    Args:
        arguments: dict: the arguments of `ModelDeployment`.
    """
    return ModelDeployment.bind(**arguments)
