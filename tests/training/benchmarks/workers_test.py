import itertools
import os
import time

import pytest

from training.benchmarks.workers import Workers


def two_calls():
    count = itertools.count()

    def pause():
        time.sleep(0.01)
        return os.getpid()

    def fail_at_first():
        if not next(count):
            raise ValueError("not today")
        return os.getpid()

    return {"pause": pause, "fail": fail_at_first}


def one_call():
    return {"end": lambda: os._exit(3)}


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_candidate_has_a_process_that_times_its_blocks():
    with Workers(threads=1) as workers:
        pause, fail = workers.build("python", two_calls).values()
        with pytest.raises(ValueError, match="not today"):
            fail()
        pids = pause(), fail()
        assert len({*pids, os.getpid()}) == 3
        seconds = pause.block(3)
        assert len(seconds) == 3 and min(seconds) >= 0.01
        # Alone, no other process is there, and this one is another.
        assert len(pause.alone(2)) == 2
        assert not any(map(is_running, pids))
        last = pause()
    assert not is_running(last)


def test_a_process_that_ends_is_an_error():
    with Workers(threads=1) as workers:
        (end,) = workers.build("python", one_call).values()
        with pytest.raises(RuntimeError, match="process of python ended"):
            end()
