"""Times several ways to do the same work, in turns."""

import dataclasses
import statistics
import sys
import time


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long one candidate took.

    Attributes:
        name: str.
        first_call: float. Seconds of the first call: compilation and one run.
        seconds: tuple of floats, one per timed run.
    """

    name: str
    first_call: float
    seconds: tuple

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def min(self):
        return min(self.seconds)

    @property
    def max(self):
        return max(self.seconds)


def measure(
    candidates,
    repeats,
    *,
    warmups=2,
    single=(),
    check=None,
    clock=time.perf_counter,
    progress=None,
):
    """Times the candidates round robin, so that load drifts hit all alike.

    Args:
        candidates: dict of name to callable; each call does one whole unit of
            work and returns when the result is there.
        repeats: int. Timed rounds.
        warmups: int. Untimed calls of each candidate before the first round;
            the first of them is reported as `first_call`.
        single: names of candidates too slow to repeat: their first call, for
            which they should be compiled already, is their only one.
        check: callable or None. Gets, before anything is timed, a dict of name
            to the list of results of the untimed calls, and raises if the
            candidates do not do the same work.
        clock: callable that returns seconds.
        progress: callable of a line of text, or None for stderr.

    Returns:
        dict of name to `Timing`, in the order of `candidates`.

    Raises:
        ValueError: if there is nothing to time.
    """
    if not candidates or repeats < 1 or warmups < 1:
        raise ValueError(
            "Timing needs a candidate, a repeat and a warm-up. Received: "
            f"candidates={list(candidates)}, repeats={repeats}, "
            f"warmups={warmups}"
        )
    progress = progress or _to_stderr
    first_calls, results = {}, {}
    for name, call in candidates.items():
        progress(f"{name}: first call")
        start = clock()
        results[name] = [call()]
        first_calls[name] = clock() - start
        if name not in single:
            results[name] += [call() for _ in range(warmups - 1)]
    if check is not None:
        check(results)

    seconds = {name: [] for name in candidates}
    for name in single:
        if name in candidates:
            seconds[name].append(first_calls[name])
    for i in range(repeats):
        progress(f"round {i + 1} of {repeats}")
        for name, call in candidates.items():
            if name in single:
                continue
            start = clock()
            call()
            seconds[name].append(clock() - start)
    return {
        name: Timing(name, first_calls[name], tuple(seconds[name]))
        for name in candidates
    }


def _to_stderr(line):
    print(line, file=sys.stderr, flush=True)
