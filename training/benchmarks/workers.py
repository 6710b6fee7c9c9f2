"""Candidates in processes of their own, which nobody stops.

Two frameworks in one process disturb each other: the threads of one spin on
the cores that the other needs, or are kept from it at a price of their own. A
process that is stopped between its calls runs the next one cold. So each
candidate has a process with its framework's own defaults, which waits for its
next block of calls while the others run theirs.
"""

import contextlib
import dataclasses
import multiprocessing
from collections.abc import Callable
from typing import Any

from training.benchmarks.environment import set_threads
from training.benchmarks.timing import run_block


class Workers:
    """A process for each candidate.

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
        self._processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Ends all processes; a candidate that is asked again starts anew."""
        for process in self._processes.values():
            process.close()
        self._processes.clear()

    def build(self, framework, builder, *arguments):
        """Builds candidates, each in a process of its own.

        Args:
            framework: str, as for `set_threads`.
            builder: function of a module that gives a dict of name to
                callable without arguments.
            *arguments: of the builder; like it and the callables' results,
                they must pickle.

        Returns:
            dict of name to `Candidate`.

        Raises:
            RuntimeError: if a process ends.
        """
        process = _Process(framework, self._threads)
        names = process.ask("build", builder, arguments)
        candidates = {
            name: Candidate(self, framework, builder, arguments, name)
            for name in names
        }
        first, *others = candidates.values()
        process.send("keep", first.name)
        self._processes[first] = process
        # The others start beside each other, before anything is timed.
        for candidate in others:
            self.process_of(candidate)
        return candidates

    def wait(self):
        """Waits until all processes have done what they were asked to."""
        for process in self._processes.values():
            process.wait()

    def process_of(self, candidate):
        """The candidate's process, started where it is not running."""
        if candidate not in self._processes:
            process = _Process(candidate.framework, self._threads)
            process.send("build", candidate.builder, candidate.arguments)
            process.send("keep", candidate.name)
            self._processes[candidate] = process
        return self._processes[candidate]


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A callable of another process.

    Attributes:
        workers: `Workers`.
        framework, builder, arguments: as for `Workers.build`.
        name: str. Which of the builder's callables it is.
    """

    workers: Workers
    framework: str
    builder: Callable
    arguments: tuple
    name: Any

    def __call__(self):
        process = self.workers.process_of(self)
        self.workers.wait()
        return process.ask("call")

    def block(self, repeats):
        """Seconds of calls in a row, as `training.benchmarks.timing` has."""
        return self.workers.process_of(self).ask("block", repeats)

    def alone(self, repeats):
        """The same while no other candidate's process is there."""
        self.workers.close()
        self()
        return self.block(repeats)


class _Process:
    def __init__(self, framework, threads):
        context = multiprocessing.get_context("spawn")
        self._framework = framework
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, framework, threads), daemon=True
        )
        self._process.start()
        self._num_unanswered = 0
        theirs.close()

    def send(self, *request):
        with self._telling_of_an_end():
            self._connection.send(request)
        self._num_unanswered += 1

    def wait(self):
        """Waits for all answers and gives the last one."""
        answer = None
        while self._num_unanswered:
            with self._telling_of_an_end():
                succeeded, answer = self._connection.recv()
            self._num_unanswered -= 1
            if not succeeded:
                raise answer
        return answer

    def ask(self, *request):
        self.send(*request)
        return self.wait()

    @contextlib.contextmanager
    def _telling_of_an_end(self):
        try:
            yield
        except (EOFError, ConnectionError) as error:
            raise RuntimeError(
                f"The benchmark's process of {self._framework} ended; what it "
                "printed before says why (memory, perhaps)."
            ) from error

    def close(self):
        self._connection.close()
        self._process.join()


def _serve(connection, framework, threads):
    set_threads(framework, threads)
    built, call = {}, None
    while True:
        try:
            verb, *arguments = connection.recv()
        except EOFError:
            return
        try:
            if verb == "build":
                builder, given = arguments
                built = builder(*given)
                answer = list(built)
            elif verb == "keep":
                (name,) = arguments
                # The others, and what belongs to them alone, are set free.
                call, built, answer = built[name], {}, None
            elif verb == "block":
                answer = run_block(call, *arguments)
            else:
                answer = call()
        except Exception as error:
            connection.send((False, error))
        else:
            connection.send((True, answer))
