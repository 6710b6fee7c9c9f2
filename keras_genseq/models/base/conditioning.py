"""What a model may be told of each row, beside its inputs."""

import numpy as np
import tensorflow as tf

from keras_genseq.models.base.endpoint import Input
from keras_genseq.ops.checks import as_classes


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
