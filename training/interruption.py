"""What happens to a command that is told to stop: by SIGTERM, as by Ctrl-C."""

import contextlib
import signal
import threading


class Terminated(KeyboardInterrupt):
    """SIGTERM told this process to stop."""


@contextlib.contextmanager
def terminated_by_signal():
    """Lets SIGTERM raise, so that what was begun is put away.

    Threads beside the main one hear no signals: there it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _terminate(number, frame):
    raise Terminated
