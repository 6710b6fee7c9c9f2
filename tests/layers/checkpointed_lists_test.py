import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import RecurrentEncoder
from keras_genseq.layers import ResidualStem
from keras_genseq.layers.recurrent.recurrent_stack import RecurrentStack
from tests.conformance.instances import awake

X = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize(
    "make, x",
    [
        (lambda: RecurrentEncoder(3, num_layers=2), X[:, 0]),
        (lambda: RecurrentStack(3, num_layers=2), X[:, 0]),
        (lambda: ResidualStem(8, num_blocks=(1, 1)), X),
    ],
    ids=["encoder", "stack", "stem"],
)
def test_a_checkpoint_reaches_layers_that_are_not_built(make, x, tmp_path):
    layer, again = make(), make()
    layer(x)
    expected = keras.tree.flatten(awake(layer)(x))
    path = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "layer"))
    status = tf.train.Checkpoint(layer=again).read(path)
    for a, b in zip(expected, keras.tree.flatten(again(x)), strict=True):
        np.testing.assert_array_equal(a, b)
    status.assert_consumed()
