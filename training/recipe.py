"""What an experiment is: plain values and factories, and how to change them."""

import ast
import dataclasses
import difflib
import inspect
import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

_NAMED = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)
_DOTTED = re.compile(r"(training|keras|keras_genseq)(\.\w+)+")


class Factory:
    """A callable with keyword arguments, called later and elsewhere.

    Models and optimizers make variables, which must happen inside the scope of
    the distribution strategy; so recipes hold factories.

    Args:
        target: callable that makes the value.
        **arguments: its keyword arguments; factories among them are called
            first.
    """

    def __init__(self, target, **arguments):
        self.target = target
        self.arguments = arguments

    def __call__(self, **context):
        """Makes the value.

        Args:
            **context: arguments that only the run knows (`input_dim`,
                `decay_steps`); each is passed to whatever takes an argument of
                that name and was not given one.
        """
        arguments = {
            name: make(value, context) for name, value in self.arguments.items()
        }
        for name in _signature(self.target):
            if name in context and name not in arguments:
                arguments[name] = context[name]
        return self.target(**arguments)

    def parameters(self):
        """dict: name -> default of what the target can be given.

        Behind `**kwargs` are the optional arguments of the classes that it
        inherits from, or of what a function names as `__wrapped__`.
        """
        return _parameters(self.target)

    def replace(self, name, value):
        return Factory(self.target, **{**self.arguments, name: value})

    def describe(self):
        """Plain values of this factory, for `config.json`."""
        return {
            "target": self.target.__qualname__,
            **{name: describe(v) for name, v in self.arguments.items()},
        }


def _parameters(target):
    found = {}
    owners = [target]
    if isinstance(target, type):
        owners = [c for c in target.__mro__ if "__init__" in vars(c)]
    elif hasattr(target, "__wrapped__"):
        owners.append(target.__wrapped__)
    for owner in owners:
        is_open = False
        for parameter in _signature(owner, kinds=None).values():
            is_open |= parameter.kind is parameter.VAR_KEYWORD
            if parameter.kind in _NAMED and (
                owner is target or parameter.default is not parameter.empty
            ):
                found.setdefault(parameter.name, parameter.default)
        if not is_open:
            break
    return found


