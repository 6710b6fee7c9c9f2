"""Clients of a server of models, blocking and not."""

import asyncio
import json
import math
import os
import random
import threading
import time

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import check_numbers
from keras_genseq.serving.errors import ServerError
from keras_genseq.serving.request import as_strings
from keras_genseq.serving.request import complete
from keras_genseq.serving.transports import GrpcTransport
from keras_genseq.serving.transports import RestTransport
from keras_genseq.serving.transports import Target

_TRANSPORTS = {
    "http": RestTransport,
    "https": RestTransport,
    "grpc": GrpcTransport,
    "grpcs": GrpcTransport,
}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
# After these what is known of a model may no longer hold.
_OUTDATED = ("INVALID_ARGUMENT", "NOT_FOUND")


class AsyncClient:
    """Asks a server of models, for programs that use `asyncio`.

    Everything is as `Client` has it, to be awaited. It belongs to one event
    loop.

    Example:

    ```python
    async def sample():
        async with AsyncClient("grpc://localhost:8500") as client:
            inputs = {"seed": [1, 2], "temperature": 0.5}
            return await client.call("nade", "sample", inputs)


    asyncio.run(sample())["x"]
    ```
    """

    def __init__(
        self,
        url,
        *,
        cards=None,
        timeout=60.0,
        retries=5,
        headers=None,
        max_message_bytes=64 << 20,
    ):
        scheme = str(url).partition("://")[0]
        if scheme not in _TRANSPORTS or "://" not in url:
            raise ValueError(
                "`url` must be http://HOST:PORT (REST, usually 8501) or "
                "grpc://HOST:PORT (usually 8500); https and grpcs with TLS. "
                f"Received: url={url!r}"
            )
        retries = as_int(retries, "retries")
        timeout = _seconds(timeout)
        if timeout <= 0 or retries < 0:
            raise ValueError(
                "`timeout` must be positive, and `retries` not negative. "
                f"Received: timeout={timeout}, retries={retries}"
            )
        self._transport = _TRANSPORTS[scheme](
            url, headers or {}, max_message_bytes
        )
        self._cards = cards
        self._timeout = timeout
        self._retries = retries
        self._signatures = {}

    async def call(
        self,
        model,
        signature="serving_default",
        inputs=None,
        *,
        version=None,
        label=None,
        num_rows=None,
        timeout=None,
    ):
        target = _target(model, version, label)
        deadline = self._deadline(timeout)
        signatures = await self._known(target, deadline)
        if signature not in signatures:
            raise ValueError(
                f"Model {model!r} has no signature {signature!r}. It has: "
                f"{', '.join(sorted(signatures))}"
            )
        facts = signatures[signature]
        arrays = complete(
            {} if inputs is None else inputs,
            facts.inputs,
            self._notes(model, signature),
            num_rows,
        )
        try:
            answer = await self._retried(
                deadline,
                self._transport.predict,
                target,
                signature,
                arrays,
                facts.outputs,
            )
        except ServerError as error:
            if error.code in _OUTDATED:
                self._signatures.pop(target, None)
            raise
        return {
            name: as_strings(value) if value.dtype.kind == "O" else value
            for name, value in answer.items()
        }

    async def signatures(
        self, model, *, version=None, label=None, timeout=None
    ):
        target = _target(model, version, label)
        known = await self._known(target, self._deadline(timeout))
        return {
            name: {"inputs": facts.inputs, "outputs": facts.outputs}
            for name, facts in sorted(known.items())
        }

    async def status(self, model, *, version=None, label=None, timeout=None):
        return await self._retried(
            self._deadline(timeout),
            self._transport.status,
            _target(model, version, label),
        )

    async def close(self):
        await self._transport.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        await self.close()

    async def _known(self, target, deadline):
        if target not in self._signatures:
            self._signatures[target] = await self._retried(
                deadline, self._transport.signatures, target
            )
        return self._signatures[target]

    async def _retried(self, deadline, ask, *args):
        pause = _FIRST_PAUSE
        for left in reversed(range(self._retries + 1)):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise ServerError("DEADLINE_EXCEEDED", "No answer in time.")
            try:
                async with asyncio.timeout(remaining):
                    return await ask(*args, timeout=remaining)
            except TimeoutError as error:
                raise ServerError(
                    "DEADLINE_EXCEEDED",
                    f"No answer in {remaining:.3g} seconds.",
                ) from error
            except ServerError as error:
                wait = error.after or pause * random.uniform(0.5, 1.5)
                too_late = time.monotonic() + wait >= deadline
                if not error.is_passing or not left or too_late:
                    raise
            await asyncio.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _deadline(self, timeout):
        return time.monotonic() + (
            self._timeout if timeout is None else _seconds(timeout)
        )

    def _notes(self, model, signature):
        """What the card of a model says of the inputs of a signature."""
        if self._cards is None:
            return {}
        path = os.path.join(self._cards, model, "card.json")
        try:
            with open(path, encoding="utf-8") as file:
                card = json.load(file)
            return card["signatures"].get(signature, {}).get("inputs", {})
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ValueError(
                f"`cards` must be a folder of exported models, and {path} is "
                f"no card: {error!r}"
            ) from error


