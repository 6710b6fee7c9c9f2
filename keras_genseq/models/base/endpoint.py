"""One use of a model: its Python method and its served signature in one.

A model lists its uses in `endpoints()`. From each comes what `Model.ask` runs
in Python, the signature that a server answers, and its documentation: the
inputs are declared once, with their ranges and defaults.
"""

import collections.abc
import contextvars
import dataclasses
import typing

import numpy as np
import tensorflow as tf

from keras_genseq.export import Signature
from keras_genseq.models.base.request_checks import as_specified
from keras_genseq.ops.checks import as_classes
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import not_empty

REQUIRED = object()
_IS_SERVED = contextvars.ContextVar("is_served", default=False)
# A temperature above it draws from what is as good as uniform.
MAX_TEMPERATURE = 100.0
# A request for more would be one for all of a server's memory.
MAX_STEPS = 2**16


@dataclasses.dataclass(frozen=True)
class Input:
    """An input of an endpoint, one value per row.

    Args:
        spec: `tf.TensorSpec`; its first dimension, the batch, is None.
        description: str. What it means, for people.
        check: callable `(value, num_rows) -> tensor` that refuses what the
            model cannot take; `num_rows` is None for the leading input of a
            request. None reads numbers between `minimum` and `maximum`, one or
            one per row.
        default: value of an input that is left out, or `REQUIRED`.
        minimum: optional number.
        maximum: optional number.
        example: array of one row; None makes one of the default, or zeros.
        missing: sentence of the error where a required input is missing.
        served: bool. Whether clients of a server give it; else they get its
            default.
        is_size: bool. Whether it says how many steps are to be made.
    """

    spec: tf.TensorSpec
    description: str
    check: collections.abc.Callable | None = None
    default: typing.Any = REQUIRED
    minimum: float | None = None
    maximum: float | None = None
    example: np.ndarray | None = None
    missing: str | None = None
    served: bool = True
    is_size: bool = False

    def read(self, name, value, num_rows):
        """Checks a value and returns it as a tensor with a row for each."""
        if self.check is not None:
            return self.check(value, num_rows)
        if num_rows is None:
            value = not_empty(as_tensor(value, name), name=name)
            num_rows = num_rows_of(value)
        return as_row_values(
            value,
            num_rows,
            self.spec.dtype,
            name=name,
            minimum=self.minimum,
            maximum=self.maximum,
        )

    def example_row(self, max_steps=MAX_STEPS):
        """One valid row, an array `(1, ...)`, that asks for few steps."""
        if self.example is not None:
            example = np.asarray(self.example)
            if self.is_size:
                return example.clip(max=max_steps)
            free = [
                slice(max_steps if n is None else n) for n in self.spec.shape
            ]
            return example[tuple(free)]
        value = 0 if self.default in (REQUIRED, None) else self.default
        shape = [1 if size is None else size for size in self.spec.shape]
        return np.full(shape, value, self.spec.dtype.as_numpy_dtype)

    def notes(self, max_steps):
        """What clients should know of it: dict of JSON values."""
        notes = {"description": self.description}
        default, maximum = self.default, self.maximum
        if self.is_size:
            maximum = min(maximum or max_steps, max_steps)
        if isinstance(default, int | float):
            notes["default"] = min(default, maximum or default)
        if self.minimum is not None:
            notes["minimum"] = self.minimum
        if maximum is not None:
            notes["maximum"] = maximum
        if self.spec.dtype == tf.string:
            notes["max_bytes"] = max_steps
        if None in self.spec.shape[1:]:
            notes["max_steps"] = max_steps
        return notes


def no_preparation(**inputs):
    """The checked inputs, in their order, as the arguments of `run`."""
    return tuple(inputs.values())


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One use of a model.

    Args:
        run: callable of tensors with a leading batch dimension, or structures
            of such, whose row i depends on their rows i. Python compiles it,
            and runs it on slices of the rows; a served graph holds it as it is.
        inputs: dict: name -> `Input`. The first one leads: its rows are those
            of the request.
        answer: name of the output, or callable `(result of run, checked
            inputs) -> dict` of outputs by name.
        prepare: callable that makes the arguments of `run` of the checked
            inputs, passed by name; it runs outside of what is compiled. It may
            round sizes up in eager code (`bucketed_size`), so that `run` is
            compiled for a handful of shapes.
        description: str. What it does, for people.
        jit_compile: as for `BaseModel.compile_method`.
    """

    run: collections.abc.Callable
    inputs: collections.abc.Mapping[str, Input]
    answer: str | collections.abc.Callable
    prepare: collections.abc.Callable = no_preparation
    description: str = ""
    jit_compile: bool | str = "auto"

    def check(self, values, num_rows=None):
        """Checks all inputs.

        Args:
            values: dict of name to value; what is missing has its default.
            num_rows: int, or None: the rows of the leading input.

        Returns:
            dict of name to tensor.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        checked = {}
        for name, each in self.inputs.items():
            value = values.get(name)
            if value is None:
                value = each.default
            if value is REQUIRED:
                raise ValueError(
                    each.missing or f"`{name}` is missing: {each.description}."
                )
            checked[name] = each.read(name, value, num_rows)
            if num_rows is None:
                num_rows = num_rows_of(checked[name])
        return checked

    def answers(self, result, inputs):
        """dict: the outputs by name."""
        if isinstance(self.answer, str):
            return {self.answer: result}
        return self.answer(result, inputs)

    def signature(self, max_steps=MAX_STEPS):
        """The use as a server answers it.

        Args:
            max_steps: int. The most that a request may ask of one row: steps of
                a free dimension, bytes of a text, steps to draw.

        Returns:
            `keras_genseq.export.Signature`.

        Raises:
            ValueError: if `max_steps` is no positive int.
        """
        max_steps = as_int(max_steps, "max_steps", minimum=1)
        inputs = {n: each for n, each in self.inputs.items() if each.served}

        def function(**tensors):
            token = _IS_SERVED.set(True)
            try:
                return answer(as_specified(tensors, inputs, max_steps))
            finally:
                _IS_SERVED.reset(token)

        def answer(tensors):
            checked = _after_all_checks(self.check(tensors))
            # What prepares the work checks how its parts fit together.
            args = _after_all_checks(self.prepare(**checked))
            result = self.run(*args)
            return self.answers(result, checked)

        return Signature(
            function,
            {name: each.spec for name, each in inputs.items()},
            {
                name: each.example_row(max_steps)
                for name, each in inputs.items()
            },
            self.description,
            {name: each.notes(max_steps) for name, each in inputs.items()},
        )


