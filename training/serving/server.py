"""A server of SavedModels: start, polling, stop."""

import asyncio
import contextlib
import gc
import ipaddress
import signal
import threading

import grpc
from aiohttp import web

from training.serving.grpc_services import GrpcServices
from training.serving.rest import Rest
from training.serving.service import Limits
from training.serving.service import Service

_STAND_IN = (
    "This server stands in where TensorFlow Serving is not at hand. For "
    "production run TensorFlow Serving: it takes the same folder."
)


_LAST_PORT = 65_535


class ModelServer:
    """A server of the models below a folder.

    Args:
        root: path of a folder as `python -m training export` leaves it.
        host: str. Where to listen. Without authentication or encryption:
            other hosts than this one should not reach it.
        port: int. Of REST; 0 is any that is free.
        grpc_port: int. Of gRPC; 0 is any that is free.
        poll_seconds: float. How often the folder is looked at.
        limits: `Limits`, or None for the defaults.
        tell: callable that gets sentences for the log.

    Attributes:
        url: str. Of REST, once started.
        grpc_url: str. Of gRPC, once started.

    Raises:
        ValueError: if there is no such folder, or a number is out of range.
    """

    def __init__(
        self,
        root,
        *,
        host="127.0.0.1",
        port=8501,
        grpc_port=8500,
        poll_seconds=1.0,
        limits=None,
        tell=print,
    ):
        for name, number in (("port", port), ("grpc_port", grpc_port)):
            if not 0 <= number <= _LAST_PORT:
                raise ValueError(
                    f"`{name}` must be from 0 to {_LAST_PORT}. "
                    f"Received: {name}={number}"
                )
        if not poll_seconds > 0:
            raise ValueError(
                "`poll_seconds` must be positive. "
                f"Received: poll_seconds={poll_seconds}"
            )
        self._host, self._port, self._grpc_port = host, port, grpc_port
        self._poll_seconds = poll_seconds
        self._tell = tell
        self.service = Service(root, limits or Limits(), tell)
        self.url = self.grpc_url = None

    async def start(self):
        """Loads the models, then listens.

        Raises:
            OSError: if a port is taken.
        """
        await asyncio.to_thread(self.service.catalog.refresh)
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._runner = web.AppRunner(
            Rest(self.service).application(),
            access_log=None,
            # Nobody works for a client that is gone.
            handler_cancellation=True,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        # Longer messages are refused by gRPC itself: RESOURCE_EXHAUSTED.
        longest = self.service.limits.max_body_bytes
        self._grpc = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", longest),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ]
        )
        self._grpc.add_generic_rpc_handlers(
            GrpcServices(self.service).handlers()
        )
        try:
            grpc_port = self._grpc.add_insecure_port(
                f"{host}:{self._grpc_port}"
            )
            await self._grpc.start()
        except RuntimeError as error:
            await self._runner.cleanup()
            raise OSError(
                f"Port {self._grpc_port} of {self._host} cannot be had for "
                "gRPC: name another one with --grpc-port."
            ) from error
        self._polling = asyncio.create_task(self._poll())
        self.url = f"http://{host}:{port}"
        self.grpc_url = f"grpc://{host}:{grpc_port}"

    async def stop(self, grace=10.0):
        """Stops listening, answers what has come, and ends.

        Args:
            grace: float. The most seconds that requests may still take.
        """
        self._polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._polling
        for site in list(self._runner.sites):
            await site.stop()
        ending = asyncio.create_task(self._grpc.stop(grace))
        await self.service.drain(grace)
        await ending
        await self._runner.cleanup()
        self.service.close()

    async def _poll(self):
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await asyncio.to_thread(self.service.catalog.refresh)
            except OSError as error:
                # A folder may go while it is read: the next look tells.
                self._tell(f"The folder of models cannot be read: {error}")


def serve(root, **options):
    """Serves a folder of models until SIGTERM or Ctrl-C.

    Args:
        root: path of the folder.
        **options: of `ModelServer`.

    Raises:
        ValueError: if there is no such folder.
        OSError: if a port is taken.
    """
    asyncio.run(_serve(root, options))


@contextlib.contextmanager
def running_server(root, **options):
    """A server in a thread of this process, at ports that are free.

    Args:
        root: path of the folder of models.
        **options: of `ModelServer`.

    Yields:
        The `ModelServer`, started.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    server = ModelServer(root, **{"port": 0, "grpc_port": 0, **options})
    try:
        run(server.start())
        try:
            yield server
        finally:
            run(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(root, options):
    def tell(sentence):
        print(sentence, flush=True)

    server = ModelServer(root, tell=tell, **options)
    tell(_STAND_IN)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await server.start()
    # Requests make many lists: the collector would go through all that
    # TensorFlow and the models hold again and again.
    gc.collect()
    gc.freeze()
    if not _is_loopback(server._host):
        tell(
            "Whoever reaches this host may ask: there is no authentication "
            "and no encryption."
        )
    tell(f"Listening at {server.url} and {server.grpc_url}")
    await stopped.wait()
    tell("Answering what has come, then stopping.")
    await server.stop()


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
