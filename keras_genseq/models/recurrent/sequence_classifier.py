import keras
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import NatsPerStep
from keras_genseq.metrics import StepAccuracy
from keras_genseq.models.classifier.classifier_model import ClassifierModel
from keras_genseq.models.recurrent.sequence_predictor import SequencePredictor
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import as_int32
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure


@keras.saving.register_keras_serializable(package="keras_genseq")
class SequenceClassifier(SequencePredictor, ClassifierModel):
    """Labels whole sequences, or with `return_sequences` each of their steps.

    Recurrent layers read the sequence; a linear layer of what they make of it
    says the logits. The loss is the cross-entropy of the label, of steps their
    mean over those that count.

    Args:
        num_classes: int. Labels are the ints below it.
        units: int. Width of each recurrent layer.
        **kwargs: what is read and how: `vocabulary_size` and `embedding_dim`,
            or `channels` and `padding_value`; `cell`, `num_layers`,
            `bidirectional`, `dropout`, `pooling`, `return_sequences`. See
            `SequencePredictor`, to which they are passed.

    Call arguments:
        x: `(batch_size, time)` int32 token ids, 0 is padding; or floats
            `(batch_size, time)` or `(batch_size, time, channels)`.
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, num_classes)` float32 logits, or one such row a step.

    Raises:
        ValueError: if an argument is out of range. Labels of `fit` must be
            ints from 0 on, `(batch_size,)` or one a step; a step labelled -1
            does not count.

    Example:

    ```python
    token_ids = np.random.randint(1, 20, (8, 6))
    labels = token_ids[:, 0] % 2
    model = models.SequenceClassifier(2, 8, vocabulary_size=20, cell="gru")
    model.compile("adam")
    model.fit(token_ids, labels, verbose=0)
    probabilities = model.classify(token_ids)["probabilities"]
    ```

    Differences from the paper: none known.
    """

    def __init__(self, num_classes, units, **kwargs):
        num_classes = as_int(num_classes, "num_classes", minimum=2)
        super().__init__(units, num_classes=num_classes, **kwargs)
        self.head = keras.layers.Dense(num_classes, dtype="float32")
        if self.return_sequences:
            self.accuracy = StepAccuracy(dtype="float32")
            self.accuracy._direction = "up"
            self.nll_per_step = NatsPerStep(dtype="float32")
        self.build((None, None, *self.step_shape))

    @property
    def num_target_classes(self):
        # A weight is one example's; steps have none of their own.
        return None if self.return_sequences else self.num_classes

    def build(self, input_shape):
        self.head.build((None, self._width))
        self.built = True

    def predict_from(self, z):
        return self.head(z)

    def example_losses(self, x, y, *, training):
        if not self.return_sequences:
            return super().example_losses(x, y, training=training)
        logits = self(x, training=training)
        log_probs = ops.log_softmax(logits, axis=-1)
        labels = ops.maximum(y, 0)[..., None]
        nll = -ops.take_along_axis(log_probs, labels, axis=-1)[..., 0]
        right = ops.cast(
            ops.cast(ops.argmax(logits, axis=-1), y.dtype) == y, "float32"
        )
        counts = y >= 0
        mask = self.padding_mask(x)
        counts = counts if mask is None else counts & mask
        counts = ops.cast(counts, "float32")
        steps = ops.sum(counts, axis=1)
        nll, right = ops.sum(nll * counts, 1), ops.sum(right * counts, 1)
        return nll / ops.maximum(steps, 1.0), {
            "accuracy": ops.stack([right, steps], axis=-1),
            "nll_per_step": ops.stack([nll, steps], axis=-1),
        }

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets())
        y = as_tensor(y, "y")
        shape = x.shape[: 1 + self.return_sequences]
        if not y.dtype.is_integer or not y.shape.is_compatible_with(shape):
            words = "(batch_size, time)" if shape.rank > 1 else "(batch_size,)"
            raise ValueError(
                f"`y` must hold int labels of shape {words}, here "
                f"{tuple(shape)}. Received: dtype={y.dtype.name}, "
                f"shape={tuple(y.shape)}. For one-hot labels use "
                "`y.argmax(-1)`, for a column `y[..., 0]`, for whole numbers "
                'in floats `y.astype("int32")`.'
            )
        y = tf.ensure_shape(as_int32(y, "y"), shape)
        least = -1 if self.return_sequences else 0
        return ensure(
            y,
            tf.reduce_all((y >= least) & (y < self.num_classes)),
            f"`y` must hold labels from {least} to {self.num_classes - 1}. "
            "Received at least one other.",
        )