def tensor_input(shape, description, check, dtype=tf.float32, **options):
    """A tensor with a row for each answer.

    Args:
        shape: tuple. Shape of a row, None where it is free.
        description: str.
        check: callable `tensor -> tensor` that refuses what the model cannot
            take.
        dtype: dtype of the tensor.
        **options: passed to `Input`.
    """
    return Input(
        tf.TensorSpec((None, *shape), dtype),
        description,
        lambda value, _: check(value),
        **options,
    )


def num_rows_of(tensors):
    """Rows of a batch: an int where it is known, else an integer tensor."""
    first = tf.nest.flatten(tensors)[0]
    return first.shape[0] or tf.shape(first)[0]


def bucketed_size(size, bucket):
    """A size of what is compiled.

    Args:
        size: int, or integer scalar tensor.
        bucket: callable of an int: rounds up to one of a handful of sizes.

    Returns:
        The rounded int in eager code; in a graph, which is built once for all
        sizes, `size`.
    """
    return bucket(int(size)) if rounds_sizes_up() else size


def rounds_sizes_up():
    """Whether work is done in Python, where each new size is compiled.

    A served graph is built once for all sizes.
    """
    return tf.executing_eagerly() and not _IS_SERVED.get()


def seed_input():
    """The seed of each row; in Python also one for all, or None to draw one."""

    def check(value, num_rows):
        if num_rows is None:
            value = not_empty(as_tensor(value, "seed"), name="seed")
            num_rows = num_rows_of(value)
        return as_seeds(value, num_rows)

    return Input(
        tf.TensorSpec((None,), tf.int32),
        "seed of the noise of this row: equal seeds draw equal answers",
        check,
        default=None,
        example=np.zeros((1,), "int32"),
    )


def temperature_input(description, **options):
    """A temperature for each row.

    Args:
        description: str. What it does to this model.
        **options: passed to `Input`.
    """
    return Input(
        tf.TensorSpec((None,), tf.float32),
        description,
        default=1.0,
        minimum=0.0,
        maximum=MAX_TEMPERATURE,
        **options,
    )


def count_input(description, *, default, maximum=None, example=None):
    """A positive number for each row.

    Args:
        description: str.
        default: int, or `REQUIRED`.
        maximum: optional int.
        example: optional int.
    """
    return Input(
        tf.TensorSpec((None,), tf.int32),
        description,
        default=default,
        minimum=1,
        maximum=maximum,
        example=None if example is None else np.array([example], "int32"),
        is_size=True,
    )


def _after_all_checks(tensors):
    """The same tensors, each of which waits for the checks of all.

    No work may begin while a check is open: it could take all memory first.
    """
    present = [x for x in tf.nest.flatten(tensors) if x is not None]
    with tf.control_dependencies(present):
        return tf.nest.map_structure(
            lambda x: None if x is None else tf.identity(x), tensors
        )


def class_condition(num_classes, name="condition"):
    """The class of each row, as `BaseModel.condition_inputs` returns it.

    Args:
        num_classes: int, or None for a model that is told nothing.
        name: str. What callers and clients call it.

    Returns:
        dict of name to `Input`; empty without classes.
    """
    if num_classes is None:
        return {}

    def check(value, num_rows):
        if num_rows is None:
            num_rows = tf.shape(value)[0]
        return as_classes(value, num_rows, num_classes, name=name)

    return {
        name: Input(
            tf.TensorSpec((None,), tf.int32),
            "class of this row",
            check,
            minimum=0,
            maximum=num_classes - 1,
            missing=(
                f"This model is conditional on {num_classes} classes: pass "
                f"`{name}=`, a class or one per row (in training, data of "
                "`(x, class)`)."
            ),
            example=np.zeros((1,), "int32"),
        )
    }
