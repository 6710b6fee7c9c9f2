"""The ranker: its loss, its temperature, and that pairs find each other."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import ContrastiveRanker
from keras_genseq.tokenizers import WordTokenizer
from tests.conformance.instances import awake

WORDS = ["a", "bright", "dark", "one"]


def make_ranker(**kwargs):
    keras.utils.set_random_seed(0)
    options = {
        "patch_size": 4,
        "text_length": 3,
        "num_layers": 1,
        "hidden_dim": 8,
        "num_heads": 2,
        "embedding_dim": 4,
        "first_temperature": 0.2,
        "tokenizer": WordTokenizer(WORDS),
        "seed": 0,
        **kwargs,
    }
    return ContrastiveRanker((8, 8, 1), **options)


def images(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((count, 8, 8, 1)).astype("float32")


def losses_by_hand(u, v, temperature, is_left_out):
    logits = u @ v.T / temperature
    logits[is_left_out] = -np.inf
    losses = np.zeros(len(u))
    for each in (logits, logits.T):
        losses += np.log(np.exp(each).sum(1)) - np.diag(each)
    return losses / 2, [each.argmax(1) for each in (logits, logits.T)]


def test_the_loss_is_the_symmetric_cross_entropy():
    model = awake(make_ranker())
    x = images(4)
    y = np.array([[2, 0, 0], [1, 3, 0], [2, 0, 0], [1, 2, 4]], "int32")
    u, v = np.array(model.encode(x)), np.array(model.encode_captions(y))
    # Rows 0 and 2 have one caption: neither is the other's negative.
    is_left_out = np.zeros((4, 4), bool)
    is_left_out[0, 2] = is_left_out[2, 0] = True
    model.log_scale.assign(-math.log(0.2))
    expected, nearest = losses_by_hand(u, v, 0.2, is_left_out)
    losses, terms = model.example_losses(x, y, training=False)
    np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-5)
    for name, found in zip(
        ("caption_accuracy", "image_accuracy"), nearest, strict=True
    ):
        np.testing.assert_array_equal(terms[name], found == np.arange(4))
    without = losses_by_hand(u, v, 0.2, np.zeros((4, 4), bool))[0]
    assert np.abs(without - expected)[[0, 2]].min() > 0.01


def test_a_caption_that_another_image_has_too_is_no_negative_of_it():
    model = awake(make_ranker())
    x = images(2)
    # The first caption of row 0 is the second one of row 1, but not its first.
    y = np.array([[[1, 2, 0], [4, 0, 0]], [[3, 0, 0], [1, 2, 0]]], "int32")
    u, v = np.array(model.encode(x)), np.array(model.encode_captions(y[:, 0]))
    is_left_out = np.array([[False, False], [True, False]])
    temperature = math.exp(-float(model.log_scale))
    expected, _ = losses_by_hand(u, v, temperature, is_left_out)
    losses, _ = model.example_losses(x, y, training=False)
    np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-5)


def test_embeddings_have_length_one_and_scores_are_their_cosines():
    model = awake(make_ranker())
    x, captions = images(3), ["a bright one", "dark", ""]
    u, v = np.array(model.encode(x)), np.array(model.encode_captions(captions))
    for each in (u, v):
        np.testing.assert_allclose(np.square(each).sum(1), 1.0, rtol=1e-5)
    scores = model.score(x, captions)
    np.testing.assert_allclose(scores, (u * v).sum(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model(x), u, rtol=1e-4, atol=1e-5)


def test_words_and_their_order_count_and_padding_does_not():
    model = awake(make_ranker())
    z = np.array(model.encode_captions(["a dark", "dark a", "a bright"]))
    assert np.abs(z[0] - z[1]).max() > 1e-3
    assert np.abs(z[0] - z[2]).max() > 1e-3
    table = model.text_encoder.embedding.embeddings
    moved = table.numpy()
    moved[0] += 10.0
    table.assign(moved)
    again = np.array(model.encode_captions(["a dark", "dark a", "a bright"]))
    np.testing.assert_array_equal(z, again)


def test_the_temperature_does_not_fall_below_its_least():
    model = make_ranker(first_temperature=0.01)
    for network in model.networks.values():
        network.trainable = False
    model.compile(keras.optimizers.SGD(10.0))
    # Pairs that are told apart ask for a lower one.
    model.example_losses = lambda x, y, **kwargs: (
        -model.log_scale * tf.ones(2),
        {},
    )
    model.train_on_batch(images(2), ["a", "dark"])
    np.testing.assert_allclose(model.log_scale, math.log(100.0), rtol=1e-6)


def test_images_and_captions_find_each_other():
    model = make_ranker(hidden_dim=16)
    labels = np.arange(24) % 2
    x = 0.3 * images(24) + 0.6 * labels[:, None, None, None]
    words = np.array([["dark", "a dark one"], ["bright", "a bright"]], object)
    model.compile(keras.optimizers.Adam(0.01))
    logs = model.fit(
        x.astype("float32"), words[labels], batch_size=12, epochs=20, verbose=0
    )
    # Of equal captions that have two wordings, either is right.
    assert logs.history["loss"][-1] < 0.1
    bright, dark = (
        np.array(model.score(x, [word] * 24)) for word in ("bright", "dark")
    )
    assert ((bright > dark) == (labels == 1)).all()


@pytest.mark.parametrize(
    "kwargs, words",
    [
        ({"first_temperature": 0.001}, "must be in \\[0.01, 1\\]"),
        ({"vocabulary_size": 9}, "leave `vocabulary_size` out"),
        ({"num_heads": 3}, "`num_heads` must divide `hidden_dim`"),
        ({"patch_size": 3}, "choose another `patch_size`"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(kwargs, words):
    with pytest.raises(ValueError, match=words):
        make_ranker(**kwargs)


def test_sample_weights_are_refused():
    model = make_ranker()
    model.compile("adam")
    with pytest.raises(ValueError, match="leave the sample weights out"):
        model.fit(images(2), ["a", "dark"], sample_weight=np.ones(2))
