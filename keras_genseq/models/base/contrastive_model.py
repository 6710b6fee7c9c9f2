"""The base of models whose loss compares the examples of a batch."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.training_seeds import global_rows
from keras_genseq.models.base.training_seeds import rows_of_all_replicas


class ContrastiveModel(BaseModel):
    """Learns which of the examples of a batch belong together.

    A subclass says `example_losses`, which sees the whole of a global batch:
    every replica compares its own examples with those of all others. It draws
    noise (`draw_noise_from`, `add_counter`), and examples have no weights.
    """

    def check_sample_weight(self, sample_weight, x):
        raise ValueError(
            f"{type(self).__name__} compares the examples of a batch and does "
            "not weigh them: leave the sample weights out."
        )

    def train_step(self, data):
        """One update on the loss of the global batch.

        Every replica compares its examples with all others; what those of
        other replicas become it computes for itself.
        """
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        num_rows = tf.shape(x)[0]
        step = ops.convert_to_tensor(self.updates)
        seeds = self.training_seeds.of_batch(num_rows, step)
        x, y, seeds = rows_of_all_replicas((x, y, seeds))

        def loss_fn(rows):
            losses, terms = self.example_losses(
                x, y, training=True, seeds=seeds
            )
            return tf.nest.map_structure(
                lambda values: tf.gather(values, rows), (losses, terms)
            )

        losses, terms = self.minimize(loss_fn, global_rows(num_rows))
        self.updates.assign_add(1)
        return self.track(losses, terms)
