"""What a server answers, whatever the protocol."""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import functools
import os
import time

import prometheus_client

from training.serving.batcher import Batcher
from training.serving.catalog import Catalog
from training.serving.request_error import RequestError
from training.serving.request_error import request_error_of

DEFAULT_SIGNATURE = "serving_default"
# What is smaller is read at once; what is larger in a thread, while others
# are answered.
_SMALL = 1 << 16
_READING_ERRORS = (ValueError, RecursionError, OverflowError, MemoryError)


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much a server takes on.

    Attributes:
        max_body_bytes: int. The longest request, as it comes and unpacked.
        max_seconds: float. The longest time of a request, the model's
            included. A client may ask for less.
        max_pending: int. Requests at a time; further ones are UNAVAILABLE.
        max_batch_rows: int. The most rows that requests together run as.
        num_threads: int. Threads that run models.
    """

    max_body_bytes: int = 64 << 20
    max_seconds: float = 60.0
    max_pending: int = 256
    max_batch_rows: int = 64
    num_threads: int = os.cpu_count() or 1

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if not value > 0:
                raise ValueError(
                    f"`{name}` must be positive. Received: {name}={value}"
                )


class Service:
    """Models, batches, limits and metrics of a server.

    Args:
        root: path of the folder of models.
        limits: `Limits`.
        tell: callable that gets sentences for the log.
    """

    def __init__(self, root, limits, tell=print):
        self.limits = limits
        self.metrics = Metrics()
        self._executor = concurrent.futures.ThreadPoolExecutor(
            limits.num_threads, thread_name_prefix="model"
        )
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.catalog = Catalog(
            root,
            lambda servable: Batcher(
                servable,
                self._executor,
                limits.num_threads,
                limits.max_batch_rows,
                self.metrics.batch_sizes.observe,
            ),
            tell,
        )

    async def predict(self, spec, read, size, deadline):
        """Answers one request.

        Args:
            spec: `Spec`.
            read: callable that takes the specs of the inputs and returns a
                dict of name to array or literal.
            size: int. Bytes of the request.
            deadline: float, of `time.monotonic()`.

        Returns:
            The `Servable` that answered, and a dict of name to array.

        Raises:
            RequestError: if there is no answer.
        """
        batcher = self.catalog.find(spec.name, spec.version, spec.label)
        servable = batcher.servable
        specs = servable.specs(spec.signature)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                arrays = await aside(
                    size,
                    lambda: servable.cast(spec.signature, read(specs)),
                )
                return servable, await batcher.answer(
                    spec.signature, arrays, deadline
                )
        except _READING_ERRORS as error:
            raise request_error_of(error) from error
        except TimeoutError as error:
            raise RequestError(
                "DEADLINE_EXCEEDED", "There was no answer in time."
            ) from error

    def deadline(self, seconds=None):
        """When a request must be answered, of `time.monotonic()`."""
        longest = self.limits.max_seconds
        return time.monotonic() + min(
            longest, longest if seconds is None else seconds
        )

    @contextlib.asynccontextmanager
    async def admitted(self, protocol):
        """Counts and times a request; refuses it where there are too many.

        Any error in the block comes out as a `RequestError`.

        Yields:
            dict: `model` in it names the model in the metrics.
        """
        about = {"model": ""}
        started = time.perf_counter()
        code = "OK"
        self._pending += 1
        self._idle.clear()
        try:
            if self._pending > self.limits.max_pending:
                raise RequestError(
                    "UNAVAILABLE",
                    f"{self.limits.max_pending} requests are waiting: try "
                    "again later.",
                )
            yield about
        except RequestError as error:
            code = error.code.name
            raise
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except Exception as error:
            code = "INTERNAL"
            raise RequestError(
                "INTERNAL",
                f"The server failed: {type(error).__name__}: {error}",
            ) from error
        finally:
            self._pending -= 1
            if not self._pending:
                self._idle.set()
            # Names that nobody serves would let clients fill the memory.
            name = about["model"]
            name = name if name in self.catalog.names else ""
            self.metrics.requests.labels(protocol, name, code).inc()
            self.metrics.seconds.labels(protocol).observe(
                time.perf_counter() - started
            )

    async def drain(self, seconds):
        """Waits until all requests are answered, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    def close(self):
        self._executor.shutdown(wait=False, cancel_futures=True)


@dataclasses.dataclass(frozen=True)
class Spec:
    """Which model, version and signature a request asks for."""

    name: str
    version: int | None = None
    label: str | None = None
    signature: str = DEFAULT_SIGNATURE


class Metrics:
    """What Prometheus reads of a server."""

    def __init__(self):
        self.registry = prometheus_client.CollectorRegistry()
        self.requests = prometheus_client.Counter(
            "requests",
            "Requests, by protocol, model and code of gRPC.",
            ("protocol", "model", "code"),
            registry=self.registry,
        )
        self.seconds = prometheus_client.Histogram(
            "request_seconds",
            "Time from a request to its answer.",
            ("protocol",),
            registry=self.registry,
        )
        self.batch_sizes = prometheus_client.Histogram(
            "batch_requests",
            "Requests that ran together.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )

    def text(self):
        """bytes, in the format of Prometheus."""
        return prometheus_client.generate_latest(self.registry)


async def aside(size, function, *args):
    """Calls a function, in a thread where there is much to read or write."""
    if size < _SMALL:
        return function(*args)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, functools.partial(function, *args))
