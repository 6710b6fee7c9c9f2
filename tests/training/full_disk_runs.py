"""A run on a disk that is full, then read-only, then has room again.

Run in a mount namespace of its own: `python -m tests.training.full_disk_runs
DISK`. DISK is a small file system, mounted there. Prints a line of JSON: the
exit status of each command, and digests of what was kept before the disk was
full and after. The output of each command is left beside DISK.
"""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

from tests.training.forks import Forks

TRAIN = [
    *("train", "nade", "--epochs", "2", "--set", "model.units=9"),
    *("global_batch_size=300", "jit_compile=False", "picture=None"),
    "model.implementation=full",
]


def main(disk):
    disk = pathlib.Path(disk).absolute()
    run, ballast = disk / "run", disk / "ballast"
    statuses = {}
    with Forks() as forks:

        def train(name):
            command = [*TRAIN, "--run-dir", str(run)]
            process = forks.start(command, disk.parent / name)
            statuses[name] = process.wait(300)

        train("whole")
        # An epoch is left to train; what is kept is the checkpoint before it.
        (run / "model.keras").unlink()
        shutil.rmtree(sorted(run.glob("checkpoints/*"))[-1])
        before = kept(run)
        fill(ballast)
        train("full")
        after = kept(run)
        remount(disk, "ro")
        train("read_only")
        remount(disk, "rw")
        ballast.unlink()
        train("again")
    print(json.dumps({"statuses": statuses, "before": before, "after": after}))


def kept(run):
    """dict: path -> digest of what the run goes on from."""
    paths = [*run.glob("checkpoints/step-*/*"), run / "config.json"]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 10))
        except OSError:
            pass


def remount(disk, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
