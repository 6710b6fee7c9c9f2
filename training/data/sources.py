"""From the name of a source, as typed on a command line, to its data."""

import difflib
import pathlib
import re

from training.data.attributes import load_attributes
from training.data.captioned_digits import load_captioned_digits
from training.data.captioned_digits import load_digit_scenes
from training.data.captioned_images import load_captioned_images
from training.data.chorales import load_cadences
from training.data.chorales import load_chorales
from training.data.dates import load_dates
from training.data.digits import load_digits
from training.data.domains import NAMES as DOMAINS
from training.data.domains import load_domains
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
from training.data.time_series import GAPS
from training.data.time_series import load_noisy_sine
from training.data.time_series import load_time_series

SYNTAX = (
    "digits[?size=N], tfds:NAME[/CONFIG][?size=N], images:DIR[?size=N], "
    "domains:DIR_A,DIR_B[?size=N][&only=a|b], attributes:DIR[?size=N], "
    "captions:DIR[?size=N], "
    "pairs:FILE.tsv, parallel:DIR/SOURCE-TARGET, text:FILE, idx:DIR, npz:FILE, "
    "series:FILE.csv[?gaps=fill|drop][&length=N], captioned_digits, "
    "photographs, python_docs, dates, noisy_sine, chorales:FILE.json, "
    "cadences, adding:T, copy:T"
)

_EMBEDDED = {
    "digits": load_digits,
    "captioned_digits": load_captioned_digits,
    "photographs": load_photographs,
    "python_docs": load_python_docs,
    "dates": load_dates,
    "noisy_sine": load_noisy_sine,
    "cadences": load_cadences,
}
_LOADERS = {
    "tfds": load_tfds,
    "images": load_image_folder,
    "domains": load_domains,
    "attributes": load_attributes,
    "captions": load_captioned_images,
    "pairs": load_pairs_file,
    "parallel": load_parallel_texts,
    "text": load_text_file,
    "idx": load_idx_folder,
    "npz": load_npz_file,
    "series": load_time_series,
    "chorales": load_chorales,
    "captioned_digits": load_digit_scenes,
    "adding": load_adding_problem,
    "copy": load_copy_task,
}
# The options of a source, and what their values may be.
_SIZE = {"size": range(1, 4_097)}
_OPTIONS = {
    "digits": _SIZE,
    "tfds": _SIZE,
    "images": _SIZE,
    "domains": {**_SIZE, "only": DOMAINS},
    "attributes": _SIZE,
    "captions": _SIZE,
    "series": {"gaps": GAPS, "length": range(1, 2**31)},
}


def load_dataset(source):
    """Loads any data set that the command line can name.

    Args:
        source: str, one of

            - `digits`: the 1,797 digits inside scikit-learn;
            - `captioned_digits`: scenes of them, with what they show in words;
            - `photographs`: 8x8 patches of scikit-learn's two photographs;
            - `python_docs`: the language reference inside Python;
            - `dates`: dates written out in eleven languages, and in ISO 8601;
            - `noisy_sine`: a simulated series;
            - `tfds:NAME[/CONFIG]`: a TensorFlow Datasets builder;
            - `images:DIR`: image files; sub-folders are classes, or `train`,
              `valid` and `test`;
            - `domains:DIR_A,DIR_B`: two folders of images, not paired; or a
              pair known by name: `digits`, `photographs`, `horse2zebra`,
              `mnist,usps`;
            - `attributes:DIR`: images, and an `attributes.csv` beside them;
              or a set known by name: `utkface`;
            - `captions:DIR`: images, and a `captions.tsv` beside them; or a
              set known by name: `noto_emoji`;
            - `pairs:FILE.tsv`: source, tab, target on every line;
            - `parallel:DIR/SOURCE-TARGET`: files of one language each;
            - `text:FILE`: a text, or a folder of train, valid and test;
            - `idx:DIR`: the four files of MNIST's own format;
            - `npz:FILE`: NumPy arrays;
            - `series:FILE.csv`: a table of numbers, or one known by name;
            - `chorales:FILE.json`: pitches, or a file known by name;
            - `cadences`: simulated triads;
            - `adding:T`: the adding problem over T steps;
            - `copy:T`: the copy memory task with a pause of T steps.

            `?size=N` after `digits` or another source of images crops the
            centre square of each and resizes it to N x N. After `domains:`,
            `?only=a` or `?only=b` takes one of the two. After `series:`,
            `?gaps=fill` draws lines over empty cells, `?gaps=drop` leaves their
            rows out, and `?length=N` sets the steps of windows; `&` joins two
            options.

    Returns:
        `Dataset`. Its `notes` say what was left out, and what was taken for
        what.

    Raises:
        ValueError: if the source is unknown or its content is not valid.
        FileNotFoundError: if the file or folder does not exist.
        DataUnavailableError: if TensorFlow Datasets can neither find nor
            download the data.
    """
    kind, _, location = source.partition(":")
    embedded = source.partition("?")[0]
    if embedded in _EMBEDDED:
        _, options = _split_options(embedded, source, source)
        return _EMBEDDED[embedded](**options)
    if kind not in _LOADERS or not location:
        raise ValueError(
            f"A data source must be one of: {SYNTAX}. "
            f"Received: source={source!r}.{_advice(source)}"
        )
    location, options = _split_options(kind, location, source)
    return _LOADERS[kind](location, **options)


