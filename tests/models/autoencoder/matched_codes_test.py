import keras
import numpy as np
import pytest

from tests.models.autoencoder.adversarial_autoencoder_test import images
from tests.models.autoencoder.adversarial_autoencoder_test import make_aae


def test_heads_move_z_by_the_category():
    model = make_aae(num_categories=3, cluster_heads=True)
    z, logits = model.codes.of_images(images(5))
    heads = np.array(model.heads.kernel)
    probabilities = np.array(keras.ops.softmax(logits))
    np.testing.assert_allclose(
        model.encode(images(5)), z + probabilities @ heads, atol=1e-6
    )
    seeds = np.arange(200, dtype="int32")
    codes = np.array(model.sample_prior(seeds, np.zeros(200, "float32")))
    np.testing.assert_allclose(
        np.unique(codes.round(5), axis=0), np.unique(heads.round(5), axis=0)
    )


def test_heads_that_are_too_close_cost_their_lack_of_distance():
    model = make_aae(num_categories=3, cluster_heads=True, head_distance=2.0)
    free = make_aae(num_categories=3, cluster_heads=True)
    free.set_weights(model.get_weights())
    for made in (model, free):
        # Distances 1, 3 and sqrt(10): one pair lacks 1.
        made.heads.kernel.assign([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    batch = model.seeded_batch(images(4), step=0)
    np.testing.assert_allclose(
        model.autoencoder_loss(batch)[0] - free.autoencoder_loss(batch)[0],
        1.0,
        atol=1e-4,
    )


def test_noise_is_added_to_what_the_encoder_sees_in_training():
    noisy, plain = make_aae(input_noise=0.5), make_aae()
    plain.set_weights(noisy.get_weights())
    x, seeds = np.repeat(images(1), 3, axis=0), np.array([3, 4, 3], "int32")
    z, _ = noisy.codes.of_images(x, seeds, training=True)
    assert (z[0] == z[2]).numpy().all() and (z[0] != z[1]).numpy().any()
    np.testing.assert_array_equal(
        noisy.codes.of_images(x, seeds)[0],
        plain.codes.of_images(x, seeds, training=True)[0],
    )


@pytest.mark.parametrize("posterior", ["gaussian", "universal"])
def test_random_posteriors_draw_by_row_and_have_a_centre(posterior):
    model = make_aae(posterior_type=posterior)
    x = np.repeat(images(1), 3, axis=0)
    z, _ = model.codes.of_images(x, np.array([3, 4, 3], "int32"))
    assert (z[0] == z[2]).numpy().all() and (z[0] != z[1]).numpy().any()
    centres = np.array(model.encode(x))
    np.testing.assert_array_equal(centres[0], centres[1])
