"""The launcher, whose workers need not import TensorFlow again.

`python -m tests.training.forked_workers MAX_RESTARTS COMMAND...` launches a
command of Python as `training.launch` does. TensorFlow is imported once, by the
launcher, and each worker is a fork of it, made before anything has run there.
"""

import os
import runpy
import signal
import sys
import types

from training import launch


class ForkedWorker:
    """What the launcher asks of `subprocess.Popen`, of a fork.

    Args:
        command: list of str: Python and `-m MODULE ARGUMENT...`, or
            `-c CODE ARGUMENT...`.
        env: dict. Environment of the worker.
        preexec_fn: callable, called in the worker first.
        **kwargs: as `training.launch` sets them.
    """

    def __init__(self, command, env, preexec_fn, **kwargs):
        _import_all()
        read, write = os.pipe()
        self.returncode = None
        self.pid = os.fork()
        if self.pid:
            os.close(write)
            self.stdout = os.fdopen(read, "rb")
            return
        os.setsid()
        preexec_fn()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(env)
        for each in (1, 2):
            os.dup2(write, each)
        _run(*command[1:])
        sys.exit(0)

    def poll(self):
        return self._wait(os.WNOHANG)

    def wait(self):
        return self._wait(0)

    def _wait(self, options):
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, options)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number):
        # Until its end is asked for, the number belongs to no other process.
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def _run(option, what, *arguments):
    sys.argv = [what, *arguments]
    if option == "-c":
        exec(what, {"__name__": "__main__"})
    else:
        runpy.run_module(what, run_name="__main__", alter_sys=True)


def _import_all():
    from training.silent_import import import_tensorflow

    import_tensorflow()
    import training.evaluate
    import training.train  # noqa: F401
    from training.recipes import find_recipe

    # With what its evaluation needs.
    find_recipe("nade")


def main(max_restarts, *command):
    launch.subprocess = types.SimpleNamespace(
        Popen=ForkedWorker,
        PIPE=launch.subprocess.PIPE,
        STDOUT=launch.subprocess.STDOUT,
    )
    command = [sys.executable, *command]
    sys.exit(launch.launch(command, max_restarts=int(max_restarts)))


if __name__ == "__main__":
    main(*sys.argv[1:])
