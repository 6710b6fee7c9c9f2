"""The text encoder: its layers, its loss, and that it learns words."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import CharCNNRNN
from keras_genseq.models.adversarial.captions import character_ids
from tests.conformance.instances import without_values

SMALL = {
    "filters": (5, 4),
    "kernel_size": 3,
    "text_dim": 3,
    "max_sequence_length": 24,
    "image_filters": (4,),
    "initial_range": 0.5,
    "seed": 1,
}


def make_encoder(image_shape=(3,), **kwargs):
    keras.utils.set_random_seed(2)
    return CharCNNRNN(image_shape, **{**SMALL, **kwargs})


def test_captions_of_201_characters_have_eight_states():
    with without_values():
        model = CharCNNRNN.from_preset("char_cnn_rnn_1024")
    shapes = [
        layer.output.shape[1:]
        for layer in model.text_network.layers
        if isinstance(layer, (keras.layers.Conv1D, keras.layers.MaxPooling1D))
    ]
    expected = [(198, 384), (66, 384), (63, 512), (21, 512), (18, 512)]
    assert shapes == [*expected, (8, 512)]


def test_an_embedding_is_what_the_layers_make_by_hand():
    model = make_encoder(filters=(4,))
    ids = character_ids(tf.constant(["a small b!"]), 24).numpy()
    x = np.zeros((24, 70))
    x[np.arange(24)[ids[0] > 0], ids[0][ids[0] > 0] - 1] = 1.0
    kernel, bias, w, u, b, v, c = (p.numpy() for p in model.trainable_variables)
    x = np.stack(
        [np.tensordot(x[t : t + 3], kernel, 2) + bias for t in range(22)]
    ).clip(0.0)
    x = np.stack([x[t : t + 3].max(0) for t in range(0, 20, 2)])
    states = [np.zeros(4)]
    for step in x:
        states.append((step @ w + states[-1] @ u + b).clip(0.0))
    expected = np.mean(states[1:], axis=0) @ v + c
    np.testing.assert_allclose(
        model.embeddings_of(ids)[0], expected, rtol=1e-4, atol=1e-5
    )


def losses_by_hand(v, t, labels, margin):
    losses = np.zeros(len(v))
    scores = v @ t.T
    for i in range(len(v)):
        others = [j for j in range(len(v)) if labels[j] != labels[i]]
        for j in others:
            for score in (scores[i, j], scores[j, i]):
                loss = max(0.0, margin + score - scores[i, i])
                losses[i] += loss / len(others)
    return losses


def test_the_loss_is_that_of_the_structured_joint_embedding():
    model = make_encoder(margin=0.7)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 3)).astype("float32")
    y = {"captions": list("abcde"), "label": [0, 1, 0, 2, 2]}
    texts = np.array(model.encode(y["captions"]))
    losses, terms = model.example_losses(x, y, training=False)
    expected = losses_by_hand(x, texts, y["label"], 0.7)
    assert expected.max() > 0.0
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    # A large margin between all classes leaves nothing to lose.
    far = tf.constant(100.0 * np.eye(3)[[0, 1, 0]], tf.float32)
    model.embeddings_of = lambda *args: far
    y = {"captions": list("aba"), "label": [0, 1, 0]}
    losses, terms = model.example_losses(far, y, training=False)
    np.testing.assert_array_equal(losses, 0.0)
    np.testing.assert_array_equal(terms["accuracy"], 1.0)


def test_a_batch_of_one_class_teaches_nothing():
    model = make_encoder()
    y = {"captions": ["a", "b"], "label": [3, 3]}
    losses, _ = model.example_losses(np.eye(3)[:2], y, training=False)
    np.testing.assert_array_equal(losses, 0.0)


def test_images_and_words_find_each_other():
    model = make_encoder((8, 8, 1), text_dim=4)
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2
    images = rng.random((24, 8, 8, 1)) * 0.3
    images[labels == 1] += 0.6
    words = np.array([["dark", "a dark one"], ["bright", ""]], object)
    y = {"captions": words[labels], "label": labels}
    model.compile(keras.optimizers.Adam(0.02))
    logs = model.fit(
        images.astype("float32"), y, batch_size=12, epochs=20, verbose=0
    )
    assert logs.history["accuracy"][-1] > 0.9


def test_texts_are_encoded_as_their_characters_say():
    model = make_encoder()
    z = np.array(model.encode(["A cat", "a cat", "a cät", "a ct", ""]))
    np.testing.assert_allclose(z[0], z[1], rtol=1e-5)
    assert not np.allclose(z[1], z[2]) and not np.allclose(z[2], z[3])
    long = np.array(model.encode(["x" * 24, "x" * 24 + "y"]))
    np.testing.assert_allclose(long[0], long[1], rtol=1e-5)


def test_captions_of_an_image_are_averaged_or_drawn_by_the_seed():
    model = make_encoder()
    z = np.array(model.encode(["ab", "c"]))
    ids = character_ids(tf.constant(["ab", "c", ""]), 24)
    mean = model.mean_embeddings_of(ids[None])
    np.testing.assert_allclose(mean[0], z.mean(0), rtol=1e-5)
    many = tf.repeat(ids[None], 64, axis=0)
    drawn = model._one_of_each(many, tf.range(64)).numpy()
    first = (drawn == ids[0].numpy()).all(1)
    assert 20 < first.sum() < 44
    assert (drawn[~first] == ids[1].numpy()).all()
    np.testing.assert_array_equal(model._one_of_each(many, None), many[:, 0])


@pytest.mark.parametrize(
    "kwargs, words",
    [
        ({"image_shape": (4,)}, "here \\(3,\\)"),
        ({"max_sequence_length": 8}, "set a larger `max_sequence_length`"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(kwargs, words):
    with pytest.raises(ValueError, match=words):
        make_encoder(**kwargs)


def test_sample_weights_are_refused():
    model = make_encoder()
    model.compile("adam")
    with pytest.raises(ValueError, match="leave the sample weights out"):
        model.fit(np.eye(3), ["a", "b", "c"], sample_weight=np.ones(3))