class Client:
    """Asks a server of models: TensorFlow Serving, or `training serve`.

    One client serves any number of threads; connections are kept. A request
    that nobody answered (nothing listens, the server says UNAVAILABLE or 503)
    is sent again, after pauses that grow, within its time. One that was
    refused, or came too late, is not.

    Args:
        url: str. `grpc://HOST:PORT` or `http://HOST:PORT`; `grpcs` and `https`
            with TLS.
        cards: optional path of the folder of exported models. The cards there
            tell the defaults of inputs such as `temperature`.
        timeout: float. Seconds that a call may take, all tries together.
        retries: int. How many times a request is sent again.
        headers: optional dict, sent with each request.
        max_message_bytes: int. The longest answer over gRPC.

    Raises:
        ValueError: if an argument is none of these.
        ImportError: if `httpx`, or `grpcio` and `tensorflow-serving-api`, are
            not installed: the extra `serving`.

    Example:

    ```python
    client = Client("http://localhost:8501", cards="saved_models")
    client.call("nade", "sample", {"seed": [1, 2], "temperature": 0.5})["x"]
    client.call("nade", "sample", num_rows=4, timeout=2.0)["x"]
    ```
    """

    def __init__(self, url, **options):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="serving-client", daemon=True
        )
        self._thread.start()
        try:
            self._client = self._wait(_made(url, options))
        except BaseException:
            self._end()
            raise

    def call(self, model, signature="serving_default", inputs=None, **options):
        """Asks one signature.

        Args:
            model: str. Its name on the server.
            signature: str.
            inputs: dict of name to array, list, number or string: one value
                per row, or a single one for all rows. An input with a default
                in its card may be left out; a `seed` that is left out is
                drawn.
            version: optional int. A version; by default the server's highest.
            label: optional str. A label, such as `"stable"`.
            num_rows: optional int. The rows, where no input tells.
            timeout: optional float. Seconds, in place of the client's.

        Returns:
            dict of output name to array; strings are `str` in an array of
            objects, `bytes` where they are no UTF-8.

        Raises:
            ValueError: if the inputs do not fit the signature.
            ServerError: if the server refuses the request, or there is no
                answer.
        """
        return self._wait(
            self._client.call(model, signature, inputs, **options)
        )

    async def acall(self, *args, **options):
        """As `call`, for a coroutine: others run while it waits."""
        return await asyncio.wrap_future(
            self._submit(self._client.call(*args, **options))
        )

    def signatures(self, model, **options):
        """What may be asked of a model.

        Args:
            model: str.
            version, label, timeout: as for `call`.

        Returns:
            dict of signature name to `{"inputs": ..., "outputs": ...}`, each a
            dict of name to `(dtype, shape)`.
        """
        return self._wait(self._client.signatures(model, **options))

    def status(self, model, **options):
        """Which versions of a model a server has.

        Args:
            model: str.
            version, label, timeout: as for `call`.

        Returns:
            list of dict: `version`, `state` (`"AVAILABLE"`), `error`.
        """
        return self._wait(self._client.status(model, **options))

    def close(self):
        """Closes the connections."""
        if self._loop.is_running():
            self._wait(self._client.close())
            self._end()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _submit(self, coroutine):
        if self._loop.is_closed():
            coroutine.close()
            raise RuntimeError("This client is closed: make another one.")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _wait(self, coroutine):
        return self._submit(coroutine).result()

    def _end(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _made(url, options):
    # In the loop that it belongs to.
    return AsyncClient(url, **options)


def _seconds(timeout):
    # What is left of a caller's own time may be none, or less.
    return check_numbers(minimum=-math.inf, timeout=timeout)


def _target(model, version, label):
    if not isinstance(model, str) or not model or "/" in model:
        raise ValueError(
            f"`model` must be the name of a model. Received: model={model!r}"
        )
    if label is not None and not isinstance(label, str):
        raise ValueError(f"`label` must be a str. Received: label={label!r}")
    version = as_int(version, "version", minimum=0, optional=True)
    if version is not None and label is not None:
        raise ValueError(
            "Give a version or a label, not both. Received: "
            f"version={version}, label={label!r}"
        )
    return Target(model, version, label)