def _signature(target, kinds=_NAMED):
    """dict: name -> parameter of a callable's own signature."""
    if isinstance(target, type):
        target = target.__init__
    parameters = inspect.signature(target, follow_wrapped=False).parameters
    return {
        name: parameter
        for name, parameter in parameters.items()
        if name != "self" and (kinds is None or parameter.kind in kinds)
    }


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One experiment: all its numbers.

    Attributes:
        model: factory of the model.
        compile: arguments of `model.compile`, factories among them.
        data: source of the data, as `--data` takes it.
        transforms: functions of a data set, or factories of such, in order.
        global_batch_size: int. Examples per update, over all replicas.
        epochs: int.
        passes_per_epoch: int. Passes over the training data in an epoch; more
            than one where validating and saving take longer than a pass.
            Streams of tokens are passed once.
        evaluate: callable `(evaluation) -> dict` that fills the report.
        seed: int. Of the initial weights, the order of the data, the noise.
        dtype_policy: str. Keras's policy of the model that is trained, e.g.
            `"mixed_bfloat16"`; the one that is kept computes in float32.
        steps: optional int. Stop after this many updates.
        patience: optional int. Stop when `monitor` has not fallen for this
            many epochs.
        monitor: optional str. Metric of the validation data whose lowest value
            chooses the weights that are kept; None keeps the last ones.
        checkpoint_every: optional int. Updates between checkpoints; None
            saves at the end of every epoch.
        out_of_distribution: optional source whose examples the scores should
            tell from the test data's.
        probe_data: optional source with labels on which encodings are judged;
            None takes `data`.
        adapt: optional arguments of `model.adapt`, which is then called with
            the training data before the first epoch; with 0 epochs it is all.
        stream_window: optional int. Steps of a training batch cut from
            contiguous streams of tokens (`training.data.streams`), for models
            that carry their states over; None trains on shuffled examples.
        horizons: steps ahead at which forecasts are judged.
        history: optional int. Steps before its origin that a forecast sees;
            None are those that the model needs.
        tokenizer: optional factory of the tokenizer of texts, which gets the
            `dataset` where it takes one.
        tokens_per_batch: optional int. Batches of pairs have rows of about one
            length and at most this many tokens a side, padding counted;
            `global_batch_size` is then that of validation.
        average_checkpoints: int. The weights that are kept are the mean of
            this many checkpoints, the last ones, instead of the best; 0 is
            off.
        augment: optional factory of a function `(batch, seed_pair) -> batch`
            that changes training batches, differently in every pass.
        comparison: optional source whose test data are scored beside those of
            `data`.
        picture: optional callable `model -> image` for TensorBoard; None draws
            samples as images.
        paper: the paper's own numbers: metric -> (value, source).
        cost: str. Wall time on a stated machine.
    """

    model: Factory
    compile: Mapping[str, Any]
    data: str
    transforms: tuple
    global_batch_size: int
    epochs: int
    evaluate: Callable
    seed: int = 0
    dtype_policy: str = "float32"
    steps: int | None = None
    patience: int | None = None
    monitor: str | None = "val_loss"
    checkpoint_every: int | None = None
    out_of_distribution: str | None = None
    probe_data: str | None = None
    adapt: Mapping[str, Any] | None = None
    stream_window: int | None = None
    horizons: tuple[int, ...] = ()
    history: int | None = None
    tokenizer: Factory | None = None
    tokens_per_batch: int | None = None
    average_checkpoints: int = 0
    augment: Callable | None = None
    comparison: str | None = None
    picture: Callable | None = None
    passes_per_epoch: int = 1
    paper: Mapping[str, tuple] = dataclasses.field(default_factory=dict)
    cost: str = ""

    def __post_init__(self):
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

    def describe(self):
        """Plain values of the recipe, for `config.json`.

        Values at their defaults are left out: a field that a later version
        adds does not change the description of an older run.
        """
        return {
            field.name: describe(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.default is dataclasses.MISSING
            or getattr(self, field.name) != field.default
        }


def make(value, context=None):
    """Calls a factory; gives back any other value."""
    return value(**(context or {})) if isinstance(value, Factory) else value


def describe(value):
    """JSON-ready form of a recipe's value."""
    if isinstance(value, Factory):
        return value.describe()
    if isinstance(value, Mapping):
        return {str(k): describe(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [describe(v) for v in value]
    if callable(value):
        return value.__qualname__
    return value


def without_modules(description):
    """A description as today's code writes it: names without their modules.

    Runs of earlier versions name `keras_genseq.models.vae.VAE` where later ones
    name `VAE`, wherever it has moved to.

    Args:
        description: what `describe` returned, of this version or another one.
    """
    if isinstance(description, Mapping):
        return {k: without_modules(v) for k, v in description.items()}
    if isinstance(description, (tuple, list)):
        return [without_modules(v) for v in description]
    if isinstance(description, str) and _DOTTED.fullmatch(description):
        return description.rpartition(".")[2]
    return description


def override(recipe, assignment):
    """Replaces one value of a recipe.

    Args:
        recipe: `Recipe`.
        assignment: str, `path=value`; the path names a field (`epochs`), an
            argument of a factory (`model.units`), an argument of
            `model.compile` (`optimizer.learning_rate`), or an element of a
            tuple (`model.hidden_units.0`).

    Returns:
        A new `Recipe`.

    Raises:
        ValueError: if there is no such path, or the value has another type.
    """
    path, separator, text = assignment.partition("=")
    if not separator:
        raise ValueError(
            f"An override reads `path=value`. Received: {assignment!r}"
        )
    return _replace(recipe, path.strip().split("."), _parse(text), path)


def _replace(owner, names, value, path):
    name, *rest = names
    values, rebuild = _children(owner, path)
    if isinstance(owner, Recipe) and name in owner.compile:
        return _replace(owner, ["compile", *names], value, path)
    if name not in values:
        there_are = sorted({*values, *getattr(owner, "compile", ())})
        raise ValueError(
            f"There is no `{name}` in `{path}`.{did_you_mean(name, there_are)}"
            f" There are: {', '.join(there_are)}."
        )
    if rest:
        return rebuild(name, _replace(values[name], rest, value, path))
    return rebuild(name, _typed_like(values[name], value, path))


def _children(owner, path):
    """The named values below an owner, and how to replace one of them."""
    if isinstance(owner, Recipe):
        return (
            {f.name: getattr(owner, f.name) for f in dataclasses.fields(owner)},
            lambda name, value: dataclasses.replace(owner, **{name: value}),
        )
    if isinstance(owner, Factory):
        return {**owner.parameters(), **owner.arguments}, owner.replace
    if isinstance(owner, Mapping):
        return owner, lambda name, value: {**owner, name: value}
    if isinstance(owner, (tuple, list)):
        values = {str(i): value for i, value in enumerate(owner)}
        return values, lambda name, value: tuple(
            {**values, name: value}.values()
        )
    raise ValueError(
        f"`{path}` reaches into a {type(owner).__name__}, which has no parts."
    )


def _parse(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(
            text.lower(), text
        )


def did_you_mean(name, names):
    """A sentence that offers the nearest of the names, or an empty string."""
    near = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean `{near[0]}`?" if near else ""


def _typed_like(present, value, path):
    """Checks a new value against the type of the one it replaces."""
    if present in (None, inspect.Parameter.empty) or value is None:
        return value
    if isinstance(present, Factory):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        expected = "a number"
    elif isinstance(present, float) and type(value) is int:
        return float(value)
    elif isinstance(value, list) and isinstance(present, tuple):
        return tuple(value)
    elif type(value) is type(present):
        return value
    else:
        expected = f"{type(present).__name__} (as in {present!r})"
    raise ValueError(
        f"`{path}` expects {expected}. "
        f"Received: {value!r} ({type(value).__name__})"
    )
