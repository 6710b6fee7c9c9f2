import keras
import numpy as np
import pytest
import tensorflow as tf

from training.muon import Muon
from training.muon import is_matrix
from training.muon import orthogonalized


@pytest.mark.parametrize("shape", [(8, 8), (5, 40), (40, 5)])
def test_orthogonalized_keeps_the_vectors_and_levels_the_values(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    u, values, v = np.linalg.svd(matrix, full_matrices=False)
    # Values apart by a factor of a hundred.
    spread = np.geomspace(0.01, 1.0, len(values))
    matrix = (u * spread @ v).astype("float32")
    new = orthogonalized(tf.constant(matrix)).numpy()
    in_its_axes = u.T @ new @ v.T
    levelled = np.diag(in_its_axes)
    assert levelled.min() > 0.5 and levelled.max() < 1.4
    np.testing.assert_allclose(in_its_axes, np.diag(levelled), atol=1e-3)


def test_a_kernel_of_a_convolution_is_a_matrix_and_a_vector_is_not():
    assert is_matrix((3, 3, 8, 4)) and is_matrix((8, 4))
    for shape in [(4,), (7, 7, 1, 4), (1, 1, 8, 1), (28, 28, 8)]:
        assert not is_matrix(shape)


def test_updates_have_the_size_of_adams():
    kernel = keras.Variable(np.zeros((3, 3, 16, 8), "float32"))
    bias = keras.Variable(np.zeros(8, "float32"))
    rng = np.random.default_rng(1)
    gradients = [
        tf.constant(rng.normal(size=v.shape), tf.float32)
        for v in (kernel, bias)
    ]
    Muon(0.01, adam_ratio=0.5).apply(gradients, [kernel, bias])
    size = np.sqrt(np.mean(np.square(kernel.numpy())))
    assert 0.5 * 0.2 * 0.01 < size < 1.5 * 0.2 * 0.01
    np.testing.assert_allclose(np.abs(bias.numpy()), 0.005, rtol=1e-3)


def test_learns_what_adam_learns_and_its_state_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(2).normal(size=(64, 8, 8, 3)).astype("float32")
    truth = keras.layers.Conv2D(4, 3, padding="same")
    y = truth(x).numpy()
    model = keras.Sequential([keras.layers.Conv2D(4, 3, padding="same")])
    model.compile(Muon(keras.optimizers.schedules.CosineDecay(0.1, 120)), "mse")
    history = model.fit(x, y, epochs=60, verbose=0).history["loss"]
    assert history[-1] < 1e-3 * history[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert loaded.get_config() == model.optimizer.get_config()
    for ours, theirs in zip(
        loaded.variables, model.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
