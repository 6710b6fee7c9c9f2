"""Peak memory of a training step of NADE, each measured in a fresh process.

TensorFlow offers no figure for a compiled function, but XLA writes its buffer
assignment to a folder when told to: the sum of all that a step needs at once.
For every candidate there is also the growth of the process's resident memory.
"""

import concurrent.futures
import dataclasses
import multiprocessing
import os
import pathlib
import re
import tempfile

from training.benchmarks.resident_memory import forget_peak
from training.benchmarks.resident_memory import resident


@dataclasses.dataclass(frozen=True)
class Memory:
    """What one candidate's training step needs.

    Attributes:
        xla: int. Bytes of XLA's buffers, arguments included; None without XLA.
        resident: int. Bytes by which a step raises the peak of the process's
            resident memory above that of a tiny one; None where the system
            does not tell.
    """

    xla: int | None
    resident: int | None


def measure_memory(framework, name, sizes, threads):
    """Measures one training step in a process of its own.

    Args:
        framework: `"tensorflow"` or `"torch"`.
        name: str. Key of `nade_candidates.builders(framework, sizes)`.
        sizes: `Sizes`.
        threads: int.

    Returns:
        `Memory`.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn")
        ) as pool,
    ):
        job = pool.submit(_run_steps, framework, name, sizes, threads, folder)
        growth = job.result()
        return Memory(xla_bytes(folder), growth)


def xla_bytes(folder):
    """Bytes of the largest program of which XLA left a buffer assignment.

    Args:
        folder: path given to XLA as `--xla_dump_to`.

    Returns:
        int, or None if there is none.
    """
    totals = []
    for path in pathlib.Path(folder).glob("*buffer-assignment.txt"):
        found = re.search(r"Total bytes used: (\d+)", path.read_text())
        if found:
            totals.append(int(found.group(1)))
    return max(totals, default=None)


def _run_steps(framework, name, sizes, threads, folder):
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_dump_to={folder}".strip()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # XLA reads its flags once, when TensorFlow is loaded.
    from training.benchmarks import nade_candidates
    from training.benchmarks.environment import set_threads

    set_threads(framework, threads)
    tiny = dataclasses.replace(sizes, batch_size=2, input_dim=4, units=3)
    nade_candidates.builders(framework, tiny)[name]()()
    before = resident("VmRSS")
    step = nade_candidates.builders(framework, sizes)[name]()
    step()
    # What compilation took for a moment does not count.
    forget_peak()
    for _ in range(2):
        step()
    peak = resident("VmHWM")
    return None if before is None else peak - before
