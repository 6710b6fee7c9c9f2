import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf

from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.models import Transformer
from keras_genseq.models import TransformerLanguageModel
from keras_genseq.models.text.token_padding import encode_texts
from keras_genseq.models.text.token_padding import holds_text
from keras_genseq.models.text.token_padding import padded_rows
from keras_genseq.models.text.token_padding import token_windows
from keras_genseq.tokenizers import ByteTokenizer


@pytest.mark.parametrize(
    "texts",
    [
        "ab",
        b"ab",
        ["ab", "c"],
        ("ab",),
        np.array(["ab", "c"]),
        np.array(["ab"], object),
        pandas.Series(["ab", "c"]),
        pandas.Series(["ab", "c"], dtype="string"),
        tf.constant(["ab"]),
    ],
    ids=lambda x: f"{type(x).__name__}-{getattr(x, 'dtype', '')}",
)
def test_texts_of_every_kind_are_texts(texts):
    assert holds_text(texts)
    found = encode_texts(ByteTokenizer(), texts, "x")[0]
    np.testing.assert_array_equal(found, [98, 99])


@pytest.mark.parametrize(
    "ids",
    [[[1, 2]], [], np.ones((1, 2), int), pandas.Series([1, 2]), None, {1: 2}],
    ids=str,
)
def test_what_is_no_text_is_none(ids):
    assert not holds_text(ids)


def test_rows_that_are_no_lists_of_ids_are_told():
    for bad in ([[1], [2, None]], [[[1], [2, 3]], [[1]]]):
        with pytest.raises(ValueError, match="`x` must be an array or a tens"):
            padded_rows(bad)


def test_no_rows_are_no_floats():
    model = RecurrentLanguageModel(257, 2, tokenizer=ByteTokenizer())
    for ask in (
        lambda: model.score([]),
        lambda: model.generate([], 3),
        lambda: model.fit([]),
        lambda: model.encode([]),
    ):
        with pytest.raises(ValueError, match="has no rows"):
            ask()


@pytest.mark.parametrize("rows, batch_size", [(3, None), (4, 3), (4, 4)])
def test_lists_of_other_rows_than_are_carried_are_refused(rows, batch_size):
    model = RecurrentLanguageModel(6, 2, stateful_batch_size=2)
    model.compile("sgd", jit_compile=False)
    with pytest.raises(ValueError, match="carries the states of 2 rows"):
        model.fit([[1, 2]] * rows, batch_size=batch_size, verbose=0)


def test_windows_are_the_texts_piece_by_piece():
    texts = ["abcdefg", "", "ab", "abcdef"]
    windows, rows = token_windows(ByteTokenizer(), texts, 3)
    said = [text.decode() for text in ByteTokenizer().decode(windows).numpy()]
    assert said == ["abc", "def", "g", "", "ab", "abc", "def"]
    np.testing.assert_array_equal(rows, [0, 0, 0, 1, 2, 3, 3])


def test_nothing_but_empty_texts_is_rows_of_padding():
    windows, rows = token_windows(ByteTokenizer(), ["", ""], 3)
    np.testing.assert_array_equal(windows, [[0], [0]])
    np.testing.assert_array_equal(rows, [0, 1])


def fitted(model, texts, **kwargs):
    model.compile("sgd", jit_compile=False)
    return model.fit(texts, verbose=0, **kwargs).history


def test_fit_cuts_texts_that_are_longer_than_the_model():
    def language_model():
        return TransformerLanguageModel(
            257,
            num_layers=1,
            hidden_dim=8,
            num_heads=2,
            max_sequence_length=16,
            tokenizer=ByteTokenizer(),
        )

    text = "What is longer than sixteen bytes is read in windows. " * 3
    history = fitted(language_model(), [text, "short"], validation_data=[text])
    assert np.isfinite(history["val_loss"]).all()
    with pytest.raises(ValueError, match="3 for 2 texts"):
        fitted(language_model(), [text, "short"], sample_weight=np.ones(3))
    # A score is of the whole text, or of none.
    with pytest.raises(ValueError, match="16 positions"):
        language_model().score([text])


def test_windows_have_the_weights_of_their_texts():
    model = RecurrentLanguageModel(257, 4, tokenizer=ByteTokenizer())
    texts = ["a" * 1025, "short"]
    x, y, weights = model.as_examples(texts, None, [0.5, 2.0])
    assert x.shape == (3, 1024) and y is None
    np.testing.assert_array_equal(weights, [0.5, 0.5, 2.0])


def test_a_model_that_carries_states_takes_rows_as_they_are():
    model = RecurrentLanguageModel(
        257, 4, tokenizer=ByteTokenizer(), stateful_batch_size=2
    )
    texts = ["a" * 1500, "b" * 1500]
    assert model.as_examples(texts)[0] is texts
    plain = RecurrentLanguageModel(257, 4, tokenizer=ByteTokenizer())
    assert plain.as_examples(texts)[0].shape == (4, 1024)


PADDED = np.array([[1, 2, 3, 1], [4, 0, 0, 0], [2, 2, 0, 0], [3, 1, 0, 0]])


@pytest.mark.parametrize(
    "make",
    [
        lambda: RecurrentLanguageModel(7, 4),
        lambda: Transformer(
            7,
            num_layers=1,
            hidden_dim=8,
            num_heads=2,
            intermediate_dim=8,
            dropout=0.0,
        ),
    ],
    ids=["language model", "translator"],
)
def test_a_loss_is_of_real_tokens_however_it_is_worked_off(make):
    found = []
    in_parts = {"gradient_accumulation_steps": 2}
    for width, options in ((4, {}), (20, in_parts)):
        keras.utils.set_random_seed(0)
        model = make()
        model.compile(keras.optimizers.SGD(0.5), jit_compile=False, **options)
        x = np.pad(PADDED, [[0, 0], [0, width - 4]])
        y = x if isinstance(model, Transformer) else None
        history = model.fit(
            x, y, batch_size=4, shuffle=False, epochs=2, verbose=0
        ).history
        if y is None:
            np.testing.assert_allclose(
                history["loss"], history["nll_per_step"], rtol=1e-6
            )
        found.append((history["loss"], model.get_weights()))
    (losses, weights), (other_losses, other_weights) = found
    np.testing.assert_allclose(other_losses, losses, rtol=1e-5)
    for a, b in zip(weights, other_weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_padding_in_front_counts_as_padding_behind():
    front = np.array([[0, 0, 1, 2, 3], [0, 0, 0, 0, 4]], "int32")
    behind = np.array([[1, 2, 3, 0, 0], [4, 0, 0, 0, 0]], "int32")
    weights = []
    for x in (front, behind):
        keras.utils.set_random_seed(0)
        model = TransformerLanguageModel(
            5, num_layers=1, hidden_dim=8, num_heads=2, dropout=0.0
        )
        model.compile(keras.optimizers.SGD(0.5), jit_compile=False)
        model.fit(x, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
    signatures = model.serving_signatures()
    for name in ("score", "encode"):
        answers = [
            signatures[name].function(x=tf.constant(x)) for x in (front, behind)
        ]
        for key in answers[0]:
            np.testing.assert_array_equal(*(a[key] for a in answers))