def source_from(source, directory):
    """A source as it was meant where a run began, wherever one is now.

    Args:
        source: str, as for `load_dataset`.
        directory: str. The working directory at that time.

    Returns:
        The source with the paths that it had there, if its files still are
        there; else as it is.
    """
    kind, _, rest = source.partition(":")
    location, question, options = rest.partition("?")
    if kind not in _LOADERS:
        return source
    names = location.split(",") if kind == "domains" else [location]
    paths = [
        pathlib.Path(directory, pathlib.Path(n).expanduser()) for n in names
    ]
    here = [pathlib.Path(name).expanduser().absolute() for name in names]
    # Of files of one language each, the last name is the languages'.
    files = [p.parent for p in paths] if kind == "parallel" else paths
    if paths == here or not all(path.exists() for path in files):
        return source
    return f"{kind}:{','.join(map(str, paths))}{question}{options}"


def _advice(source):
    """What may have been meant by a source of no known kind, in a sentence."""
    kind, _, location = source.partition(":")
    if kind in _LOADERS:
        return f" Write what to load behind {kind}:"
    if kind in _EMBEDDED:
        return f" Write {kind!r} alone: it is inside the package."
    path = pathlib.Path(location or source).expanduser()
    by_suffix = {
        **dict.fromkeys((".csv", ".tsv", ".gz"), "series"),
        ".npz": "npz",
        ".json": "chorales",
        ".txt": "text",
    }
    near = by_suffix.get(path.suffix.lower())
    if near is None and path.is_dir():
        near = "images"
    kinds = [*_LOADERS, *_EMBEDDED]
    found = difflib.get_close_matches(kind.lower(), kinds, n=1)
    if found and (location or found[0] in _EMBEDDED):
        return f" Did you mean `{found[0]}{':' if location else ''}{location}`?"
    return f" Did you mean `{near}:{location or source}`?" if near else ""


def _split_options(kind, location, source):
    """Takes `?name=value&name=value` off the end of a location."""
    match = re.fullmatch(r"(.+?)\?(\w+=[^?]*)", location)
    if match is None:
        return location, {}
    known, options = _OPTIONS.get(kind, {}), {}
    for option in match[2].split("&"):
        name, _, text = option.partition("=")
        if name not in known:
            having = [k for k, names in _OPTIONS.items() if name in names]
            words = (
                f"`?{name}=` works with {', '.join(having)} only."
                if having
                else f"There is no option `?{name}=`."
            )
            there_are = ", ".join(f"?{each}=" for each in known) or "none"
            raise ValueError(
                f"{words} Options of {kind}: {there_are}. Received: ?{option} "
                f"in {source!r}"
            )
        options[name] = _value(name, text, known[name])
    return match[1], options


def _value(name, text, allowed):
    if isinstance(allowed, range):
        # Digits alone, and few: longer ones are slow to read.
        if re.fullmatch(r"[1-9][0-9]{0,9}", text) and int(text) in allowed:
            return int(text)
        expected = f"an int from {allowed[0]} to {allowed[-1]:,}"
    elif text in allowed:
        return text
    else:
        expected = f"one of {', '.join(allowed)}"
    raise ValueError(f"`?{name}=` must be {expected}. Received: ?{name}={text}")
