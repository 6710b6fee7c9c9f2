"""What checkpoints cost, and copies of them."""

import statistics
import tempfile
import time
from pathlib import Path

import keras

from keras_genseq.models import NADE
from keras_genseq.models import VisionTransformer
from training.benchmarks import environment
from training.checkpoints import CheckpointStore
from training.markdown import markdown_table
from training.recipe import Schedule
from training.remote_folder import RemoteFolder
from training.run_copies import RunCopies
from training.run_folder import RunFolder

TITLE = "Checkpoints"
# The time between two that a recipe does not set.
PERIOD = Schedule.checkpoint_seconds
MODELS = (
    ("nade_mnist", NADE),
    ("vit_tiny_16", VisionTransformer),
    ("vit_small_16", VisionTransformer),
    ("vit_base_16", VisionTransformer),
)


def benchmark(repeats, threads, models=MODELS):
    """Times checkpoints of models with Adam, and copies of them.

    Args:
        repeats: int. Checkpoints of each, of which the median counts.
        threads: int. Threads of TensorFlow.
        models: pairs of the name of a preset and the class that has it.

    Returns:
        str, Markdown.
    """
    environment.set_threads("tensorflow", threads)
    rows = [_row(name, kind, repeats) for name, kind in models]
    header = ["preset, with Adam", "MB", "save s", f"of {PERIOD:g} s"]
    header += ["restore s", "copy s"]
    return "\n\n".join(
        [
            "Seconds to write a checkpoint to the disk (training waits for "
            "it), to read it, its digests checked, and to copy it to `file://` "
            "on the same disk, as `--checkpoint-to` does while training goes "
            "on.",
            markdown_table(header, rows),
        ]
    )


def _row(name, kind, repeats):
    model = kind.from_preset(name)
    model.compile(keras.optimizers.Adam())
    model.optimizer.build(model.trainable_variables)
    saves, copies = [], []
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run")
        run.path.mkdir()
        store = CheckpointStore(run.checkpoints, model.training_state)
        remote = RunCopies(run, RemoteFolder(f"file://{folder}/copies"))
        for step in range(1, repeats + 1):
            # Else a copy would be there already.
            model.optimizer.iterations.assign(step)
            model.trainable_variables[0].assign_add(
                keras.ops.full_like(model.trainable_variables[0], 1e-3)
            )
            saves.append(_seconds(lambda step=step: store.save(step, {})))
            copies.append(_seconds(remote.write))
        newest = max(run.checkpoints.iterdir())
        size = sum(path.stat().st_size for path in newest.iterdir())
        restore = _seconds(store.restore)
    save = statistics.median(saves)
    return [
        f"`{name}`",
        f"{size / 1e6:,.0f}",
        f"{save:.2f}",
        f"{save / PERIOD:.2%}",
        f"{restore:.2f}",
        f"{statistics.median(copies):.2f}",
    ]


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
