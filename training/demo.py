"""The whole way in one command: train, evaluate, sample, export, query."""

import pathlib
import subprocess
import sys


def demo(run_dir="runs/demo", output="saved_models"):
    """Runs every step as its own command, as one would type them.

    Args:
        run_dir: path of the run folder; a run there goes on.
        output: folder of exported models.

    Raises:
        RuntimeError: if a step fails.
    """
    run_dir, output = str(run_dir), str(output)
    steps = [
        ["train", "nade", "--run-dir", run_dir],
        ["sample", run_dir],
        ["export", run_dir, "--output", output],
        ["query", str(pathlib.Path(output) / "nade"), "score"],
        ["query", str(pathlib.Path(output) / "nade"), "sample"]
        + ["--input", "seed=[1,2,3]", "--input", "temperature=[1,1,0.5]"],
    ]
    for step in steps:
        command = [sys.executable, "-m", "training", *step]
        print("\n$ python -m training " + " ".join(step), flush=True)
        if subprocess.run(command, check=False).returncode:
            raise RuntimeError(
                f"`{' '.join(step)}` failed; what it printed says why."
            )
