"""NADE beside its other formulations and PyTorch.

Run       python -m training benchmark nade --write
Measured  docs/benchmarks.md
"""

from training.benchmarks import nade_candidates
from training.benchmarks.agreement import check_equal
from training.benchmarks.agreement import check_same_samples
from training.benchmarks.environment import has_torch
from training.benchmarks.nade_candidates import OURS
from training.benchmarks.nade_candidates import RECOMPUTED
from training.benchmarks.nade_candidates import Sizes
from training.benchmarks.nade_memory import measure_memory
from training.benchmarks.table import markdown_table
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.workers import Workers

TITLE = "NADE"
_ABSENT = "PyTorch is left out: it is not installed (`pip install torch`)."


def benchmark(repeats, threads, sizes=None, memory=True):
    """Times training, scoring and sampling, and measures memory.

    Args:
        repeats: int. Timings of which the median counts.
        threads: int. Threads of each framework.
        sizes: `Sizes`, or None for the paper's.
        memory: bool. Measure memory too, in a process per candidate.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if the candidates do not compute the same.
    """
    sizes = sizes or Sizes()
    frameworks = ["tensorflow"] + (["torch"] if has_torch() else [])
    parts = [_introduction(sizes)]
    with Workers(threads) as workers:

        def build(builder, *arguments):
            calls = {}
            for framework in frameworks:
                calls |= workers.build(
                    framework, builder, framework, sizes, *arguments
                )
            return calls

        parts += train_part(build(nade_candidates.steps), repeats)
        parts += scoring_part(build(nade_candidates.scorers), repeats, sizes)
        for num_samples in sizes.num_sampled:
            samplers = build(nade_candidates.samplers, num_samples)
            parts += sampling_part(samplers, repeats, num_samples)
    if memory:
        parts += memory_part(frameworks, sizes, threads)
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


def memory_part(frameworks, sizes, threads):
    """Heading, text and table of the training step's memory."""
    rows = []
    for framework in frameworks:
        for name in nade_candidates.builders(framework, sizes):
            memory = measure_memory(framework, name, sizes, threads)
            figures = (memory.xla, memory.resident)
            rows.append([name, *map(_mebibytes, figures)])
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


def sampling_part(candidates, repeats, num_samples):
    """Heading, text and table of sampling."""
    timings = measure(
        candidates, repeats, single=(RECOMPUTED,), check=check_same_samples
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
        "of the same class. `torch.compile` unrolls a loop over dimensions, "
        "which takes it many minutes: of PyTorch the cumulative sum alone is "
        "compiled."
    )
    return text if has_torch() else f"{text}\n\n{_ABSENT}"


def _mebibytes(value):
    return "" if value is None else f"{value / 2**20:,.0f}"
