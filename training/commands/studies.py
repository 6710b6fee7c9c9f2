"""Commands that prepare, measure and show."""

from pathlib import Path
from typing import Literal

import tyro

from training import command_checks
from training.silent_import import import_tensorflow

Folder = tyro.conf.Positional[Path]


def tokenizer(
    source: tyro.conf.Positional[str],
    /,
    output: Path,
    vocabulary_size: int = 8000,
    kind: Literal["unigram", "bpe"] = "unigram",
):
    """Train a SentencePiece tokenizer on the training split of a data set.

    Args:
        source: Texts or pairs of texts, as `train --data` takes them.
        output: File to write.
        vocabulary_size: Ids, padding among them.
        kind: Which pieces to choose: those of a unigram model, or of
            byte-pair encoding.
    """
    command_checks.check_source(source)
    import_tensorflow()
    from training.subwords import write_tokenizer

    write_tokenizer(source, output, vocabulary_size, kind)


def benchmark(
    name: tyro.conf.Positional[str],
    /,
    repeats: int = 5,
    threads: int | None = None,
    write: bool = False,
):
    """Time a system beside its peers.

    Args:
        name: System to time (`adversarial`, `captions`, `checkpoints`, `dalle`,
            `nade`, `pixels`, `recurrent`, `restarts`, `serving`,
            `transformer`, `translation`, `vae`, `vit`).
        repeats: Timings of which the median counts.
        threads: Threads of TensorFlow and its peers; by default all cores.
        write: Put the table into docs/benchmarks.md.
    """
    import_tensorflow()
    from training.benchmarks.run import run_benchmark

    run_benchmark(name, repeats, write, threads)


def study(
    name: tyro.conf.Positional[str],
    /,
    output: Path | None = None,
    length: int | None = None,
    units: int | None = None,
    updates: int | None = None,
    recipe: str | None = None,
    epochs: int | None = None,
    pair: tuple[str, str] | None = None,
    seed: int | None = None,
):
    """Study a question: figures and numbers in a folder.

    Args:
        name: What to study. `gradients`: of SimpleRNN, LSTM and GRU against
            the lag in time. `anomalies`: two data sets, each told from the
            other by a density of it.
        output: Folder; by default runs/study-NAME.
        length: Steps of the sequences (gradients).
        units: Width of each cell (gradients).
        updates: Updates of the short training (gradients).
        recipe: Recipe of the density (anomalies).
        epochs: Epochs of each training (anomalies).
        pair: The two sources of data (anomalies).
        seed: Seed of weights and data.
    """
    import_tensorflow()
    from training.analyses import run_study

    options = {
        "length": length,
        "units": units,
        "updates": updates,
        "recipe": recipe,
        "epochs": epochs,
        "pair": pair,
        "seed": seed,
    }
    run_study(
        name,
        output or Path("runs") / f"study-{name}",
        **{k: v for k, v in options.items() if v is not None},
    )


def demo(
    run_dir: Path = Path("runs/demo"), output: Path = Path("saved_models")
):
    """Train, evaluate, sample, export and query NADE on embedded digits.

    Args:
        run_dir: Folder of the run.
        output: Folder of exported models.
    """
    from training.demo import demo as run_demo

    run_demo(run_dir, output)
