import numpy as np
import pytest
import tensorflow as tf

from training.data.dataset import Dataset
from training.data.streams import character_stream
from training.data.streams import joined
from training.data.streams import stream_batches
from training.data.streams import stream_steps
from training.data.streams import word_stream

TEXT = {"train": "abba cab\n", "valid": "bab", "test": "cabbage"}


def dataset(kind="text"):
    splits = {
        name: tf.data.Dataset.from_tensors({"text": text})
        for name, text in TEXT.items()
    }
    return Dataset("toy", kind, splits, None, None, "A toy.")


def batches(count, tokens=None, **kwargs):
    tokens = np.arange(1, 101, dtype="int32") if tokens is None else tokens
    examples = tf.data.Dataset.from_tensors(tokens)
    options = {"batch_size": 3, "window": 4, "seed": 0, **kwargs}
    data = stream_batches(examples, **options)
    return list(data.take(count).as_numpy_iterator())


def test_rows_go_on_from_batch_to_batch_through_an_epoch():
    steps = stream_steps(100, 3, 4)
    assert steps == (100 - 4 + 1) // 3 // 4
    epoch = np.concatenate(batches(steps), axis=1)
    assert epoch.shape == (3, steps * 4)
    np.testing.assert_array_equal(np.diff(epoch, axis=1), 1)
    np.testing.assert_array_equal(np.diff(epoch[:, 0]), steps * 4)


def test_epochs_begin_at_offsets_below_a_window():
    steps = stream_steps(100, 3, 4)
    firsts = [b[0, 0] for b in batches(20 * steps)[::steps]]
    assert set(firsts) == {1, 2, 3, 4}


def test_batches_are_a_function_of_seed_epoch_and_step():
    steps = stream_steps(100, 3, 4)
    whole = batches(3 * steps)
    later = batches(steps, start_epoch=1, start_step=5)
    np.testing.assert_array_equal(whole[steps + 5 : 2 * steps + 5], later)
    other = batches(20 * steps, seed=1)[::steps]
    assert not np.array_equal(other, batches(20 * steps)[::steps])


def test_too_few_tokens_are_refused_with_their_number():
    assert stream_steps(15, 3, 4) == 1
    with pytest.raises(ValueError, match=r"at least 15 tokens.*Received: 14"):
        stream_steps(14, 3, 4)


def test_characters_are_numbered_from_one():
    made = character_stream(num_rows=2)(dataset())
    assert made.vocabulary == ("", "\n", " ", "a", "b", "c", "e", "g")
    assert made.kind == "tokens" and made.element_shape == (9,)
    for name, text in TEXT.items():
        tokens = joined(made.splits[name].map(lambda e: e["x"]))
        assert "".join(made.vocabulary[t] for t in tokens) == text
    valid = list(made.splits["valid"].as_numpy_iterator())
    np.testing.assert_array_equal([v["x"] for v in valid], [[4, 3], [4, 0]])


def test_words_end_their_lines():
    made = word_stream(num_rows=1)(dataset())
    assert made.vocabulary[1:] == ("<eos>", "abba", "bab", "cab", "cabbage")
    (train,) = made.splits["train"].as_numpy_iterator()
    np.testing.assert_array_equal(train["x"], [2, 4, 1])


def test_held_out_texts_are_cut_into_rows_that_fit_into_memory():
    transform = word_stream(sequence_length=2)
    made = transform(dataset())
    rows = [r["x"].tolist() for r in made.splits["train"].as_numpy_iterator()]
    assert rows == [[2, 4, 1]]
    long = dataset()
    words = tf.data.Dataset.from_tensors({"text": "bab cab bab\ncab"})
    long.splits["valid"] = words
    made = transform(long)
    rows = [r["x"].tolist() for r in made.splits["valid"].as_numpy_iterator()]
    assert rows == [[3, 4], [3, 1], [4, 0]]


@pytest.mark.parametrize(
    "stream, text, words",
    [
        (character_stream, "a" * 9, "one character again.*'a' alone"),
        (word_stream, "abc " * 9, "two different words.*'abc' alone"),
    ],
)
def test_a_text_of_one_symbol_is_refused(stream, text, words):
    splits = {n: tf.data.Dataset.from_tensors({"text": text}) for n in TEXT}
    toy = Dataset("toy", "text", splits, None, None, "A toy.")
    with pytest.raises(ValueError, match=words):
        stream()(toy)


def test_other_kinds_of_data_are_refused():
    with pytest.raises(ValueError, match=r"of kind 'text'.*of kind 'pairs'"):
        character_stream()(dataset("pairs"))
