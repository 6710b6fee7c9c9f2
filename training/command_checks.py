"""What a command names, checked before TensorFlow is imported."""

import pathlib
import re

from training.names import check_name
from training.names import did_you_mean
from training.overrides import COMPILE_OPTIONS
from training.recipe import PARTS
from training.recipe import PLACES
from training.recipe import Recipe
from training.recipes import PRESETS
from training.recipes import RECIPES

# What `training.data.sources` loads: names alone, and kinds before a colon.
EMBEDDED = (
    "digits",
    "captioned_digits",
    "photographs",
    "python_docs",
    "dates",
    "noisy_sine",
    "cadences",
)
KINDS = (
    "tfds",
    "images",
    "domains",
    "attributes",
    "captions",
    "pairs",
    "parallel",
    "text",
    "idx",
    "npz",
    "series",
    "chorales",
    "captioned_digits",
    "adding",
    "copy",
)
_KIND_OF_SUFFIX = {".csv": "series", ".npz": "npz", ".txt": "text"}
# Options of other programs, and what they are here.
_OPTIONS = {
    "lr": "--set optimizer.learning_rate=",
    "learning-rate": "--set optimizer.learning_rate=",
    "batch-size": "--set global_batch_size=",
    "bs": "--set global_batch_size=",
    "num-epochs": "--epochs ",
    "max-steps": "--steps ",
    "num-steps": "--steps ",
    "num-train-epochs": "--epochs ",
    "hidden-size": "--set model.units=",
    "units": "--set model.units=",
    "output-dir": "--run-dir ",
    "out-dir": "--run-dir ",
    "logdir": "--run-dir ",
    "dataset": "--data ",
    "data-dir": "--data ",
    "resume": "--run-dir ",
    "checkpoint": "--init-from ",
    "pretrained": "--init-from ",
    "gpus": "--strategy mirrored --devices ",
}
# Options of `train` that are whole numbers, and the least of each.
_INTS = {
    "steps": 1,
    "epochs": 0,
    "seed": 0,
    "devices": 1,
    "gradient-accumulation": 1,
}
# Of `model.compile`, beside optimizers, whose names are the model's.
_COMPILE = (*COMPILE_OPTIONS, "weighted_metrics")


def check_options(arguments):
    """Checks numbers; tells what options of other programs are called here.

    Args:
        arguments: list of str, the words of a command.

    Raises:
        ValueError: if `train` is given one of them, a number that cannot be,
            or two budgets.
    """
    if arguments[:1] != ["train"]:
        return
    for word in arguments[1:]:
        name, _, value = word.partition("=")
        name = name.removeprefix("--").replace("_", "-")
        ours = _OPTIONS.get(name) if word.startswith("--") else None
        if ours is not None:
            raise ValueError(
                f"There is no option `--{name}`. Did you mean "
                f"`{ours}{value or '...'}`? `python -m training list RECIPE` "
                "prints all that `--set` reaches."
            )
    given = {name: _option(arguments, f"--{name}") for name in _INTS}
    for name, text in given.items():
        least = _INTS[name]
        is_int = text is not None and re.fullmatch(r"[+-]?\d+", text)
        if text is not None and (not is_int or int(text) < least):
            raise ValueError(
                f"`--{name}` must be an int, at least {least}. "
                f"Received: {text!r}"
            )
    if given["steps"] is not None and given["epochs"] is not None:
        raise ValueError(
            "`--steps` and `--epochs` both say how long to train: give one. "
            f"Received: --steps {given['steps']} --epochs {given['epochs']}"
        )


def check_train(recipe, preset, overrides):
    """Checks what `train` was given, as far as names tell.

    Args:
        recipe: str. Name of a recipe.
        preset: str.
        overrides: list of `path=value`.

    Raises:
        ValueError: if there is no such recipe, value or source of data.
    """
    check_name(recipe, RECIPES, "recipe")
    check_name(preset, PRESETS, "preset")
    fields = {*Recipe.__dataclass_fields__, *PARTS, *PLACES, *_COMPILE}
    fields.remove("replaced")  # By the source, and not by its name.
    for assignment in overrides:
        path, _, value = assignment.partition("=")
        first = path.strip().partition(".")[0]
        if not first.endswith("optimizer"):
            _check_value(first, sorted(fields), recipe)
        if path.strip() in ("data", "data.source"):
            check_source(value)


