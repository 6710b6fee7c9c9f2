"""Where a run keeps what it leaves."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import pathlib
import re

from keras_genseq.export import atomic
from training.factory import without_modules
from training.recipe import DEFAULTS


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Paths of one run.

    Attributes:
        path: folder of the run.
    """

    path: pathlib.Path

    @property
    def config(self):
        """Resolved configuration, JSON."""
        return self.path / "config.json"

    @property
    def checkpoints(self):
        return self.path / "checkpoints"

    @property
    def best_weights(self):
        """Weights with the lowest monitored metric."""
        return self.path / "best.weights.h5"

    @property
    def model(self):
        """The trained model, a `.keras` file."""
        return self.path / "model.keras"

    @property
    def logs(self):
        """TensorBoard's event files."""
        return self.path / "logs"

    @property
    def metrics(self):
        """Metrics of every epoch, CSV."""
        return self.path / "metrics.csv"

    @property
    def results(self):
        """Results of the evaluation, JSON."""
        return self.path / "results.json"

    @property
    def figures(self):
        return self.path / "figures"

    @property
    def report(self):
        return self.path / "report.md"

    @contextlib.contextmanager
    def in_use(self):
        """Keeps other processes from training in this folder.

        It ends with the process, however that ends.

        Raises:
            BlockingIOError: if another process trains in it.
            OSError: if the folder cannot be made or written.
        """
        lock = str(self.path.absolute() / ".lock")
        with contextlib.ExitStack() as stack:
            try:
                with atomic.disk_errors(str(self.path)):
                    self.path.mkdir(parents=True, exist_ok=True)
                    stack.enter_context(atomic.locked(lock, wait=False))
            except OSError as error:
                if not isinstance(error.__cause__, BlockingIOError):
                    raise
                raise BlockingIOError(
                    f"{self.path} is in use: another process trains in it. "
                    "Wait until it has ended, or name another --run-dir."
                ) from error
            yield

    def read_config(self):
        """The configuration as `write_config` got it.

        Raises:
            FileNotFoundError: if this is no run folder.
            ValueError: if the file is damaged.
        """
        try:
            config = json.loads(self.config.read_text())
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{self.path} is no run folder: it has no config.json. "
                "`python -m training train RECIPE --run-dir DIR` makes one."
            ) from error
        except ValueError as error:
            raise ValueError(self._damaged(f"it is no JSON ({error})")) from (
                error
            )
        if not isinstance(config, dict):
            raise ValueError(
                self._damaged(f"it holds a {type(config).__name__}")
            )
        return config

    def read_resolved_config(self):
        """The same, with all that makes the run's recipe again.

        Raises:
            FileNotFoundError: if this is no run folder.
            ValueError: if the file is damaged, or what it says is no recipe.
        """
        config = self.read_config()
        for name in ("recipe", "preset", "command"):
            if not isinstance(config.get(name), str):
                raise ValueError(
                    self._damaged(f"{name!r} is {config.get(name)!r}, no name")
                )
        overrides = config.get("overrides")
        if not isinstance(overrides, list) or not all(
            isinstance(each, str) for each in overrides
        ):
            raise ValueError(
                self._damaged(
                    f"'overrides' is {overrides!r}, no list of `path=value`"
                )
            )
        return config

    def _damaged(self, reason):
        return (
            f"{self.config} is damaged: {reason}. Put it back as training "
            "wrote it, or train the run again: `python -m training train "
            "RECIPE --run-dir DIR`."
        )

    def phase(self, number):
        """`RunFolder` of a phase, counted from 1, inside this one."""
        return RunFolder(self.path / "phases" / str(number))

    def stage(self, name):
        """`RunFolder` of what is trained before, inside this one."""
        return RunFolder(self.path / name)

    @property
    def newest_phase(self):
        """The last phase that has left weights; without phases the run."""
        names = (path.name for path in (self.path / "phases").glob("*"))
        # Beside them may lie what a desktop has put there.
        numbers = map(int, filter(str.isdecimal, names))
        for number in sorted(numbers, reverse=True):
            phase = self.phase(number)
            if phase.holds_weights:
                return phase
        return self

    @property
    def holds_weights(self):
        """Whether there is a model, or weights of any kind."""
        kept = self.model.exists() or self.best_weights.exists()
        return kept or next(self.checkpoints.glob("step-*"), None) is not None

    @property
    def has_progress(self):
        """Whether anything was saved that a start could go on from."""
        return any(
            next(self.path.rglob(pattern), None)
            for pattern in ("step-*", "*.keras", "*.weights.h5")
        )

    def read_metrics(self):
        """The metrics of every epoch: a list of dicts of str."""
        if not self.metrics.exists():
            return []
        with open(self.metrics) as file:
            return list(csv.DictReader(file))

    def write_metrics(self, rows):
        """Writes the metrics of every epoch, a list of dicts."""
        text = io.StringIO()
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(rows)
        with atomic.disk_errors(str(self.metrics)):
            atomic.write_text(str(self.metrics.absolute()), text.getvalue())

    def write_config(self, config):
        """Writes the configuration, or checks that it is the same.

        A run may be told to train longer: `epochs`, `steps` and `patience` may
        grow. It then goes on from its last checkpoint.

        Raises:
            ValueError: if the folder holds a run with other numbers.
        """
        if self.config.exists():
            words = check_config(self.read_config(), config, self.path)
            if not words:
                return
            print(
                f"This run trains longer now ({words}). A learning rate that "
                "decays does so over all of it: from here on it is what a run "
                "of that length has, higher than where this one ended."
            )
            if self.model.exists():
                self.model.rename(self.path / "model-before.keras")
        with atomic.disk_errors(str(self.path)):
            self.figures.mkdir(parents=True, exist_ok=True)
            atomic.write_text(
                str(self.config.absolute()),
                json.dumps(config, indent=1) + "\n",
            )


