"""Seconds from a worker's death until the group has trained on."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from training.benchmarks import environment
from training.markdown import markdown_table

TITLE = "Restarts"
_COMMAND = ("train", "nade", "--epochs", "100000", "--set", "model.units=9")
_COMMAND += ("model.implementation=full", "checkpoint_every=5")
_COMMAND += ("jit_compile=false", "steps_per_execution=1")
_MOST_SECONDS = 900.0


def benchmark(repeats, threads, workers=2):
    """Kills workers of a launched group in turns.

    Args:
        repeats: int. Deaths of each worker.
        threads: int. Threads of TensorFlow in all workers together.
        workers: int.

    Returns:
        str, Markdown.
    """
    with tempfile.TemporaryDirectory() as folder:
        group = _Group(Path(folder), workers, threads)
        try:
            group.wait_for_checkpoint()
            seconds = {
                index: [group.kill(index) for _ in range(repeats)]
                for index in range(workers)
            }
        finally:
            group.end()
    rows = [
        [str(index), f"{statistics.median(each):.0f}", _range(each)]
        for index, each in seconds.items()
    ]
    return "\n\n".join(
        [
            "From SIGKILL of a worker to the next checkpoint, which is written "
            "every five updates, of `python -m training launch --workers "
            f"{workers} -- {' '.join(_COMMAND)}`. Load when it ended: "
            f"{environment.load()}.",
            markdown_table(["worker killed", "median s", "range s"], rows),
        ]
    )


class _Group:
    """A launcher and its workers."""

    def __init__(self, folder, workers, threads):
        self._checkpoints = folder / "run" / "checkpoints"
        command = ["-m", "training", "launch", "--workers", str(workers)]
        command += ["--max-restarts", "1000", "--", *_COMMAND]
        share = str(max(1, threads // workers))
        root = str(Path(__file__).parent.parent.parent)
        with open(folder / "log", "w") as log:
            self._launcher = subprocess.Popen(
                [sys.executable, *command, "--run-dir", str(folder / "run")],
                env={
                    **os.environ,
                    "TF_NUM_INTRAOP_THREADS": share,
                    "PYTHONPATH": root,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_for_checkpoint(self):
        """Seconds until there is a newer checkpoint than now."""
        before, start = self._newest(), time.monotonic()
        while self._newest() == before:
            if time.monotonic() > start + _MOST_SECONDS:
                raise RuntimeError("The workers write no checkpoints.")
            if self._launcher.poll() is not None:
                raise RuntimeError("The launcher has ended.")
            time.sleep(0.01)
        return time.monotonic() - start

    def kill(self, index):
        os.kill(self._worker(index), signal.SIGKILL)
        return self.wait_for_checkpoint()

    def end(self):
        self._launcher.send_signal(signal.SIGTERM)
        self._launcher.wait()

    def _newest(self):
        names = [path.name for path in self._checkpoints.glob("step-*")]
        return max(names, default="")

    def _worker(self, index):
        """Process of a worker, by the place that its environment gives it."""
        task = f'"task": {{"type": "worker", "index": {index}}}'
        pid = self._launcher.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        for child in children.split():
            if task in Path(f"/proc/{child}/environ").read_text():
                return int(child)
        raise RuntimeError(f"Worker {index} is not there.")


def _range(seconds):
    return f"{min(seconds):.0f}-{max(seconds):.0f}"