def _check_value(name, fields, recipe):
    if name in fields or did_you_mean(name, fields):
        check_name(name, fields, "value")
        return
    raise ValueError(
        f"There is no value {name!r} of the recipe itself. One of its model is "
        f"`model.{name}`; `python -m training list {recipe}` prints all there "
        "are."
    )


def check_launch(command, address, ray, host_network=False):
    """Checks what `launch` was given.

    Args:
        command: tuple of str, the words after `--`.
        address: str, or None. Of Ray's cluster.
        ray: bool.
        host_network: bool. Whether workers stay in the machine's network.

    Raises:
        ValueError: if the command is none that workers run.
    """
    if len(command) < 2 or command[0] != "train":
        raise ValueError(
            "Workers train: `python -m training launch --workers 2 -- train "
            f"RECIPE ...`. Received after `--`: {' '.join(command)!r}"
        )
    check_name(command[1], RECIPES, "recipe")
    if address and not ray:
        raise ValueError(
            "`--address` is that of Ray's cluster: say `--ray`, too. "
            f"Received: {address!r}"
        )
    service = _option(command, "--data-service")
    if service:
        _check_reached("--data-service", service, address, ray, host_network)
    remote = _option(command, "--checkpoint-to")
    if remote and not remote.startswith(("file:", "local:")):
        _check_reached("--checkpoint-to", remote, address, ray, host_network)


def _option(command, name):
    """The value of an option among the words of a command, or None."""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        if word == name:
            return following
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _check_reached(option, value, address, ray, host_network):
    """Checks that workers may be in a network with what they are to reach."""
    if ray and not address:
        raise ValueError(
            f"Workers of a Ray cluster that is made for them alone reach "
            f"nothing outside this machine: name a cluster by `--address`. "
            f"Received: {option} {value}"
        )
    if not ray and not host_network:
        raise ValueError(
            "Workers with a network of their own reach nothing outside it: say "
            f"`launch --host-network`, too. Received: {option} {value}"
        )


def checked_address(address):
    """`host:port` of `host:port` or `grpc://host:port`; None of None.

    Raises:
        ValueError: if it is neither.
    """
    if address is None:
        return None
    found = address.removeprefix("grpc://")
    host, _, port = found.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(
            "`--data-service` is `host:port` of the dispatcher. "
            f"Received: {address!r}"
        )
    return found


def check_source(source):
    """Checks the kind of a source of data, not what it holds."""
    kind, colon, _ = source.partition(":")
    is_embedded = source.partition("?")[0] in EMBEDDED
    if not is_embedded and not (colon and kind in KINDS):
        raise ValueError(
            f"A data source must be one of {', '.join(EMBEDDED)}, or begin "
            f"with {', '.join(f'{kind}:' for kind in KINDS)}."
            f"{_meant(source)} Received: {source!r}"
        )


def _meant(source):
    """A sentence that offers the source that was meant, or an empty string."""
    kind, _, location = source.partition(":")
    location = location or source
    path = pathlib.Path(location.partition("?")[0]).expanduser()
    by_path = "images" if path.is_dir() else _KIND_OF_SUFFIX.get(path.suffix)
    if by_path is not None:
        return f" Did you mean `{by_path}:{location}`?"
    if source in KINDS:
        return f" Did you mean `{source}:`?"
    return did_you_mean(kind, (*EMBEDDED, *KINDS))


def check_run(run_dir):
    """Checks that there is a run in a folder."""
    if not (pathlib.Path(run_dir) / "config.json").exists():
        beside = pathlib.Path(run_dir).absolute().parent.glob("*/config.json")
        near = did_you_mean(
            pathlib.Path(run_dir).name, [path.parent.name for path in beside]
        )
        raise FileNotFoundError(
            f"{run_dir} is no run folder: it has no config.json.{near} "
            "`python -m training train RECIPE --run-dir DIR` makes one."
        )
