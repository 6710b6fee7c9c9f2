"""Labels of domains: classes, attributes, or several sets of such."""

import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.models.base.endpoint import Input
from keras_genseq.models.base.endpoint import class_condition
from keras_genseq.models.base.multi_optimizer_model import check_choice
from keras_genseq.ops.checks import as_classes
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import as_floats
from keras_genseq.ops.values import ensure

KINDS = ("classes", "attributes")


class DomainLabels:
    """One set of labels, or several of which an image has one.

    Labels of one set of classes are ints. All others are vectors of numbers in
    [0, 1]: of one set of attributes, a number for each; of several sets, all
    their labels side by side, classes one-hot, those of other sets 0; then a
    mask, one-hot, that says which set it is.

    Args:
        counts: int, the number of classes or of attributes; or a sequence of
            them, one for each set.
        kinds: `"classes"` or `"attributes"`, of all sets; or a sequence, one
            for each set.

    Raises:
        ValueError: if there is no set, or not a kind for each.
    """

    def __init__(self, counts, kinds):
        counts = [counts] if isinstance(counts, int) else list(counts)
        kinds = [kinds] * len(counts) if isinstance(kinds, str) else list(kinds)
        for kind in kinds:
            check_choice("labels", kind, KINDS)
        if not counts or len(counts) != len(kinds):
            raise ValueError(
                "`num_domains` and `labels` must have an entry for each set of "
                f"labels. Received: num_domains={counts}, labels={kinds}"
            )
        self.counts = tuple(counts)
        self.kinds = tuple(kinds)
        self.num_labels = sum(counts)
        self.num_sets = len(counts)
        self.is_joint = self.num_sets > 1
        self.are_classes = self.kinds == ("classes",)
        # Length of what a generator hears.
        self.size = self.num_labels + self.is_joint * self.num_sets

    def read(self, values, num_rows, name="y"):
        """Checks labels: int32 `(num_rows,)` classes, or float32 vectors.

        Args:
            values: labels, one for each row; or one for all of them.
            num_rows: int or integer tensor.
            name: str. What error messages call them.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        if self.are_classes:
            return as_classes(values, num_rows, self.num_labels, name=name)
        values = as_floats(values, name)
        if values.shape.rank == 1 and values.shape[0] == self.size:
            values = tf.repeat(values[None], num_rows, axis=0)
        if values.shape.rank != 2 or values.shape[1] not in (None, self.size):
            raise ValueError(
                f"`{name}` must have shape (batch_size, {self.size}): "
                f"{self._words()}. Received: shape={tuple(values.shape)}"
            )
        values = ensure(
            tf.ensure_shape(values, (None, self.size)),
            tf.equal(tf.shape(values)[0], num_rows),
            f"`{name}` must have a row of labels for each image.",
        )
        values = ensure(
            values,
            tf.reduce_all((values >= 0.0) & (values <= 1.0)),
            f"`{name}` must hold labels from 0 to 1, and no NaN. Where an "
            "absent attribute is -1, give (y + 1) / 2.",
        )
        return self._one_set(values, name) if self.is_joint else values

    def vectors(self, values):
        """Checked labels as a generator hears them: float32 `(B, size)`."""
        return ops.one_hot(values, self.size) if self.are_classes else values

    def joint_vectors(self, values, label_set):
        """Labels of one of several sets as vectors of all.

        Args:
            values: `(num_rows,)` classes, or `(num_rows, count)` attributes.
            label_set: int. Number of the set.

        Returns:
            float32 tensor `(num_rows, size)`.
        """
        label_set = as_int(
            label_set, "label_set", minimum=0, maximum=self.num_sets - 1
        )
        count, kind = self.counts[label_set], self.kinds[label_set]
        own = DomainLabels(count, kind)
        own = own.vectors(own.read(values, tf.shape(values)[0]))
        if not self.is_joint:
            return own
        before = sum(self.counts[:label_set])
        after = self.num_labels - before - count
        mask = tf.one_hot([label_set], self.num_sets)
        mask = tf.repeat(mask, tf.shape(own)[0], axis=0)
        return tf.concat([tf.pad(own, [(0, 0), (before, after)]), mask], -1)

    def sets_of(self, vectors):
        """Number of the set of each row: float32 `(B,)`."""
        if not self.is_joint:
            return ops.zeros_like(vectors[:, 0])
        mask = vectors[:, self.num_labels :]
        return ops.cast(ops.argmax(mask, axis=-1), "float32")

    def losses(self, logits, vectors):
        """Cross-entropies of the labels that are known, in nats, summed.

        Args:
            logits: `(batch_size, num_labels)`.
            vectors: `(batch_size, size)`.

        Returns:
            `(batch_size,)` float32 tensor.
        """
        total = 0.0
        for kind, logit, own, is_known in self._parts(logits, vectors):
            if kind == "classes":
                entropies = -own * ops.log_softmax(logit)
            else:
                entropies = ops.softplus(logit) - own * logit
            total += is_known * ops.sum(entropies, axis=-1)
        return total

    def accuracies(self, logits, vectors):
        """Share of the known labels that logits tell: `(batch_size,)`."""
        total = 0.0
        for kind, logit, own, is_known in self._parts(logits, vectors):
            if kind == "classes":
                right = ops.argmax(logit, axis=-1) == ops.argmax(own, axis=-1)
                right = right[:, None]
            else:
                right = (logit > 0.0) == (own > 0.5)
            total += is_known * ops.mean(ops.cast(right, "float32"), axis=-1)
        return total

    def probabilities(self, logits):
        """Probabilities of all labels: classes of a set sum up to 1."""
        return ops.concatenate(
            [
                ops.softmax(logit) if kind == "classes" else ops.sigmoid(logit)
                for kind, logit in zip(
                    self.kinds, self._split(logits), strict=True
                )
            ],
            axis=-1,
        )

    def input(self, name, description):
        """The input of an endpoint that takes labels."""
        if self.are_classes:
            return class_condition(self.num_labels, name)[name]
        return Input(
            tf.TensorSpec((None, self.size), tf.float32),
            f"{description}: {self._words()}",
            lambda value, num_rows: self.read(value, num_rows, name),
            example=self._example(),
        )

    def _example(self):
        """A vector of the first set: its first class, or no attribute."""
        example = np.zeros((1, self.size), "float32")
        example[:, 0] = self.kinds[0] == "classes"
        example[:, self.num_labels : self.num_labels + 1] = 1.0
        return example

    def _split(self, labels):
        """Parts of `(B, num_labels)`, one for each set."""
        ends = [sum(self.counts[: i + 1]) for i in range(self.num_sets - 1)]
        return ops.split(labels, ends, axis=-1) if ends else [labels]

    def _parts(self, logits, vectors):
        """Of each set: kind, logits, labels, and 1 for rows that are of it."""
        for i, (kind, logit, own) in enumerate(
            zip(
                self.kinds,
                self._split(logits),
                self._split(vectors[:, : self.num_labels]),
                strict=True,
            )
        ):
            mask = vectors[:, self.num_labels + i] if self.is_joint else 1.0
            yield kind, logit, own, mask

    def _one_set(self, values, name):
        mask = values[:, self.num_labels :]
        is_one = (tf.reduce_sum(mask, -1) == 1.0) & (
            tf.reduce_max(mask, -1) == 1.0
        )
        other = sum(
            tf.reduce_sum(own, -1) * (1.0 - mask[:, i])
            for i, own in enumerate(self._split(values[:, : self.num_labels]))
        )
        return ensure(
            values,
            tf.reduce_all(is_one & (other == 0.0)),
            f"`{name}` must end in a one-hot mask of {self.num_sets} sets of "
            "labels, and labels of other sets must be 0. `label_vectors` "
            "makes such rows.",
        )

    def _words(self):
        sets = ", ".join(
            f"{count} {kind}"
            for count, kind in zip(self.counts, self.kinds, strict=True)
        )
        if self.is_joint:
            return f"labels of {sets}, then a one-hot mask of the set"
        return f"{sets}, from 0 to 1"
