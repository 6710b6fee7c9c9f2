"""Music as chords in time: chorales from a file, and simulated cadences."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.dataset import DataUnavailableError
from training.data.known_files import original_files_folder
from training.data.text_file import read_text

# The keys of a piano, A0 to C8, as MIDI numbers them.
LOWEST, HIGHEST = 21, 108
NUM_KEYS = HIGHEST - LOWEST + 1

# Triads of C major over two octaves: tonic, subdominant, dominant, submediant.
_TRIADS = (
    (48, 64, 67, 72),
    (53, 60, 69, 72),
    (55, 62, 67, 71),
    (57, 64, 69, 72),
)
_CHANCES = ((1, 3, 3, 2), (3, 1, 4, 1), (6, 1, 1, 2), (1, 4, 4, 1))


def load_chorales(name):
    """Loads pieces of music: lists of steps, each a list of MIDI pitches.

    Args:
        name: str. A JSON file with the keys `train`, `valid` and `test`, or the
            name, without `.json`, of one in the folder `jsb_chorales` below
            `KERAS_GENSEQ_DATA`.

    Returns:
        `Dataset` of kind `"notes"`.

    Raises:
        DataUnavailableError: if there is no such file.
        ValueError: if it holds anything else, or pitches that are not whole
            or not on the piano; piece and step are named, from 0.
    """
    path = pathlib.Path(name).expanduser()
    if path.is_dir() or path.suffix.lower() in (".mid", ".midi", ".abc"):
        raise DataUnavailableError(
            f"{str(path)!r} is no JSON file of pitches. Expected a file of the "
            "keys train, valid and test, each a list of pieces, those lists "
            "of steps, those lists of MIDI pitches."
        )
    if path.suffix != ".json" and not path.is_file():
        path = original_files_folder() / "jsb_chorales" / f"{name}.json"
    if not path.is_file():
        raise DataUnavailableError(
            f"There is no file {str(path)!r}. Give a JSON file, or let "
            "KERAS_GENSEQ_DATA name the folder that holds `jsb_chorales`."
        )
    try:
        pieces = json.loads(read_text(path))
        pieces = {split: list(pieces[split]) for split in SPLITS}
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{str(path)!r} must hold the keys train, valid and test, each a "
            "list of pieces of steps of MIDI pitches from "
            f"{LOWEST} to {HIGHEST}. Reading it failed: {error!r}"
        ) from error
    rolls = {
        split: [
            _piano_roll(piece, f"{split} piece {i} of {str(path)!r}")
            for i, piece in enumerate(pieces[split])
        ]
        for split in SPLITS
    }
    for split in SPLITS:
        if not rolls[split]:
            raise ValueError(
                f"{str(path)!r} must hold a piece in each of train, valid and "
                f"test. Received: none in {split}"
            )
    return _notes(f"chorales:{name}", rolls, f"from {path.name}")


def load_cadences():
    """Simulates pieces of four-part triads, the same ones every time.

    Returns:
        `Dataset` of kind `"notes"`: 200 / 25 / 25 pieces of 16 to 32 steps.
    """
    rng = np.random.RandomState(0)
    chances = np.array(_CHANCES) / np.sum(_CHANCES, axis=1, keepdims=True)
    rolls = {split: [] for split in SPLITS}
    for split, count in zip(SPLITS, (200, 25, 25), strict=True):
        for _ in range(count):
            chord, steps = 0, []
            for _ in range(rng.randint(16, 33)):
                steps.append(_TRIADS[chord])
                chord = rng.choice(len(_TRIADS), p=chances[chord])
            rolls[split].append(_piano_roll(steps, "a cadence"))
    return _notes("cadences", rolls, "triads that follow by chance, simulated")


def _piano_roll(steps, name):
    """`(time, 88)` zeros and ones."""
    if not isinstance(steps, (list, tuple)) or not steps:
        raise ValueError(
            f"{name} must be a list of steps, and not empty. "
            f"Received: {steps!r}"
        )
    roll = np.zeros((len(steps), NUM_KEYS), "float32")
    for step, (row, pitches) in enumerate(zip(roll, steps, strict=True)):
        if not isinstance(pitches, (list, tuple)):
            raise ValueError(
                f"{name}, step {step}, must be a list of pitches, empty for a "
                f"rest. Received: {pitches!r}"
            )
        for pitch in pitches:
            if (
                isinstance(pitch, bool)
                or not isinstance(pitch, (int, float))
                or pitch % 1
                or not LOWEST <= pitch <= HIGHEST
            ):
                raise ValueError(
                    f"{name}, step {step}, must hold whole MIDI pitches from "
                    f"{LOWEST} to {HIGHEST}; a rest is an empty list. "
                    f"Received: {pitch!r}"
                )
            row[int(pitch) - LOWEST] = 1.0
    return roll


def _notes(name, rolls, words):
    """Pieces of one length, filled up with -1."""
    longest = max(len(roll) for part in rolls.values() for roll in part)
    splits = {}
    for split, part in rolls.items():
        x = np.full((len(part), longest, NUM_KEYS), -1.0, "float32")
        for row, roll in zip(x, part, strict=True):
            row[: len(roll)] = roll
        splits[split] = tf.data.Dataset.from_tensor_slices({"x": x})
    pieces = " / ".join(f"{len(rolls[split])}" for split in SPLITS)
    steps = " / ".join(f"{sum(map(len, rolls[s])):,}" for s in SPLITS)
    return Dataset(
        name=name,
        kind="notes",
        splits=splits,
        num_classes=None,
        element_shape=(longest, NUM_KEYS),
        description=f"{pieces} pieces of {steps} steps: {words}.",
    )
