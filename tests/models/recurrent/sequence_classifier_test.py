import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import SequenceClassifier


def tokens_and_parity(size, num_steps=8, seed=0):
    """Ones and twos; the label is whether the number of twos is odd."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 3, (size, num_steps)).astype("int32")
    lengths = rng.integers(2, num_steps + 1, size)
    x[np.arange(num_steps) >= lengths[:, None]] = 0
    return x, (np.sum(x == 2, axis=1) % 2).astype("int32")


def random_model(**kwargs):
    model = SequenceClassifier(3, 4, **kwargs)
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_no_answer(pooling, bidirectional):
    model = random_model(
        vocabulary_size=5,
        num_layers=2,
        pooling=pooling,
        bidirectional=bidirectional,
    )
    x = np.array([[1, 2, 3, 4]], "int32")
    expected = model.classify(x)["logits"]
    for padding in ([(0, 0), (0, 3)], [(0, 0), (2, 0)]):
        logits = model.classify(np.pad(x, padding))["logits"]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    other = model.classify(x[:, ::-1].copy())["logits"]
    assert np.abs(other - expected).max() > 1e-3


def test_padding_of_features_is_what_was_said():
    x = np.random.default_rng(0).normal(size=(2, 5, 2)).astype("float32")
    padded = np.pad(x, [(0, 0), (0, 3), (0, 0)], constant_values=-9.0)
    model = random_model(channels=2, padding_value=-9.0)
    np.testing.assert_allclose(model.encode(padded), model.encode(x), atol=1e-6)
    plain = random_model(channels=2)
    assert np.abs(plain.encode(padded) - plain.encode(x)).max() > 1e-2


def test_learns_parity_of_sequences_of_several_lengths():
    model = SequenceClassifier(
        2, 16, vocabulary_size=3, embedding_dim=4, cell="gru"
    )
    model.compile(keras.optimizers.Adam(0.02))
    x, y = tokens_and_parity(512)
    model.fit(x, y, batch_size=128, epochs=60, verbose=0)
    x, y = tokens_and_parity(200, seed=1)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["accuracy"] > 0.95
    probabilities = model.classify(x)["probabilities"].numpy()
    assert np.mean(probabilities.argmax(1) == y) == pytest.approx(
        logs["accuracy"]
    )


def test_tagger_counts_steps_and_leaves_out_what_does_not_count():
    model = random_model(vocabulary_size=5, return_sequences=True)
    model.compile("sgd")
    x = np.array([[1, 2, 3, 0], [4, 4, 2, 1]], "int32")
    y = np.array([[0, 1, -1, 2], [2, 2, 1, 0]], "int32")
    logits = model.classify(x)["logits"].numpy()
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    counts = (y >= 0) & (x != 0)
    nats = -np.take_along_axis(log_probs, np.maximum(y, 0)[..., None], -1)
    nats = nats[..., 0] * counts
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["nll_per_step"] == pytest.approx(nats.sum() / 6, rel=1e-5)
    per_sequence = nats.sum(1) / counts.sum(1)
    assert logs["loss"] == pytest.approx(per_sequence.mean(), rel=1e-5)
    right = (logits.argmax(-1) == y) & counts
    assert logs["accuracy"] == pytest.approx(right.sum() / 6)


def test_parameters_as_counted_by_hand():
    model = SequenceClassifier(
        3, 4, vocabulary_size=7, embedding_dim=5, cell="lstm", num_layers=2
    )
    lower, upper = 4 * (4 * (5 + 4) + 4), 4 * (4 * (4 + 4) + 4)
    assert model.count_params() == 7 * 5 + lower + upper + 4 * 3 + 3
    both = SequenceClassifier(3, 4, cell="simple_rnn", bidirectional=True)
    assert both.count_params() == 2 * (4 * (1 + 4) + 4) + 8 * 3 + 3


def fitted(y, **kwargs):
    model = random_model(vocabulary_size=5, **kwargs)
    model.compile("sgd")
    x = np.ones((2, 3), "int32")
    return lambda: model.fit(x, np.asarray(y), verbose=0)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SequenceClassifier(1, 4), "`num_classes` must be an int"),
        (lambda: SequenceClassifier(3, 0), "`units` must be positive"),
        (
            lambda: random_model(vocabulary_size=5, channels=2),
            "`vocabulary_size` or `channels`, not both",
        ),
        (lambda: random_model(channels=0), "`channels` must be positive"),
        (lambda: random_model(pooling="first"), "`pooling` must be one of"),
        (fitted([0, 3]), "labels from 0 to 2"),
        (fitted([0, -1]), "labels from 0 to 2"),
        (fitted([0.0, 1.0]), r'int labels of .* `y.astype\("int32"\)`'),
        (fitted([[1], [0]]), r"int labels of shape .* a column `y\[..., 0\]`"),
        (fitted([[1, 0, 0]] * 2), r"one-hot labels use `y.argmax\(-1\)`"),
        (fitted([0, 1], return_sequences=True), "int labels of shape"),
        (fitted([[0] * 3, [-2] * 3], return_sequences=True), "from -1 to 2"),
        (
            lambda: random_model(vocabulary_size=5).classify([[5]]),
            "token ids from 0",
        ),
        (
            lambda: random_model(vocabulary_size=5).classify([[0, 0]]),
            "nothing but padding",
        ),
        (lambda: random_model().encode([[np.nan]]), "NaN or infinity"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_labels_in_a_data_set_stop_training():
    model = random_model(vocabulary_size=5)
    model.compile("sgd")
    data = tf.data.Dataset.from_tensors(
        (np.ones((2, 3), "int32"), np.array([0, 9], "int32"))
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels from 0"):
        model.fit(data, verbose=0)