def check_config(present, config, place, option="--run-dir"):
    """Checks that a run goes on with the numbers that it began with.

    Args:
        present: dict. The configuration of the run that there is.
        config: dict. The configuration of the command.
        place: path or URL of the run.
        option: str. What names another place.

    Returns:
        What has grown, in words, or an empty string.

    Raises:
        ValueError: if anything has changed but how long the run trains.
    """
    changes = _changes(present, config)
    words = ", ".join(
        f"{name}: {_short(a)} -> {_short(b)}"
        for name, (a, b) in changes.items()
    )
    if not all(
        name in _BUDGET and _has_grown(*change)
        for name, change in changes.items()
    ):
        raise ValueError(
            f"{place} holds a run with other numbers: {words}. Go on with the "
            f"command that began it, or name another {option}. Only epochs and "
            "steps may change there, and only grow."
        )
    return words


def shared_run(run, config, source):
    """The run of another recipe that all runs beside each other share.

    Args:
        run: `RunFolder` of one of them.
        config: what the other one's `config.json` is to hold.
        source: str. Its data, after which it is named.

    Returns:
        `RunFolder`, which may not exist yet.
    """
    text = json.dumps(_numbers(config["recipe_values"]), sort_keys=True)
    digits = hashlib.sha256(text.encode()).hexdigest()[:8]
    words = re.sub(r"\W+", "-", source).strip("-")[-40:]
    name = f"{config['recipe']}-{words}-{digits}"
    return RunFolder(run.path.parent / name)


# How long a run trains.
_BUDGET = ("epochs", "steps", "patience")


def _changes(present, config):
    """dict: name -> values before and now, where they differ."""
    pairs = []
    for each in (present, config):
        each = without_modules(each)
        values = DEFAULTS | each.pop("recipe_values", {})
        # They say the same in other words, or from another folder.
        for name in ("command", "overrides", "directory"):
            each.pop(name, None)
        pairs.append(_flat(json.loads(json.dumps(each | _numbers(values)))))
    before, now = pairs
    return {
        name: (before.get(name), now.get(name))
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    }


def _numbers(values):
    """What of a recipe's values its weights depend on."""
    told = ("cost", "paper")
    return {name: value for name, value in values.items() if name not in told}


def _flat(values, path=""):
    """dict of nested dicts as one, with dotted paths."""
    found = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{path}{name}.")
        else:
            found[f"{path}{name}"] = value
    return found


def _has_grown(before, now):
    return now is None or (before is not None and now > before)


def _short(value):
    text = json.dumps(value)
    return text if len(text) < 40 else f"{text[:36]} ..."
