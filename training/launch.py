"""Starts the workers of a run on this machine, again when one of them dies."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from training.exit_status import INTERRUPTED
from training.exit_status import TERMINATED
from training.exit_status import USAGE
from training.exit_status import WORKER_LOST
from training.private_network import enter_private_network

_STOPPED = (TERMINATED, INTERRUPTED)
# Of workers that were told to stop, to save the update they are in.
_GRACE_SECONDS = 120.0
# Between the death of a worker and the exit of those that wait for it.
_CAUSE_SECONDS = 2.0
_SET_PARENT_DEATH_SIGNAL = 1


def launch(command, workers=2, max_restarts=3, host_network=False):
    """Runs a command as the workers of one group until all have ended.

    Each gets `TF_CONFIG` and writes to this process's output, every line under
    its label. A group cannot take a worker back: where one dies all others are
    killed, and all are started again, on new ports. SIGTERM and Ctrl-C reach
    all workers, a second Ctrl-C kills them.

    Args:
        command: list of str, a command line whose workers go on from their
            checkpoints when they are started again.
        workers: int. Processes.
        max_restarts: int. How often the group is started again.
        host_network: bool. Whether workers stay in the network of the machine,
            where their servers listen on every interface; else they get one of
            their own where the system allows it.

    Returns:
        Exit status: 0 if all ended well, that of workers which were told to
        stop, 2 where the command itself is wrong, else that of the one that
        died last.

    Raises:
        ValueError: if there are no workers to start.
    """
    if workers < 1:
        raise ValueError(
            f"`workers` must be at least 1. Received: workers={workers}"
        )
    print(network_notice(host_network), flush=True)
    with _signals_to_all() as group:
        for restart in range(max_restarts + 1):
            group.start(command, workers)
            index, status = group.wait()
            if not status or status in (USAGE, *_STOPPED) or group.told:
                return status
            what = f"Worker {index} {_death(status)}."
            if restart < max_restarts:
                what += (
                    f" Starting all {workers} again "
                    f"({restart + 1} of at most {max_restarts} times)."
                )
            print(what, flush=True)
    print(
        f"Stopped after {max_restarts} restarts. The same command goes on from "
        "the last checkpoint; what the workers printed says why they died.",
        flush=True,
    )
    return status if status > 0 else 128 - status


class _Group:
    """The processes that are running, each with a thread for its output."""

    def __init__(self):
        self.told = None
        self._processes, self._outputs = [], []

    def start(self, command, workers):
        addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers)]
        self._processes, self._outputs = [], []
        for index in range(workers):
            task = {"type": "worker", "index": index}
            config = {"cluster": {"worker": addresses}, "task": task}
            process = subprocess.Popen(
                command,
                env=_environment(workers) | {"TF_CONFIG": json.dumps(config)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # A terminal's Ctrl-C would reach them a second time.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
            output = threading.Thread(
                target=_label, args=(process.stdout, index), daemon=True
            )
            output.start()
            self._processes.append(process)
            self._outputs.append(output)

    def tell(self, number, frame=None):
        """Passes a signal on to all workers."""
        if self.told is not None and number == signal.SIGINT:
            number = signal.SIGKILL
        self.told = self.told or time.monotonic()
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(number)

    def wait(self):
        """Waits until all have ended, or one has died; ends the others.

        Returns:
            The number of the worker that died, or None, and its exit status.
        """
        while True:
            statuses = [p.poll() for p in self._processes]
            if None not in statuses or (self.told is None and any(statuses)):
                break
            if self.told and time.monotonic() > self.told + _GRACE_SECONDS:
                break
            time.sleep(0.05)
        until = time.monotonic() + _CAUSE_SECONDS
        while self._cause()[1] == WORKER_LOST and time.monotonic() < until:
            time.sleep(0.05)
        cause = self._cause()
        for process in self._processes:
            process.kill()
            process.wait()
        for output in self._outputs:
            output.join(timeout=5.0)
        return cause

    def _cause(self):
        """Who ended first as far as one can tell, and how."""
        ended = [(i, p.poll()) for i, p in enumerate(self._processes)]
        died = [(i, status) for i, status in ended if status]
        lost = [each for each in died if each[1] == WORKER_LOST]
        told = [each for each in died if each[1] == USAGE]
        others = [each for each in died if each not in lost]
        return (*told, *others, *lost, (None, 0))[0]


@contextlib.contextmanager
def _signals_to_all():
    """Yields a group that hears the signals of this process."""
    group = _Group()
    former = {
        number: signal.signal(number, group.tell)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield group
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def network_notice(host_network=False):
    """Enters a network of its own, unless told not to; says which it is in."""
    if not host_network and enter_private_network():
        return (
            "The workers have a network of their own: nothing reaches them "
            "from outside, and they reach nothing (--host-network if they must)"
        )
    return (
        "The workers' servers listen on every interface of this machine, and "
        "ask nobody who they are: keep it in a private network."
    )


def _environment(workers):
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    shared = {"TF_NUM_INTRAOP_THREADS": threads, "PYTHONUNBUFFERED": "1"}
    return shared | dict(os.environ)


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _label(lines, index):
    for line in lines:
        # Of a bar that is drawn over and over, the last one.
        text = line.decode(errors="replace").rstrip().rpartition("\r")[2]
        print(f"[worker {index}] {text}", flush=True)


def _death(status):
    if status == WORKER_LOST:
        return "lost the others"
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"died with exit status {status}"


_LIBC = ctypes.CDLL(None)


def die_with_parent(number=signal.SIGTERM):
    """Lets this process get a signal when the one that started it is killed."""
    if sys.platform == "linux":
        _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, number)
