"""Models that may be told a class: checks of it, and signatures with it."""

import numpy as np
import tensorflow as tf

from keras_genseq import export
from keras_genseq.ops.checks import as_classes


class ClassCondition:
    """What conditional models share, whatever they do with the class.

    Without `num_classes` a model is told nothing: it takes no condition, and
    its methods get no further argument.
    """

    num_classes = None

    def check_condition(self, condition, num_rows):
        """Checks classes and returns one per row, or None without any.

        Args:
            condition: int, or `(num_rows,)` ints; None without classes.
            num_rows: int or integer tensor.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        if self.num_classes is not None and condition is not None:
            return as_classes(condition, num_rows, self.num_classes)
        if self.num_classes is not None:
            raise ValueError(
                f"This model is conditional on {self.num_classes} classes: "
                "pass `condition=`, a class or one per row (in training, "
                "data of `(x, class)`)."
            )
        if condition is not None:
            raise ValueError(
                f"This {type(self).__name__} has no classes and takes no "
                "condition. Make it with `num_classes=`, or leave the targets "
                "out."
            )
        return None

    def condition_rows(self, condition, num_rows):
        """Checked conditions as further arguments: none without classes."""
        condition = self.check_condition(condition, num_rows)
        return () if condition is None else (condition,)

    def served_condition(self, rows, condition):
        """Checked condition of a request, as arguments; none without one.

        Args:
            rows: tensor with a row for each answer.
            condition: dict that holds `condition` if the request has it.
        """
        num_rows = tf.shape(rows)[0]
        return self.condition_rows(condition.get("condition"), num_rows)

    def signature(self, function, *inputs, conditional=True):
        """`Signature` of named inputs, and of a class for each row, if any.

        Args:
            function: callable of those inputs, and of `condition` if there are
                classes.
            *inputs: pairs of a name and a `tf.TensorSpec`.
            conditional: bool. Whether the class, if any, is an input.
        """
        inputs = dict(inputs)
        if conditional and self.num_classes is not None:
            inputs["condition"] = tf.TensorSpec((None,), tf.int32)
        example = {
            name: np.zeros((1, *spec.shape[1:]), spec.dtype.as_numpy_dtype)
            for name, spec in inputs.items()
        }
        if "temperature" in example:
            example["temperature"] += 1.0
        return export.Signature(function, inputs, example)
