import importlib.util

import pytest

from training.benchmarks import nade
from training.benchmarks import nade_candidates
from training.benchmarks.nade_candidates import OURS
from training.benchmarks.nade_candidates import Sizes
from training.benchmarks.nade_memory import measure_memory
from training.benchmarks.nade_memory import xla_bytes

TINY = Sizes(
    batch_size=4,
    input_dim=12,
    units=5,
    num_scored=6,
    num_sampled=(3,),
    num_recomputed=(3,),
)
TORCH = importlib.util.find_spec("torch") is not None
FORMS = {
    OURS,
    "scan without XLA",
    "chunk, XLA",
    "chunk without XLA",
    "full (cumulative sum), XLA",
    "full (cumulative sum) without XLA",
}
TORCH_FORMS = {
    "PyTorch, loop over rows by index",
    "PyTorch, loop over unbound rows",
    "PyTorch, cumulative sum",
}


@pytest.mark.slow
def test_every_candidate_is_in_the_tables(in_this_process):
    in_this_process(nade)
    text = nade.benchmark(1, 1, TINY, memory=False)
    assert [x for x in text.splitlines() if x.startswith("###")] == [
        "### Training step",
        "### Scoring 6 examples",
        "### Sampling, 3 at once",
    ]
    step = text.partition("### Scoring")[0]
    for name in FORMS | (TORCH_FORMS if TORCH else set()):
        assert f"| {name} |" in step
    sampling = text.partition("### Sampling, ")[2]
    assert "a whole pass of ours per dimension" in sampling
    assert ("| PyTorch, cached loop |" in sampling) == TORCH
    assert ("not installed" in text) != TORCH


def test_without_torch_a_line_says_so(monkeypatch):
    monkeypatch.setattr(nade, "has_torch", lambda: False)
    assert "PyTorch is left out" in nade._introduction(TINY)
    assert set(nade_candidates.builders("tensorflow", TINY)) == FORMS


def test_a_wrong_training_step_is_not_timed():
    builders = nade_candidates.builders("tensorflow", TINY)
    right = builders["full (cumulative sum) without XLA"]
    calls = []

    def without_update():
        calls.append(1)
        return first

    first = right()()
    candidates = {OURS: right(), "no update": without_update}
    with pytest.raises(RuntimeError, match="'no update' does other work"):
        nade.train_part(candidates, 3)
    # The first loss is right; only the second tells.
    assert len(calls) == 2


def test_a_wrong_score_is_not_timed():
    candidates = nade_candidates.scorers("tensorflow", TINY)
    score = candidates[OURS]
    candidates["mean"] = lambda: score() / TINY.input_dim
    with pytest.raises(RuntimeError, match="'mean' does other work"):
        nade.scoring_part(candidates, 1, TINY)


def test_wrong_samples_are_not_timed():
    candidates = nade_candidates.samplers("tensorflow", TINY, 3)
    sample = candidates[OURS]
    candidates["negative"] = lambda: 1.0 - sample()
    with pytest.raises(RuntimeError, match="'negative' does other work"):
        nade.sampling_part(candidates, 1, 3)


def test_whole_passes_only_where_asked_for():
    drawn = nade_candidates.samplers("tensorflow", TINY, 1)
    assert set(drawn) == {OURS}


def test_xla_bytes_are_those_of_the_largest_program(tmp_path):
    assert xla_bytes(tmp_path) is None
    for name, size in (("step", 14531644), ("copy", 99)):
        text = f"BufferAssignment:\nTotal bytes used: {size} (13.86MiB)\n"
        path = (
            tmp_path / f"{name}.cpu_after_optimizations-buffer-assignment.txt"
        )
        path.write_text(text)
    assert xla_bytes(tmp_path) == 14531644


@pytest.mark.slow
def test_memory_is_measured_in_a_process_of_its_own():
    sizes = Sizes(batch_size=64, input_dim=128, units=64)
    memory = measure_memory("tensorflow", OURS, sizes, threads=1)
    # Two kernels and Adam's two moments of each: less no step can do with.
    assert memory.xla > 6 * 4 * 128 * 64
    # Less than one state per dimension.
    assert memory.xla < 4 * 64 * 128 * 64
