import pathlib

import pytest

from keras_genseq.models import NADE
from training.benchmarks import checkpoints
from training.benchmarks import scaling

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "distribution.md"


def test_a_ring_sends_nearly_twice_the_bytes_whatever_its_length():
    network = scaling.Network("wire", 100.0, 0.5)
    assert network.all_reduce(400, 1) == 0.0
    # 2 * 1/2 * 400 bytes, and two steps.
    assert network.all_reduce(400, 2) == pytest.approx(4.0 + 1.0)
    # 2 * 3/4 * 400 bytes, and six steps.
    assert network.all_reduce(400, 4) == pytest.approx(6.0 + 3.0)


def test_a_table_says_what_binds():
    work = scaling.Work("toy", 100, 50.0, 80, "rows")
    network = scaling.Network("wire", 100.0, 0.0)
    lines = scaling.table(work, [network], 100.0, (2, 8)).splitlines()
    # 40 rows of 50 operations at 100 a second; 400 bytes of gradients.
    assert lines[2] == "| 2 | 40 | 20,000.0 | 4,000.0 | 83% |"
    assert lines[3] == "| 8 | 10 | 5,000.0 | 7,000.0 | 42% |"
    assert scaling.crossing(work, network, 100.0) == 6
    words = scaling.kept_share(work, [network], 100.0, (2, 8))
    assert "keeps the 40 rows" in words and "is 83%, 74% at wire" in words


def test_operations_are_those_of_the_matrices():
    big = scaling.transformer_big()
    # A product and a sum, three passes, of nearly every parameter.
    assert big.flops == pytest.approx(6 * big.num_parameters, rel=0.03)
    vit = scaling.vit_base()
    assert vit.flops == pytest.approx(6 * vit.num_parameters * 197, rel=0.05)


def test_the_page_shows_what_the_command_prints():
    assert scaling.report() in PAGE.read_text()


def test_checkpoints_are_timed(monkeypatch):
    monkeypatch.setattr(checkpoints.environment, "set_threads", lambda *_: None)
    text = checkpoints.benchmark(1, 2, [("nade_mnist", NADE)])
    *_, line = text.splitlines()
    name, size, *_, copy = line.strip("| ").split(" | ")
    # Weights and two moments of 785,284 parameters.
    assert name == "`nade_mnist`" and size == "9" and float(copy) >= 0
