"""What an experiment is, in parts: model, data, schedule, evaluation."""

import dataclasses
import numbers
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

from training.factory import Factory
from training.factory import describe

# The least that the numbers of a schedule may be.
_LEAST = {
    "global_batch_size": 1,
    "epochs": 0,
    "passes_per_epoch": 1,
    "steps": 1,
    "patience": 0,
    "checkpoint_every": 0,
    "average_checkpoints": 0,
    "stream_window": 0,
    "tokens_per_batch": 0,
}
_MOST_SEED = 2**32 - 1


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The data of an experiment.

    Attributes:
        source: str. As `--data` takes it; `data` for short.
        transforms: functions of a data set, or factories of such, in order.
        augment: optional factory of a function `(batch, seed_pair) -> batch`
            that augments the inputs of training batches, differently in every
            pass; with a true attribute `takes_targets`, pairs of inputs and
            targets. It is given `num_labels`, where it takes that.
        tokenizer: optional factory of the tokenizer of texts, which gets the
            `dataset` where it takes one.
        out_of_distribution: optional source whose examples the scores should
            tell from the test data's.
        probe_data: optional source with labels on which encodings are judged;
            None takes `source`.
        comparison: optional source whose test data are scored beside those of
            `source`.
    """

    source: str
    transforms: tuple
    augment: Callable | None = None
    tokenizer: Factory | None = None
    out_of_distribution: str | None = None
    probe_data: str | None = None
    comparison: str | None = None


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long an experiment trains, on which batches, and what it keeps.

    Attributes:
        global_batch_size: int. Examples per update, over all replicas.
        epochs: int.
        passes_per_epoch: int. Passes over the training data in an epoch; more
            than one where validating and saving take longer than a pass.
            Streams of tokens are passed once.
        steps: optional int. Stop after this many updates.
        patience: optional int. Stop when `monitor` has not fallen for this
            many epochs.
        monitor: optional str. Metric of the validation data whose lowest value
            chooses the weights that are kept; None keeps the last ones.
        checkpoint_every: optional int. Updates between checkpoints; None
            saves at the end of every epoch.
        checkpoint_seconds: optional float. Seconds after which the next update
            is saved, too, however long an epoch is.
        average_checkpoints: int. The weights that are kept are the mean of
            this many checkpoints, the last ones, instead of the best; 0 is
            off.
        stream_window: optional int. Steps of a training batch cut from
            contiguous streams of tokens (`training.data.streams`), for models
            that carry their states over; None trains on shuffled examples.
        tokens_per_batch: optional int. Batches of pairs have rows of about one
            length and at most this many tokens a side, padding counted;
            `global_batch_size` is then that of validation.
        adapt: optional arguments of `model.adapt`, which is then called with
            the training data before the first epoch; with 0 epochs it is all.
        phases: tuple of tuples of overrides (`("epochs=4", "model.level=1")`),
            one tuple a phase. Each phase trains the recipe with its overrides,
            from the weights that the phase before kept, with optimizers of its
            own. Empty: one phase, the recipe as it stands.
        grow: optional factory of the `phases` for data of other sizes than the
            recipe's own: it gets their `image_shape`.
    """

    global_batch_size: int
    epochs: int
    passes_per_epoch: int = 1
    steps: int | None = None
    patience: int | None = None
    monitor: str | None = "val_loss"
    checkpoint_every: int | None = None
    checkpoint_seconds: float | None = 600.0
    average_checkpoints: int = 0
    stream_window: int | None = None
    tokens_per_batch: int | None = None
    adapt: Mapping[str, Any] | None = None
    phases: tuple[tuple[str, ...], ...] = ()
    grow: Factory | None = None

    def __post_init__(self):
        for name, least in _LEAST.items():
            _check_int(name, getattr(self, name), least)
        one_pass = {
            name: getattr(self, name)
            for name in ("stream_window", "tokens_per_batch")
            if getattr(self, name)
        }
        if one_pass and self.passes_per_epoch != 1:
            (name, value), *_ = one_pass.items()
            raise ValueError(
                "An epoch is one pass over streams of tokens, and over batches "
                "of so many tokens. Set `passes_per_epoch` to 1, or "
                f"`{name}` to None. Received: "
                f"passes_per_epoch={self.passes_per_epoch}, {name}={value}"
            )


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """What an experiment reports.

    Attributes:
        evaluate: callable `(evaluation) -> Report`.
        picture: optional callable `model -> image` for TensorBoard, which
            gets the transformed `dataset` where it takes one; None draws
            samples as images.
        horizons: steps ahead at which forecasts are judged.
        history: optional int. Steps before its origin that a forecast sees;
            None are those that the model needs.
        paper: the paper's own numbers: metric -> (value, source).
    """

    evaluate: Callable
    picture: Callable | None = None
    horizons: tuple[int, ...] = ()
    history: int | None = None
    paper: Mapping[str, tuple] = dataclasses.field(default_factory=dict)


