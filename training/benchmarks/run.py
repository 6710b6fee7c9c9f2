"""Runs a benchmark by its name."""

import importlib
import shlex

from training.benchmarks import BENCHMARKS
from training.benchmarks import PAGE
from training.benchmarks import environment
from training.benchmarks.table import write_section


def run_benchmark(name, repeats=5, write=False, threads=None):
    """Times a system, prints its tables and maybe writes them down.

    Args:
        name: str. Key of `BENCHMARKS`.
        repeats: int. Timings of which the median counts.
        write: bool. Replace the system's section of `docs/benchmarks.md`.
        threads: int. Threads of TensorFlow and PyTorch; None for all cores.

    Raises:
        ValueError: if there is no such benchmark, or `threads` is not
            positive.
        RuntimeError: if the candidates do not do the same work.
    """
    if name not in BENCHMARKS:
        raise ValueError(
            f"There is no benchmark {name!r}. Choose one of: "
            f"{', '.join(sorted(BENCHMARKS))}"
        )
    if threads is None:
        threads = environment.num_cores()
    if threads < 1:
        raise ValueError(
            f"`threads` must be at least 1. Received: threads={threads}"
        )
    module = importlib.import_module(BENCHMARKS[name])
    words = ["python", "-m", "training", "benchmark", name]
    words += ["--repeats", str(repeats), "--threads", str(threads)]
    words += ["--write"] if write else []
    load = environment.load()
    text = module.benchmark(repeats, threads)
    header = environment.describe(shlex.join(words), threads, load)
    text = f"{header}\n\n{text}"
    print(f"## {module.TITLE}\n\n{text}")
    if write:
        write_section(PAGE, module.TITLE, text)
