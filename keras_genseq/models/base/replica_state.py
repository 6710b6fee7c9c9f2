"""State of training that each replica has of its own and a checkpoint keeps."""

import tensorflow as tf
from keras import ops


class ReplicaState:
    """Weights whose rows the replicas share out among themselves.

    Each replica reads and writes its own rows: the states of the texts that it
    trains on, or a pool of images that it drew. All of them are kept together,
    so that a checkpoint holds what every replica needs to go on.

    Args:
        model: the Keras model that keeps the weights; it is being built.
        name: str. Beginning of their names.
        first: list of tensors `(num_rows, ...)`, the rows of all replicas at
            the beginning. All have as many rows, a multiple of the replicas.
    """

    def __init__(self, model, name, first):
        self.variables = [
            model.add_weight(
                name=f"{name}_{i}",
                shape=part.shape,
                initializer="zeros",
                dtype=part.dtype,
                trainable=False,
                autocast=False,
                # All replicas assign the same: see `write`.
                aggregation="only_first_replica",
            )
            for i, part in enumerate(first)
        ]
        self.num_rows = first[0].shape[0]

    def reset(self):
        """Sets all rows to zero."""
        for variable in self.variables:
            variable.assign(ops.zeros_like(variable))

    def first_row(self):
        """Number of this replica's first row: int, or integer tensor."""
        context = tf.distribute.get_replica_context()
        return context.replica_id_in_sync_group * self.rows_per_replica()

    def rows_per_replica(self):
        """How many rows a replica has: int."""
        context = tf.distribute.get_replica_context()
        return self.num_rows // context.num_replicas_in_sync

    def read(self):
        """The rows of this replica: list of tensors."""
        first, count = self.first_row(), self.rows_per_replica()
        return [
            tf.slice(
                tf.convert_to_tensor(variable),
                [first, *([0] * (len(variable.shape) - 1))],
                [count, *variable.shape[1:]],
            )
            for variable in self.variables
        ]

    def write(self, rows):
        """Keeps the rows of this replica; all of them must write.

        Args:
            rows: list of tensors, as `read` returns them.
        """
        context = tf.distribute.get_replica_context()
        for variable, mine in zip(self.variables, rows, strict=True):
            mine = tf.cast(mine, variable.dtype)
            if context.num_replicas_in_sync > 1:
                mine = context.all_gather(mine, axis=0)
            variable.assign(tf.ensure_shape(mine, variable.shape))
