"""NADE beside its other formulations and PyTorch.

Run       python -m training benchmark nade --write
Measured  docs/benchmarks.md
"""

from training.benchmarks import nade_candidates
from training.benchmarks.agreement import check_equal
from training.benchmarks.agreement import check_same_samples
from training.benchmarks.environment import get_threads
from training.benchmarks.environment import has_torch
from training.benchmarks.nade_candidates import OURS
from training.benchmarks.nade_candidates import Sizes
from training.benchmarks.nade_memory import measure_memory
from training.benchmarks.table import markdown_table
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure

TITLE = "NADE"
_ABSENT = "PyTorch is left out: it is not installed (`pip install torch`)."


def benchmark(repeats, sizes=None, memory=True):
    """Times training, scoring and sampling, and measures memory.

    Args:
        repeats: int. Timings of which the median counts.
        sizes: `Sizes`, or None for the paper's.
        memory: bool. Measure memory too, in a process per candidate.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if the candidates do not compute the same.
    """
    sizes = sizes or Sizes()
    parts = [_introduction(sizes)]
    steps = nade_candidates.steps(sizes)
    parts += train_part({n: build() for n, build in steps.items()}, repeats)
    if memory:
        parts += memory_part(list(steps), sizes)
    parts += scoring_part(nade_candidates.scorers(sizes), repeats, sizes)
    for num_samples in sizes.num_sampled:
        candidates, single = nade_candidates.samplers(sizes, num_samples)
        parts += sampling_part(candidates, single, repeats, num_samples)
    return "\n\n".join(parts)


def train_part(candidates, repeats):
    """Heading, text and table of the training step."""
    timings = measure(candidates, repeats, check=check_equal)
    return [
        "### Training step",
        "Forward pass, gradient and an update by Adam, through the function "
        "that `fit` calls for every batch. The losses of the first two steps "
        "agree to 0.1 %.",
        timing_table(timings, OURS),
    ]


def memory_part(names, sizes):
    """Heading, text and table of the training step's memory."""
    rows = []
    for name in names:
        memory = measure_memory(name, sizes, get_threads())
        rows.append([name, _mebibytes(memory.xla), _mebibytes(memory.resident)])
    return [
        "### Memory of a training step",
        "Buffers: the sum of XLA's buffer assignment, weights and optimizer "
        "included. Resident: by how much the step raises the peak of a fresh "
        "process that has run a tiny one before; it depends on the allocator.",
        markdown_table(["candidate", "buffers MiB", "resident MiB"], rows),
    ]


def scoring_part(candidates, repeats, sizes):
    """Heading, text and table of scoring."""
    timings = measure(candidates, repeats, check=check_equal)
    return [
        f"### Scoring {sizes.num_scored} examples",
        "`model.log_prob` (always under XLA), checks of its input included. "
        "The log-likelihoods agree to 0.1 %.",
        timing_table(timings, OURS, work=sizes.num_scored, unit="examples"),
    ]


def sampling_part(candidates, single, repeats, num_samples):
    """Heading, text and table of sampling."""
    timings = measure(
        candidates, repeats, single=single, check=check_same_samples
    )
    return [
        f"### Sampling, {num_samples} at once",
        "`model.sample`, the noise included; the others are handed the same "
        "noise and draw the same samples.",
        timing_table(timings, OURS, work=num_samples, unit="samples"),
    ]


def _introduction(sizes):
    text = (
        f"{sizes.input_dim} dimensions, {sizes.units} hidden units, float32; "
        f'a training batch has {sizes.batch_size} examples. "{OURS}" is '
        '`NADE(...)` with `implementation="auto"` under XLA, as the recipe '
        "trains it; the other formulations named without PyTorch are options "
        "of the same class."
    )
    return text if has_torch() else f"{text}\n\n{_ABSENT}"


def _mebibytes(value):
    return "" if value is None else f"{value / 2**20:,.0f}"
