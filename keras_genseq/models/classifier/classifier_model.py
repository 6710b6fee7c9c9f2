"""The base of models that label what they see."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.ops.checks import as_classes
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.distribution_checks import as_class_probabilities
from keras_genseq.ops.values import as_tensor


class ClassifierModel(BaseModel):
    """Learns labels: the cross-entropy of `call(x) -> logits`.

    A subclass says `check_inputs`, `example_input`, `call(x, training) ->
    (batch_size, num_classes)` float32 logits, and `features_of(x)`, from which
    they are made. It then has `fit` on pairs `(x, label)`, `classify` and
    `encode`. Labels are ints `(batch_size,)`, or the probabilities of all
    classes, floats `(batch_size, num_classes)`, as mixed images have them;
    the prediction is then right where both are largest.

    Args:
        num_classes: int, at least 1. Labels are the ints below it.
        **kwargs: passed on.
    """

    def __init__(self, *args, num_classes, **kwargs):
        num_classes = check_counts(num_classes=num_classes)
        super().__init__(*args, **kwargs)
        self.num_classes = num_classes
        self.accuracy = keras.metrics.Mean(name="accuracy", dtype="float32")
        self.accuracy._direction = "up"

    @property
    def num_target_classes(self):
        """int: classes that `class_weight` may weigh."""
        return self.num_classes

    def features_of(self, x):
        """What the logits of checked inputs are made from.

        Args:
            x: `(batch_size, ...)` tensor.

        Returns:
            `(batch_size, width)` float32 tensor.
        """
        raise NotImplementedError

    def example_input(self):
        """The `Input` of endpoints that read examples."""
        raise NotImplementedError

    def example_losses(self, x, y, *, training):
        logits = self(x, training=training)
        log_probs = ops.log_softmax(logits, axis=-1)
        if len(y.shape) == 2:
            nll = -ops.sum(y * log_probs, axis=-1)
            y = ops.argmax(y, axis=-1)
        else:
            nll = -ops.take_along_axis(log_probs, y[:, None], axis=-1)[:, 0]
        right = ops.cast(ops.argmax(logits, axis=-1), y.dtype) == y
        return nll, {"accuracy": ops.cast(right, "float32")}

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets("labels"))
        y = as_tensor(y, "y")
        if y.dtype.is_floating and y.shape.rank == 2:
            return as_class_probabilities(
                y, num_rows_of(x), self.num_classes, name="y"
            )
        return as_classes(y, num_rows_of(x), self.num_classes, name="y")

    def classify(self, x, *, batch_size=256):
        """Labels examples.

        Args:
            x: examples, as for `fit`.
            batch_size: int. Examples labeled at once.

        Returns:
            dict: `probabilities` and `logits`, `(num_examples, num_classes)`
            float32 tensors.

        Raises:
            ValueError: if `x` is not what the model takes.
        """
        return self.ask("classify", x=x, batch_size=batch_size)

    def encode(self, x, *, batch_size=256):
        """The features from which the logits are made.

        Args:
            x: examples, as for `fit`.
            batch_size: int. Examples read at once.

        Returns:
            `(num_examples, width)` float32 tensor.

        Raises:
            ValueError: as for `classify`.
        """
        return self.ask("encode", x=x, batch_size=batch_size)

    def endpoints(self):
        x = {"x": self.example_input()}
        return {
            **super().endpoints(),
            "classify": Endpoint(
                self._logits,
                x,
                _probabilities,
                description="probabilities and logits of the classes",
            ),
            "encode": Endpoint(
                self.features_of,
                x,
                "z",
                description="the features from which the logits are made",
            ),
        }

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}

    def _logits(self, x):
        return self(x, training=False)


def _probabilities(logits, inputs):
    return {"probabilities": tf.nn.softmax(logits), "logits": logits}
