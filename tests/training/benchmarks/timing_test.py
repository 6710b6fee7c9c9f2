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


def test_blocks_take_turns():
    machine = Machine()
    candidates = {
        "a": machine.candidate("a", 9, 5, 50, 1, 3, 50, 2, 2),
        "b": machine.candidate("b", 8, 5, 50, 4, 4, 50, 7, 9),
    }
    timings = measure(
        candidates, 2, blocks=2, clock=machine.clock, progress=list
    )
    assert "".join(machine.turns) == "aabb" + "aaabbb" * 2
    # The first call of a block is not timed.
    assert timings["a"] == Timing("a", 9, ((1, 3), (2, 2)))
    b = timings["b"]
    assert (b.first_call, b.median, b.min, b.max) == (8, 6, 4, 8)


def test_one_call_far_off_moves_no_median():
    timing = Timing("a", 1, ((1, 1, 100), (1, 1, 1), (90, 90, 90)))
    assert timing.median == 1 and not timing.is_single


def test_a_single_candidate_runs_once():
    machine = Machine()
    candidates = {
        "a": machine.candidate("a", *[1] * 6),
        "slow": machine.candidate("slow", 50),
    }
    timings = measure(
        candidates,
        1,
        blocks=2,
        single=["slow"],
        clock=machine.clock,
        progress=list,
    )
    assert machine.turns == ["a", "a", "slow", "a", "a", "a", "a"]
    assert timings["slow"].blocks == ((50,),) and timings["slow"].is_single


class Remote:
    """A candidate that times its own blocks."""

    def __init__(self, seconds):
        self.seconds, self.was_alone = seconds, False

    def __call__(self):
        return 0.0

    def block(self, repeats):
        return (self.seconds,) * repeats

    def alone(self, repeats):
        self.was_alone = True
        return (self.seconds / 2,) * repeats


def test_the_first_and_the_fastest_of_the_others_run_alone():
    remotes = {"ours": Remote(3), "slow": Remote(5), "fast": Remote(4)}
    timings = measure(remotes, 2, progress=list)
    assert timings["ours"].blocks == ((3, 3),) * 3
    assert timings["fast"].alone == (2, 2)
    assert [r.was_alone for r in remotes.values()] == [True, False, True]


def test_the_check_sees_untimed_results_before_any_timing():
    machine = Machine()
    seen = []

    def check(results):
        seen.append((dict(results), list(machine.turns)))

    candidates = {"a": machine.candidate("a", *[1] * 12)}
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
    [
        ({}, {}),
        ({"a": list}, {"repeats": 0}),
        ({"a": list}, {"blocks": 0}),
        ({"a": list}, {"warmups": 0}),
    ],
)
def test_nothing_to_time_is_an_error(candidates, options):
    with pytest.raises(ValueError, match="a repeat, a block and a"):
        measure(candidates, **{"repeats": 1, **options})
