"""Callables with arguments, called later, and how they are described."""

import inspect
import re
from collections.abc import Mapping

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

    def without(self, name):
        """This factory without an argument, which the run then gives."""
        rest = {k: v for k, v in self.arguments.items() if k != name}
        return Factory(self.target, **rest)

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
                owner is owners[0] or parameter.default is not parameter.empty
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
