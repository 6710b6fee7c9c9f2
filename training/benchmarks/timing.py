"""Times several ways to do the same work, in blocks that take turns."""

import dataclasses
import statistics
import sys
import time

# How the names of candidates that are not ours begin, or what they hold.
_PEERS = ("PyTorch", "Keras", "keras.layers", "Hugging Face", "CTranslate2")


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long one candidate took.

    Attributes:
        name: str.
        first_call: float. Seconds of the first call: compilation and one run.
        blocks: tuple of tuples of floats: the seconds of each block's calls.
        alone: optional tuple of floats: those of a block of calls while no
            other candidate's process was there.
    """

    name: str
    first_call: float
    blocks: tuple
    alone: tuple | None = None

    @property
    def medians(self):
        """list of floats: the median of each block."""
        return [statistics.median(block) for block in self.blocks]

    @property
    def median(self):
        return statistics.median(self.medians)

    @property
    def min(self):
        return min(self.medians)

    @property
    def max(self):
        return max(self.medians)

    @property
    def is_single(self):
        """bool: whether one call was timed, and no more."""
        return sum(map(len, self.blocks)) == 1


def run_block(call, repeats, clock=time.perf_counter):
    """Times calls in a row, after one that is not timed.

    Args:
        call: callable without arguments.
        repeats: int.
        clock: callable that returns seconds.

    Returns:
        tuple of `repeats` floats.
    """
    call()
    seconds = []
    for _ in range(repeats):
        start = clock()
        call()
        seconds.append(clock() - start)
    return tuple(seconds)


def measure(
    candidates,
    repeats,
    *,
    blocks=3,
    warmups=2,
    single=(),
    check=None,
    clock=time.perf_counter,
    progress=None,
):
    """Times the candidates in blocks that take turns.

    A load that drifts hits all alike, and each runs warm. In the end the first
    candidate and the fastest peer run a block alone, where they have processes
    of their own: `Timing.alone` should be as in turns.

    Args:
        candidates: dict of name to callable; each call does one whole unit of
            work and returns when the result is there. One of another process
            (`training.benchmarks.workers.Candidate`) times its own blocks.
        repeats: int. Timed calls of a block.
        blocks: int. Blocks of each candidate.
        warmups: int. Untimed calls of each candidate before the first block;
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
    if not candidates or min(repeats, blocks, warmups) < 1:
        raise ValueError(
            "Timing needs a candidate, a repeat, a block and a warm-up. "
            f"Received: candidates={list(candidates)}, repeats={repeats}, "
            f"blocks={blocks}, warmups={warmups}"
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

    def timed(call):
        if hasattr(call, "block"):
            return call.block(repeats)
        return run_block(call, repeats, clock)

    repeated = {k: c for k, c in candidates.items() if k not in single}
    runs = {name: [] for name in repeated}
    for i in range(blocks):
        progress(f"block {i + 1} of {blocks}")
        for name, call in repeated.items():
            runs[name].append(timed(call))
    timings = {
        name: Timing(
            name,
            first_calls[name],
            tuple(runs[name]) if name in runs else ((first_calls[name],),),
        )
        for name in candidates
    }
    first = next(iter(repeated), None)
    for name in filter(None, (first, fastest_peer(timings, first, repeated))):
        if hasattr(candidates[name], "alone"):
            progress(f"{name}: alone")
            timings[name] = dataclasses.replace(
                timings[name], alone=candidates[name].alone(repeats)
            )
    return timings


def fastest_peer(timings, ours, names=None):
    """The fastest of the candidates that a user could take instead.

    Args:
        timings: dict of name to `Timing`.
        ours: str. The candidate beside which the others stand.
        names: names of the candidates that count; None takes all.

    Returns:
        str: the fastest of other libraries; where there is none, the fastest
        of the others; where there is none, None.
    """
    others = [n for n in (timings if names is None else names) if n != ours]
    peers = [n for n in others if any(word in n for word in _PEERS)]
    return min(
        peers or others, key=lambda name: timings[name].median, default=None
    )


def _to_stderr(line):
    print(line, file=sys.stderr, flush=True)
