import sys
import types

import pytest

from training import benchmarks
from training.benchmarks.run import run_benchmark


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A benchmark of nothing, in an empty folder."""
    module = types.ModuleType("toy_benchmark")
    module.TITLE = "Toy"
    module.benchmark = lambda repeats, threads: f"{repeats} repeats"
    monkeypatch.setitem(sys.modules, "toy_benchmark", module)
    monkeypatch.setitem(benchmarks.BENCHMARKS, "toy", "toy_benchmark")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "docs" / "benchmarks.md"


def test_an_unknown_benchmark_lists_the_known():
    with pytest.raises(ValueError, match=r"no benchmark 'lstm'.*: adversarial"):
        run_benchmark("lstm")


def test_prints_and_writes_the_section(toy, capsys):
    run_benchmark("toy", repeats=3, threads=2)
    printed = capsys.readouterr().out
    assert not toy.exists()
    run_benchmark("toy", repeats=3, threads=2, write=True)
    page = toy.read_text()
    command = "python -m training benchmark toy --repeats 3 --threads 2"
    assert f"`{command}`" in printed
    assert f"`{command} --write`" in page
    for text in (printed, page):
        assert "## Toy" in text
        assert "3 repeats" in text
        assert "2 threads" in text
        assert "Load before the start: " in text
        assert "tensorflow 2." in text


def test_threads_must_be_positive(toy):
    with pytest.raises(ValueError, match="`threads` must be at least 1"):
        run_benchmark("toy", threads=0)
