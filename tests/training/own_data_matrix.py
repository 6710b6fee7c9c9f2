"""Every recipe on data of every kind, as users have them: no test, a table.

Run       python -m tests.training.own_data_matrix FOLDER
          python -m tests.training.own_data_matrix FOLDER \
              --recipes vae,dcgan --data 12-grey
A few updates each; what came is written to `FOLDER/matrix.md`: "report", the
sentence that refused, or the last line of a traceback, which is a fault.
"""

import argparse
import contextlib
import io
import itertools
import pathlib
import shutil
import time
import traceback

import numpy as np
from PIL import Image

from training.__main__ import main as run_command
from training.recipes import RECIPES
from training.recipes import find_recipe

UPDATES = 4
_WORDS = [
    "time",
    "and",
    "the",
    "river",
    "run",
    "to",
    "sea",
    "while",
    "old",
    "men",
    "sing",
    "of",
    "snow",
]


def write_images(folder, count, channels, size, num_classes):
    """Blobs of noise, of which each class has another brightness."""
    rng = np.random.default_rng(count + channels)
    for i in range(count):
        label = i % max(1, num_classes)
        pixels = rng.integers(60 * label, 60 * label + 120, (*size, channels))
        inner = folder / f"class-{label}" if num_classes else folder
        inner.mkdir(parents=True, exist_ok=True)
        image = pixels.astype("uint8")
        image = Image.fromarray(image if channels == 3 else image[..., 0])
        image.save(inner / f"{i}.png")


def write_text(path, size, kind):
    rng = np.random.default_rng(size)
    if kind == "chinese":
        letters = [chr(0x4E00 + i) for i in range(60)]
        text = "".join(rng.choice(letters, size))
    else:
        words = " ".join(rng.choice(_WORDS, size // 4))[:size]
        text = words if kind == "line" else words.replace(" old ", "\n")
    path.write_text(text, encoding="utf-8")


def write_table(path, rows, columns, with_dates, with_gaps):
    rng = np.random.default_rng(rows + columns)
    steps = np.arange(rows)
    values = (
        20
        + 5 * np.sin(steps / 7.0)[:, None]
        + rng.normal(0.0, 1.0, (rows, columns))
    )
    names = [f"sensor {i}" for i in range(columns)]
    dates = np.datetime64("2024-01-01") + steps
    lines = [",".join((["date"] if with_dates else []) + names)]
    for row in range(rows):
        cells = [f"{value:.3f}" for value in values[row]]
        if with_gaps and row % 17 == 5:
            cells[0] = ""
        lines.append(
            ",".join(([str(dates[row])] if with_dates else []) + cells)
        )
    path.write_text("\n".join(lines) + "\n")


def write_sources(folder):
    """Writes all data; returns dict: name -> source."""
    sources = {}
    for count, channels, size, num_classes in itertools.product(
        (12, 40, 300), (1, 3), ((17, 23), (48, 48)), (0, 3)
    ):
        words = f"{count}-{'color' if channels == 3 else 'grey'}-"
        words += f"{size[0]}x{size[1]}{'-classes' if num_classes else ''}"
        path = folder / words
        if not path.exists():
            write_images(path, count, channels, size, num_classes)
        sources[words] = f"images:{path}"
    for size, kind in (
        (1_000, "ascii"),
        (1_000, "chinese"),
        (40_000, "ascii"),
        (40_000, "line"),
        (40_000, "chinese"),
    ):
        path = folder / f"text-{size}-{kind}.txt"
        write_text(path, size, kind)
        sources[path.stem] = f"text:{path}"
    for rows, columns, dates, gaps in (
        (80, 1, False, False),
        (80, 30, True, False),
        (400, 1, True, True),
        (400, 30, False, False),
    ):
        path = folder / f"table-{rows}x{columns}{'-gaps' if gaps else ''}.csv"
        write_table(path, rows, columns, dates, gaps)
        options = "?gaps=fill" if gaps else ""
        sources[path.stem] = f"series:{path}{options}"
    for name, draw in (
        ("bits", lambda rng, n: rng.integers(0, 2, (n, 20)).astype("float32")),
        ("reals", lambda rng, n: rng.random((n, 13), "float32")),
    ):
        rng, path = np.random.default_rng(0), folder / f"vectors-{name}.npz"
        np.savez(path, x_train=draw(rng, 200), x_test=draw(rng, 50))
        sources[path.stem] = f"npz:{path}"
    path = folder / "pairs-60.tsv"
    rng = np.random.default_rng(0)
    rows = [" ".join(rng.choice(_WORDS, 5)) for _ in range(60)]
    path.write_text("".join(f"{r}\t{r.upper()}\n" for r in rows))
    sources[path.stem] = f"pairs:{path}"
    return sources


def outcome(name, source, run_dir):
    """What a recipe makes of a source: a word, the seconds, what it printed."""
    recipe = find_recipe(name, "demo")
    arguments = ["train", name, "--data", source, "--run-dir", str(run_dir)]
    if recipe.schedule.epochs:
        arguments += ["--steps", str(UPDATES)]
    if "jit_compile" in recipe.compile:
        arguments += ["--set", "jit_compile=false"]
    shutil.rmtree(run_dir, ignore_errors=True)
    printed, started = io.StringIO(), time.monotonic()
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            code = run_command(arguments)
    except BaseException as error:  # a fault, which the table names
        if isinstance(error, KeyboardInterrupt):
            raise
        printed.write(traceback.format_exc())
        return f"TRACEBACK {error!r}", time.monotonic() - started, printed
    seconds = time.monotonic() - started
    if code == 0 and (run_dir / "report.md").exists():
        return "report", seconds, printed
    last = printed.getvalue().strip().splitlines()[-1]
    return f"refused: {last}", seconds, printed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument(
        "--data", default="", help="words that names begin with"
    )
    options = parser.parse_args()
    (options.folder / "data").mkdir(parents=True, exist_ok=True)
    sources = write_sources((options.folder / "data").absolute())
    chosen = tuple(options.data.split(","))
    table, lines = options.folder / "matrix.md", []
    for name in options.recipes.split(","):
        for data, source in sources.items():
            if not data.startswith(chosen):
                continue
            run_dir = options.folder / "runs" / f"{name}-{data}"
            word, seconds, printed = outcome(name, source, run_dir)
            logs = options.folder / "logs"
            logs.mkdir(exist_ok=True)
            (logs / f"{name}-{data}.txt").write_text(printed.getvalue())
            lines.append(f"| {name} | {data} | {word} | {seconds:.0f} s |")
            print(lines[-1], flush=True)
            shutil.rmtree(run_dir, ignore_errors=True)
            head = ["| recipe | data | what came | time |", "|---|---|---|---|"]
            table.write_text("\n".join(head + lines) + "\n")


if __name__ == "__main__":
    main()
