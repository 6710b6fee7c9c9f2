"""A small model with one signature of each kind, for the tests of export."""

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.export import Signature

WORDS = ["a", "b", "c"]


class ToyModel(keras.Model):
    """Scores images of four pixels, reads words, draws noise per row."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)
        self.normalization = keras.layers.BatchNormalization()
        # No signature reads it: it need not be written.
        self.discriminator = keras.layers.Dense(1)
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(WORDS, tf.range(1, 4)), 0
        )

    def build(self, input_shape=(None, 4)):
        self.dense.build((None, 4))
        self.normalization.build((None, 4))
        self.discriminator.build((None, 4))
        self.built = True

    def call(self, inputs):
        return self.normalization(self.dense(inputs), training=False)

    def score(self, x):
        tf.debugging.assert_less_equal(
            x, 1.0, "`x` must be an image with pixels in [0, 1]."
        )
        return {"log_prob": -tf.reduce_sum(self(x) ** 2, axis=-1)}

    def encode(self, text):
        words = tf.strings.split(text).to_tensor()
        return {"token_ids": self.table.lookup(words), "text": text}

    def sample(self, seed, temperature):
        def draw(row):
            return tf.random.stateless_normal((4,), tf.stack([row, 0]))

        noise = tf.map_fn(draw, seed, fn_output_signature=tf.float32)
        return {"x": self(noise) * temperature[:, None]}

    def serving_signatures(self):
        return {
            "score": Signature(
                self.score,
                {"x": tf.TensorSpec((None, 4), "float32")},
                {"x": np.full((1, 4), 0.5, "float32")},
            ),
            "encode": Signature(
                self.encode,
                {"text": tf.TensorSpec((None,), "string")},
                {"text": np.array(["b a"])},
            ),
            "sample": Signature(
                self.sample,
                {
                    "seed": tf.TensorSpec((None,), "int32"),
                    "temperature": tf.TensorSpec((None,), "float32"),
                },
                {
                    "seed": np.array([7], "int32"),
                    "temperature": np.array([1.0], "float32"),
                },
            ),
        }


def toy_model(seed=0):
    """Builds the toy model with weights that depend on the seed."""
    keras.utils.set_random_seed(seed)
    model = ToyModel()
    model.build()
    return model
