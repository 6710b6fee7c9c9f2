"""From the name of a source, as typed on a command line, to its data."""

import re

from training.data.chorales import load_cadences
from training.data.chorales import load_chorales
from training.data.dates import load_dates
from training.data.digits import load_digits
from training.data.idx_folder import load_idx_folder
from training.data.image_folder import load_image_folder
from training.data.memory_tasks import load_adding_problem
from training.data.memory_tasks import load_copy_task
from training.data.npz_file import load_npz_file
from training.data.pairs_file import load_pairs_file
from training.data.parallel_texts import load_parallel_texts
from training.data.photographs import load_photographs
from training.data.python_docs import load_python_docs
from training.data.text_file import load_text_file
from training.data.tfds_builders import load_tfds
from training.data.time_series import load_noisy_sine
from training.data.time_series import load_time_series

SYNTAX = (
    "digits, tfds:NAME[/CONFIG][?size=N], images:DIR[?size=N], "
    "pairs:FILE.tsv, parallel:DIR/SOURCE-TARGET, text:FILE, idx:DIR, npz:FILE, "
    "series:NAME, photographs, python_docs, dates, noisy_sine, chorales:NAME, "
    "cadences, adding:T, copy:T"
)

_EMBEDDED = {
    "digits": load_digits,
    "photographs": load_photographs,
    "python_docs": load_python_docs,
    "dates": load_dates,
    "noisy_sine": load_noisy_sine,
    "cadences": load_cadences,
}
_LOADERS = {
    "tfds": load_tfds,
    "images": load_image_folder,
    "pairs": load_pairs_file,
    "parallel": load_parallel_texts,
    "text": load_text_file,
    "idx": load_idx_folder,
    "npz": load_npz_file,
    "series": load_time_series,
    "chorales": load_chorales,
    "adding": load_adding_problem,
    "copy": load_copy_task,
}
_RESIZABLE = ("tfds", "images")


def load_dataset(source):
    """Loads any data set that the command line can name.

    Args:
        source: str, one of

            - `digits`: the 1,797 digits inside scikit-learn;
            - `photographs`: 8x8 patches of scikit-learn's two photographs;
            - `python_docs`: the language reference inside Python;
            - `dates`: dates written out in eleven languages, and in ISO 8601;
            - `noisy_sine`: a simulated series;
            - `tfds:NAME[/CONFIG]`: a TensorFlow Datasets builder;
            - `images:DIR`: PNG or JPEG files, one sub-folder per class;
            - `pairs:FILE.tsv`: source, tab, target on every line;
            - `parallel:DIR/SOURCE-TARGET`: files of one language each;
            - `text:FILE`: UTF-8 text, or a folder of train, valid and test;
            - `idx:DIR`: the four files of MNIST's own format;
            - `npz:FILE`: NumPy arrays;
            - `series:NAME`: a CSV file of numbers, or one known by name;
            - `chorales:NAME`: a JSON file of pitches, or one known by name;
            - `cadences`: simulated triads;
            - `adding:T`: the adding problem over T steps;
            - `copy:T`: the copy memory task with a pause of T steps.

            `?size=N` after `tfds:` or `images:` crops the centre square of
            each image and resizes it to N x N.

    Returns:
        `Dataset`.

    Raises:
        ValueError: if the source is unknown or its content is not valid.
        FileNotFoundError: if the file or folder does not exist.
        DataUnavailableError: if TensorFlow Datasets can neither find nor
            download the data.
    """
    kind, _, location = source.partition(":")
    if source in _EMBEDDED:
        return _EMBEDDED[source]()
    if kind not in _LOADERS or not location:
        raise ValueError(
            f"A data source must be one of: {SYNTAX}. "
            f"Received: source={source!r}"
        )
    location, size = _split_size(location)
    if size is None:
        return _LOADERS[kind](location)
    if kind not in _RESIZABLE:
        raise ValueError(
            f"`?size=` works with {' and '.join(_RESIZABLE)} only. "
            f"Remove it. Received: source={source!r}"
        )
    return _LOADERS[kind](location, size=size)


def _split_size(location):
    match = re.fullmatch(r"(.*)\?(\w+)=(.*)", location)
    if match is None:
        return location, None
    location, option, value = match.groups()
    if option != "size" or not re.fullmatch(r"[1-9]\d*", value):
        raise ValueError(
            "The only option of a data source is `?size=N` with a positive "
            f"int N. Received: ?{option}={value}"
        )
    return location, int(value)
