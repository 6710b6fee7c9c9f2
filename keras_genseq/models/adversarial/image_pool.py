"""Images that a generator made some updates ago, for a discriminator."""

import tensorflow as tf

from keras_genseq.models.base.replica_state import ReplicaState
from keras_genseq.ops.random import row_uniform


class ImagePool:
    """A pool of fakes, from which a discriminator gets half of what it sees.

    As long as there is room, a new image is kept and handed on. Afterwards it
    is handed on as it is with a probability of one half; else it takes the
    place of one that is drawn, and that one is handed on.

    The images are weights of the model, so that a resumed run goes on with
    them. Replicas share the places out among themselves: each has a pool of
    its own, and an image is as old in it as on one replica, counted in
    updates.

    Args:
        model: the Keras model that keeps the images; it is being built.
        name: str. Beginning of the names of its weights.
        size: int. Images of all replicas; 0 hands on all that comes.
        image_shape: (height, width, channels).

    Raises:
        ValueError: if the replicas cannot share `size` places.

    References:
        - [Shrivastava et al., 2017](https://arxiv.org/abs/1612.07828)
    """

    def __init__(self, model, name, size, image_shape):
        num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if size % num_replicas:
            raise ValueError(
                "Each replica has an equal part of the places: `pool_size` "
                f"must be a multiple of {num_replicas}, the replicas. "
                f"Received: pool_size={size}"
            )
        self.state = None
        if size:
            empty = [tf.zeros((size, *image_shape)), tf.zeros((size,), "int32")]
            self.state = ReplicaState(model, name, empty)

    def exchange(self, images, seeds, stream):
        """Hands a batch in and gets as many images out.

        All examples of a batch find the pool as it was before: those that are
        drawn are older than the batch. It must not be called where XLA
        compiles a replica's part alone.

        Args:
            images: `(batch_size, height, width, channels)` new fakes.
            seeds: `(batch_size,)` int32 tensor.
            stream: int. Of the noise of this pool.

        Returns:
            Tensor as `images`.
        """
        if self.state is None:
            return images
        kept, is_taken = self.state.read()
        size = kept.shape[0]
        num_taken = tf.reduce_sum(is_taken)
        free = num_taken + tf.range(tf.shape(images)[0])
        uniforms = row_uniform(seeds, 2, stream=stream)
        drawn = tf.cast(uniforms[:, 0] * size, tf.int32)
        is_swapped = (num_taken == size) & (uniforms[:, 1] < 0.5)
        # What finds no place, free or drawn, has the number of none.
        place = tf.where(is_swapped, drawn, tf.where(free < size, free, size))
        answers = tf.where(
            is_swapped[:, None, None, None], tf.gather(kept, drawn), images
        )
        self.state.write(_placed(kept, is_taken, images, place))
        return answers


def _placed(kept, is_taken, images, place):
    """The pool with images in their places, of several the last one."""
    size = kept.shape[0]
    order = tf.range(tf.shape(images)[0])
    # (batch_size, size)
    is_here = place[:, None] == tf.range(size)[None, :]
    newest = tf.reduce_max(tf.where(is_here, order[:, None], -1), axis=0)
    is_new = newest >= 0
    new = tf.gather(images, tf.maximum(newest, 0))
    return [
        tf.where(is_new[:, None, None, None], new, kept),
        tf.where(is_new, 1, is_taken),
    ]
