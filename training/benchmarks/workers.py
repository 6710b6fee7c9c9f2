"""Candidates in processes of their own, of which one runs at a time.

Two frameworks in one process disturb each other: the threads of one spin on
the cores that the other needs, or are kept from it at a price of their own.
Here each framework has a process with its own defaults, and while one is timed
the others are stopped altogether.
"""

import functools
import multiprocessing
import os
import signal

from training.benchmarks.environment import set_threads


class Workers:
    """A process for each framework, started when it is first needed.

    Args:
        threads: int. Threads of each framework.

    Example:
        with Workers(threads=2) as workers:
            calls = workers.build("tensorflow", make_steps, sizes)
            calls |= workers.build("torch", make_torch_steps, sizes)
            timings = measure(calls, repeats=5)
    """

    def __init__(self, threads):
        self._threads = threads
        self._workers = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for worker in self._workers.values():
            worker.close()

    def build(self, framework, builder, *arguments):
        """Builds candidates in the process of a framework.

        Args:
            framework: `"tensorflow"` or `"torch"`.
            builder: function of a module that gives a dict of name to
                callable without arguments.
            *arguments: of the builder; like it and the callables' results,
                they must pickle.

        Returns:
            dict of name to callable, which lets the process run, calls and
            stops the process again.

        Raises:
            RuntimeError: if the process ends.
        """
        if framework not in self._workers:
            self._workers[framework] = _Worker(framework, self._threads)
        worker = self._workers[framework]
        return {
            name: functools.partial(worker.ask, "call", key)
            for name, key in worker.ask("build", builder, arguments).items()
        }


class _Worker:
    def __init__(self, framework, threads):
        context = multiprocessing.get_context("spawn")
        self._framework = framework
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, framework, threads), daemon=True
        )
        self._process.start()
        theirs.close()

    def ask(self, *request):
        self._signal("SIGCONT")
        try:
            self._connection.send(request)
            succeeded, answer = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise RuntimeError(
                f"The benchmark's process of {self._framework} ended; what it "
                "printed before says why (memory, perhaps)."
            ) from error
        self._signal("SIGSTOP")
        if not succeeded:
            raise answer
        return answer

    def close(self):
        self._signal("SIGCONT")
        self._connection.close()
        self._process.join()

    def _signal(self, name):
        # Windows knows neither; there the processes wait in `recv`.
        if hasattr(signal, name) and self._process.is_alive():
            os.kill(self._process.pid, getattr(signal, name))


def _serve(connection, framework, threads):
    set_threads(framework, threads)
    calls = []
    while True:
        try:
            verb, what, *arguments = connection.recv()
        except EOFError:
            return
        try:
            if verb == "call":
                answer = calls[what]()
            else:
                built = what(*arguments[0])
                answer = {n: len(calls) + i for i, n in enumerate(built)}
                calls.extend(built.values())
        except Exception as error:
            connection.send((False, error))
        else:
            connection.send((True, answer))
