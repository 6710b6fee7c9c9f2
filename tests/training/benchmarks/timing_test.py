import pytest

from training.benchmarks.timing import Timing
from training.benchmarks.timing import measure


class Machine:
    """Callables that note their turn and let a false clock go on."""

    def __init__(self):
        self.now = 0.0
        self.turns = []

    def candidate(self, name, *seconds):
        left = list(seconds)

        def call():
            self.turns.append(name)
            self.now += left.pop(0)
            return name.upper()

        return call

    def clock(self):
        return self.now


def test_candidates_take_turns():
    machine = Machine()
    candidates = {
        "a": machine.candidate("a", 9, 5, 1, 3, 2),
        "b": machine.candidate("b", 8, 5, 4, 4, 7),
    }
    timings = measure(
        candidates, 3, warmups=2, clock=machine.clock, progress=list
    )
    assert "".join(machine.turns) == "aabb" + "ababab"
    assert timings["a"] == Timing("a", 9, (1, 3, 2))
    b = timings["b"]
    assert (b.first_call, b.median, b.min, b.max) == (8, 4, 4, 7)


def test_a_single_candidate_runs_once():
    machine = Machine()
    candidates = {
        "a": machine.candidate("a", 1, 1, 1, 1),
        "slow": machine.candidate("slow", 50),
    }
    timings = measure(
        candidates, 2, single=["slow"], clock=machine.clock, progress=list
    )
    assert machine.turns == ["a", "a", "slow", "a", "a"]
    assert timings["slow"].seconds == (50,)


def test_the_check_sees_untimed_results_before_any_timing():
    machine = Machine()
    seen = []

    def check(results):
        seen.append((dict(results), list(machine.turns)))

    candidates = {"a": machine.candidate("a", *[1] * 5)}
    measure(candidates, 2, warmups=3, check=check, progress=list)
    assert seen == [({"a": ["A", "A", "A"]}, ["a", "a", "a"])]


def test_a_failed_check_stops_before_timing():
    machine = Machine()

    def check(results):
        raise RuntimeError("other work")

    with pytest.raises(RuntimeError, match="other work"):
        measure({"a": machine.candidate("a", 1, 1)}, 5, check=check)
    assert machine.turns == ["a", "a"]


@pytest.mark.parametrize(
    "candidates, options",
    [({}, {}), ({"a": list}, {"repeats": 0}), ({"a": list}, {"warmups": 0})],
)
def test_nothing_to_time_is_an_error(candidates, options):
    with pytest.raises(ValueError, match="needs a candidate, a repeat and"):
        measure(candidates, **{"repeats": 1, **options})
