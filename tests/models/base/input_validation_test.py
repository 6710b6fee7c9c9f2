"""Weights, splits and containers of `fit`: what counts, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import models
from keras_genseq.tokenizers import ByteTokenizer
from tests.conformance.toys import ToyDensity

X = (np.arange(8 * 6).reshape(8, 6) % 5 > 2).astype("float32")
IDS = np.array([[1, 2, 3], [3, 1, 4], [2, 2, 1], [4, 3, 2]] * 2)
LABELS = np.arange(8) % 2
TEXTS = ["to be", "or not", "to", "be"]


def density():
    model = ToyDensity(6)
    model.compile(keras.optimizers.SGD(0.5), jit_compile=False)
    return model


def twins():
    """Two models of the same weights."""
    one, two = density(), density()
    two.set_weights(one.get_weights())
    return one, two


def classifier():
    model = models.SequenceClassifier(2, 3, vocabulary_size=5)
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    return model


def writer(**options):
    model = models.TransformerLanguageModel(
        257,
        num_layers=1,
        hidden_dim=4,
        num_heads=1,
        tokenizer=ByteTokenizer(),
        **options,
    )
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    return model


def test_a_split_keeps_weights_without_targets():
    """Keras refuses the split of what is no array any more."""
    weights = np.array([1.0] * 6 + [2.0] * 2)
    split, told = twins()
    history = split.fit(
        X,
        shuffle=False,
        sample_weight=weights,
        validation_split=0.25,
        verbose=0,
    ).history
    expected = told.fit(
        X[:6],
        shuffle=False,
        sample_weight=weights[:6],
        validation_data=(X[6:], None, weights[6:]),
        verbose=0,
    ).history
    np.testing.assert_allclose(history["val_loss"], expected["val_loss"])
    for a, b in zip(split.get_weights(), told.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_validation_is_not_weighed_by_classes():
    model = classifier()
    history = model.fit(
        IDS,
        LABELS,
        class_weight={0: 7.0, 1: 7.0},
        validation_split=0.5,
        verbose=0,
    ).history
    loss = model.evaluate(IDS[4:], LABELS[4:], verbose=0)[0]
    np.testing.assert_allclose(history["val_loss"], [loss], rtol=1e-6)
    np.testing.assert_allclose(
        history["loss"],
        [7.0 * model.evaluate(IDS[:4], LABELS[:4], verbose=0)[0]],
        rtol=1e-6,
    )


@pytest.mark.parametrize("share", [1.5, 1, 0.99, -0.5, "0.2", np.nan])
def test_a_split_leaves_examples_on_both_sides(share):
    with pytest.raises(ValueError, match="`validation_split` must be"):
        density().fit(X, validation_split=share, verbose=0)


@pytest.mark.parametrize("texts", [TEXTS[:2], TEXTS, tuple(TEXTS[:2])])
def test_texts_to_validate_on_are_a_list(texts):
    """Two of them are no pair of inputs and targets."""
    model = writer()
    history = model.fit(TEXTS, validation_data=texts, verbose=0).history
    expected = model.evaluate(list(texts), verbose=0)[0]
    np.testing.assert_allclose(history["val_loss"], [expected], rtol=1e-6)


def test_a_batch_of_texts_is_no_tuple_of_inputs_and_targets():
    history = writer().fit(iter([TEXTS, TEXTS[:2]]), verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_texts_are_cut_alike_wherever_they_are_judged():
    model, long = writer(max_sequence_length=8), ["a" * 20, "b" * 9]
    history = model.fit(long, validation_data=long, verbose=0).history
    expected = model.evaluate(long, verbose=0)[0]
    np.testing.assert_allclose(history["val_loss"], [expected], rtol=1e-6)


@pytest.mark.parametrize(
    "weights, words",
    [
        (np.full(8, np.nan), "finite and at least 0"),
        (np.full(8, np.inf), "finite and at least 0"),
        (-np.ones(8), "finite and at least 0"),
        (np.ones((8, 1)), r"Flatten a column: `sample_weight.reshape\(-1\)`"),
        (np.ones(7), "one weight for each example"),
        (["a"] * 8, "`sample_weight` must hold numbers"),
        ([1.0, None] * 4, "`sample_weight` must be an array"),
    ],
)
def test_weights_are_finite_numbers_one_an_example(weights, words):
    with pytest.raises(ValueError, match=words):
        density().fit(X, sample_weight=weights, verbose=0)
    with pytest.raises(ValueError, match=words):
        density().test_on_batch(X, sample_weight=weights)


def test_weights_of_batches_are_as_many_as_their_examples():
    """One weight would count for all rows, silently."""
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([(IDS, LABELS, [1.0])]),
        output_signature=(
            tf.TensorSpec((None, 3), tf.int32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.float32),
        ),
    )
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="one weight for each example"
    ):
        classifier().fit(dataset, verbose=0)


def test_targets_of_batches_are_as_many_as_their_examples():
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([(IDS, LABELS[:3])]),
        output_signature=(
            tf.TensorSpec((None, 3), tf.int32),
            tf.TensorSpec((None,), tf.int32),
        ),
    )
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="as many targets as examples"
    ):
        classifier().fit(dataset, verbose=0)


@pytest.mark.parametrize("weights", [[1.0] * 8, [True] * 8, np.ones(8, int)])
def test_weights_of_any_kind_of_number_count(weights):
    one, two = twins()
    one.fit(X, batch_size=8, shuffle=False, sample_weight=weights, verbose=0)
    two.fit(X, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    "class_weight, words",
    [
        ([1.0, 1.0], "must be a dict of class to weight"),
        (np.ones(2), "must be a dict of class to weight"),
        ("balanced", "must be a dict of class to weight"),
        ({"0": 1.0}, "from 0 to 1 as a key. Received: class_weight='0'"),
        ({2: 1.0}, "from 0 to 1 as a key. Received: class_weight=2"),
        ({0: None}, r"`class_weight\[0\]` must be a finite number"),
        ({0: np.nan}, r"`class_weight\[0\]` must be a finite number"),
        ({0: -1.0}, r"`class_weight\[0\]` must be at least 0"),
    ],
    ids=str,
)
def test_class_weights_are_a_dict_of_classes(class_weight, words):
    for train in (
        lambda m, **k: m.fit(IDS, LABELS, verbose=0, **k),
        lambda m, **k: m.train_on_batch(IDS, LABELS, **k),
    ):
        with pytest.raises(ValueError, match=words):
            train(classifier(), class_weight=class_weight)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: tf.data.Dataset.from_tensor_slices((x, x[:, 0])).batch(4),
        lambda x: iter([x[:4], x[4:]]),
    ],
)
def test_predictions_are_of_checked_examples(make):
    model = density()
    expected = model(X)
    np.testing.assert_allclose(
        model.predict(make(X), verbose=0), expected, atol=1e-6
    )
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError), match="must hold only"
    ):
        model.predict(make(X * 255.0), verbose=0)
    with pytest.raises(ValueError, match="must hold only"):
        model.predict_on_batch(X * 255.0)


def test_data_without_batches_are_told():
    model, empty = density(), tf.data.Dataset.from_tensors(X).take(0)
    with pytest.raises(ValueError, match="evaluate held no batch"):
        model.evaluate(empty, verbose=0)
    with pytest.raises(ValueError, match="evaluate held no batch"):
        model.fit(X, validation_data=empty, verbose=0)
    with pytest.raises(ValueError, match="`x` has no rows"):
        model.predict(empty, verbose=0)
    with pytest.raises(ValueError, match="Received: a NoneType"):
        model.fit(verbose=0)


@pytest.mark.parametrize("number", [0, -1, 2.0, "2", True])
def test_what_fit_counts_are_positive_ints(number):
    with pytest.raises(ValueError, match="`batch_size` must be positive"):
        density().fit(X, batch_size=number, verbose=0)
    with pytest.raises(ValueError, match="`steps_per_execution` must be pos"):
        density().compile(steps_per_execution=number)
    if number != 0:
        with pytest.raises(ValueError, match="`epochs` must be an int"):
            density().fit(X, epochs=number, verbose=0)


def test_predictions_of_texts_are_of_their_tokens():
    model = writer()
    expected = model(model.tokenizer.encode(["to", "be"]))
    found = model.predict(["to", "be"], verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_predict_cannot_tell_conditions():
    model = models.VAE((2, 2, 1), 2, hidden_units=(3,), num_classes=3)
    with pytest.raises(ValueError, match=r"`condition` of each .* score, enc"):
        model.predict(np.zeros((1, 2, 2, 1), "float32"), verbose=0)


def test_a_batch_has_at_most_three_parts():
    data = tf.data.Dataset.from_tensors((X, X, X, X))
    with pytest.raises(ValueError, match=r"A batch must be .*4 entries"):
        density().fit(data, verbose=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.data.Dataset.from_tensors({"x": X}),
        lambda: iter([{"x": X}]),
        lambda: {"x": X},
    ],
)
def test_a_dict_is_told_how_to_become_pairs(make):
    with pytest.raises(ValueError, match=r"a dict of x. Take its parts"):
        density().fit(make(), verbose=0)


CONDITIONAL = {
    "GAN": lambda: models.GAN(
        (4, 4, 1),
        2,
        generator_units=(4,),
        discriminator_units=(4,),
        num_classes=3,
    ),
    "VAE": lambda: models.VAE([4, 4, 1], 2, hidden_units=(4,), num_classes=3),
}


@pytest.mark.parametrize("name", CONDITIONAL)
@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda y: y[:, None], r"condition.reshape\(-1\)"),
        (lambda y: np.eye(3)[y], r"condition.argmax\(-1\)"),
        (lambda y: y + 0.7, "must hold ints"),
    ],
    ids=["column", "one-hot", "floats"],
)
def test_classes_in_data_are_told_their_remedy(name, spoil, words):
    model = CONDITIONAL[name]()
    model.compile(jit_compile=False)
    x = np.ones((3, 4, 4, 1), "float32")
    with pytest.raises(ValueError, match=words):
        model.fit(x, spoil(np.arange(3)), verbose=0)
