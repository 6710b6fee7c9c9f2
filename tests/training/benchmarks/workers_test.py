import os
import pathlib
import signal
import time

import pytest

from training.benchmarks.workers import Workers


def make_calls(word):
    def fail():
        raise ValueError("not today")

    def end():
        os._exit(3)

    return {"pid": os.getpid, "word": lambda: word, "fail": fail, "end": end}


@pytest.fixture(scope="module")
def workers():
    with Workers(threads=1) as started:
        yield started


def state(pid):
    """One letter: T is a stopped process."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][1]


def test_candidates_run_in_a_process_of_their_own(workers):
    calls = workers.build("tensorflow", make_calls, "ours")
    again = workers.build("tensorflow", make_calls, "theirs")
    assert calls["pid"]() == again["pid"]() != os.getpid()
    assert (calls["word"](), again["word"]()) == ("ours", "theirs")


@pytest.mark.skipif(
    not pathlib.Path("/proc/self/stat").exists(), reason="reads Linux's /proc"
)
def test_a_process_stands_still_between_its_turns(workers):
    pid = workers.build("tensorflow", make_calls, "")["pid"]()
    # A signal takes its time to arrive.
    latest = time.monotonic() + 30.0
    while state(pid) != "T":
        assert time.monotonic() < latest
        time.sleep(0.01)


def test_an_error_comes_back_and_the_next_call_is_answered(workers):
    calls = workers.build("tensorflow", make_calls, "still here")
    with pytest.raises(ValueError, match="not today"):
        calls["fail"]()
    assert calls["word"]() == "still here"


def test_a_process_that_ends_is_an_error():
    with Workers(threads=1) as workers:
        calls = workers.build("tensorflow", make_calls, "")
        with pytest.raises(RuntimeError, match="process of tensorflow ended"):
            calls["end"]()


def test_processes_end_with_the_workers():
    with Workers(threads=1) as workers:
        pid = workers.build("tensorflow", make_calls, "")["pid"]()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
