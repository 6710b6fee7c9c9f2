"""The command line in processes that need not import TensorFlow again.

Importing it takes longer than what most tests run in a process of its own. One
process does, and forks for every command, before anything has run in it:

`python -m tests.training.forks` is that process.
"""

import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parent.parent.parent


class Forks:
    """Starts commands of `python -m training`; a context manager."""

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.training.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def start(self, command, log, constants=None):
        """Starts a command.

        Args:
            command: list of str, without `python -m training`.
            log: path of the file to whose end its output goes.
            constants: optional dict: `module.NAME` -> the value that it has
                in this command.

        Returns:
            `Fork`.
        """
        constants = constants or {}
        pid = self._ask(command=command, log=str(log), constants=constants)
        return Fork(self, pid)

    def status(self, pid):
        """Exit status of a process, or None while it runs; asked once."""
        return self._ask(pid=pid)

    def _ask(self, **request):
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


class Fork:
    """A process, asked as one of `subprocess` is."""

    def __init__(self, forks, pid):
        self._forks, self.pid, self.returncode = forks, pid, None

    def poll(self):
        if self.returncode is None:
            self.returncode = self._forks.status(self.pid)
        return self.returncode

    def wait(self, timeout):
        until = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return self.returncode

    def send_signal(self, number):
        # Until its end is asked for, the number belongs to no other process.
        if self.poll() is None:
            os.kill(self.pid, number)


def _answer_requests():
    from training.silent_import import import_tensorflow

    import_tensorflow()
    import training.evaluate
    import training.train  # noqa: F401
    from training.recipes import find_recipe

    # With what its evaluation needs.
    find_recipe("nade")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        answer = _status(**request) if "pid" in request else _fork(**request)
        print(json.dumps(answer), file=answers, flush=True)


def _fork(command, log, constants):
    from training.__main__ import main
    from training.launch import die_with_parent

    pid = os.fork()
    if pid:
        return pid
    die_with_parent(signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for each in (1, 2):
        os.dup2(output, each)
    for path, value in constants.items():
        module, _, name = path.rpartition(".")
        setattr(importlib.import_module(module), name, value)
    sys.argv[1:] = command
    sys.exit(main())


def _status(pid):
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    _answer_requests()