class Replacement(NamedTuple):
    """What a recipe was before a user named other data than its own.

    Attributes:
        recipe: `Recipe` without any value of the user's.
        given: tuple of str: names of the values that the user gave.
    """

    recipe: Any
    given: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One experiment: all its numbers.

    Attributes:
        model: factory of the model.
        compile: arguments of `model.compile`, factories among them.
        data: `DataConfig`.
        schedule: `Schedule`.
        evaluation: `EvaluationConfig`.
        seed: int. Of the initial weights, the order of the data, the noise.
        dtype_policy: str. Keras's policy of the model that is trained, e.g.
            `"mixed_bfloat16"`; the one that is kept computes in float32.
        init_from: optional path of a run, or of a `.keras` file, from whose
            weights training starts, where names and shapes are equal.
        stages: tuple of tuples of str, (argument of the model or `init_from`,
            recipe, preset, overrides): recipes that are trained before, on the
            same data, in folders inside the run's. The argument is given the
            path of what they leave, unless it has a value.
        cost: str. Wall time on a stated machine.
        replaced: optional `Replacement`. The data are the user's: what belongs
            to the recipe's own gives way (`training.fitting`). No part of the
            description, since it follows from the overrides.

    Example:

    ```python
    recipe = Recipe.of(
        model=Factory(NADE, units=100),
        compile={"optimizer": "adam"},
        data="digits",
        transforms=(Factory(flatten), Factory(threshold, level=0.5)),
        global_batch_size=32,
        epochs=100,
        evaluate=evaluate_density,
    )
    recipe.schedule.epochs  # 100
    ```
    """

    model: Factory
    compile: Mapping[str, Any]
    data: DataConfig
    schedule: Schedule
    evaluation: EvaluationConfig
    seed: int = 0
    dtype_policy: str = "float32"
    init_from: str | None = None
    stages: tuple[tuple[str, ...], ...] = ()
    cost: str = ""
    replaced: Replacement | None = None

    def __post_init__(self):
        _check_int("seed", self.seed, 0, _MOST_SEED)

    @classmethod
    def of(cls, **values):
        """Makes a recipe of values by their short names.

        Args:
            **values: fields of a recipe and, in place of its parts, the fields
                of those: `epochs`, not `schedule`. `data` is the source.
        """
        parts = {part: {} for part in PARTS}
        for name in values.keys() & PLACES.keys():
            part, field = PLACES[name]
            parts[part][field] = values.pop(name)
        made = {part: PARTS[part](**given) for part, given in parts.items()}
        return cls(**values, **made)

    def replace(self, **values):
        """This recipe with other values, by their short names."""
        return Recipe.of(**{**self.values(), **values})

    def values(self):
        """dict: short name -> value, of the recipe and its parts."""
        own = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in PARTS
        }
        return own | {
            name: getattr(getattr(self, part), field)
            for name, (part, field) in PLACES.items()
        }

    def describe(self):
        """Plain values by their short names, for `config.json`.

        Values at their defaults are left out: a field that a later version
        adds does not change the description of an older run.
        """
        return {
            name: describe(value)
            for name, value in self.values().items()
            if name != "replaced"
            and (name not in DEFAULTS or value != DEFAULTS[name])
        }


def _check_int(name, value, least, most=None):
    """Refuses what is no number of a recipe; None is off, where it may be."""
    if value is None and name in DEFAULTS and DEFAULTS[name] is None:
        return
    is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_int or value < least or (most is not None and value > most):
        limits = f"at least {least}" if most is None else f"{least} to {most}"
        raise ValueError(
            f"`{name}` must be an int, {limits}. Received: {name}={value!r}"
        )


def _short_name(field):
    return "data" if field.name == "source" else field.name


PARTS = {
    "data": DataConfig,
    "schedule": Schedule,
    "evaluation": EvaluationConfig,
}
# Short name -> the part of a recipe and the field in it.
PLACES = {
    _short_name(field): (part, field.name)
    for part, owner in PARTS.items()
    for field in dataclasses.fields(owner)
}
# Short name -> the value that a description leaves out.
DEFAULTS = {
    _short_name(field): field.default
    for owner in (Recipe, *PARTS.values())
    for field in dataclasses.fields(owner)
    if field.default is not dataclasses.MISSING
}
