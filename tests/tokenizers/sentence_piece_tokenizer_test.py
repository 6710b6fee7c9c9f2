import base64
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import Transformer
from keras_genseq.models import TransformerLanguageModel
from keras_genseq.tokenizers import SentencePieceTokenizer
from keras_genseq.tokenizers.sentence_piece_tokenizer import _cut as cut

pytest.importorskip("tensorflow_text", reason="needs the extra `text`")
sentencepiece = pytest.importorskip("sentencepiece")

TEXTS = [
    "plain",
    "",
    "a\x00b",
    "é漢😀",
    "\ufeffmark",
    "\ufffd",
    " \t\r\n ",
    "a  b",
]
CORPUS = [
    "the lower tower\nslower towers are newer",
    "a new tower, lower than the newest",
    "she sews the wide sower's new sweater",
]


def train(kind="bpe", size=280):
    return SentencePieceTokenizer.train(CORPUS, size, kind=kind)


@pytest.fixture(scope="module")
def tokenizer():
    return train()


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_every_text_comes_back(kind):
    tokenizer = train(kind)
    assert tokenizer.vocabulary_size == 280
    back = tokenizer.decode(tokenizer.encode(TEXTS)).numpy()
    assert [t.decode() for t in back] == TEXTS
    again = train(kind)
    assert again.model == tokenizer.model


def test_frequent_parts_of_words_are_single_tokens(tokenizer):
    ids = tokenizer.encode(["tower lower", "xyz", ""]).numpy()
    pieces = [tokenizer.pieces[i - 1] for i in ids[0] if i]
    assert b"".join(pieces) == b"tower lower"
    assert len(pieces) < 6
    assert (ids[2] == 0).all() and ids.dtype == np.int32


def test_ids_are_those_of_sentencepiece_plus_one(tokenizer):
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(tokenizer.model)
    expected = np.array(processor.encode("the new tower é")) + 1
    ids = tokenizer.encode(["the new tower é"])
    np.testing.assert_array_equal(ids[0], expected)


def test_pieces_join_without_a_gap_or_a_space(tokenizer):
    ids = tokenizer.encode(["the", " new"]).numpy()
    joined = np.concatenate([row[row > 0] for row in ids])[None]
    assert tokenizer.decode(joined)[0] == b"the new"


@pytest.mark.slow
def test_an_answer_goes_on_where_its_prompt_ends(tokenizer):
    model = TransformerLanguageModel(
        280, num_layers=1, hidden_dim=8, num_heads=2, tokenizer=tokenizer
    )
    answer = model.generate("the new", 6, seed=3)
    assert "".join(model.stream("the new", 6, seed=3)) == answer


def test_it_outlives_a_new_random_seed(tokenizer):
    before = tokenizer.encode(["new"])
    tf.random.set_seed(7)
    np.testing.assert_array_equal(tokenizer.encode(["new"]), before)


def test_errors(tokenizer):
    with pytest.raises(ValueError, match="must be UTF-8"):
        tokenizer.encode([b"\xff"])
    with pytest.raises(ValueError, match="`kind` must be one of"):
        train("word")
    with pytest.raises(ValueError, match=r"choose 100 ids.*smaller.*least 27"):
        train(size=100)
    with pytest.raises(ValueError, match="content of a SentencePiece model"):
        SentencePieceTokenizer(b"abc")


def test_a_model_that_changes_texts_is_refused(tmp_path):
    text = tmp_path / "text"
    text.write_text("\n".join(CORPUS))
    prefix = str(tmp_path / "model")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=prefix, vocab_size=24, minloglevel=2
    )
    with pytest.raises(ValueError, match="changes texts: of 'a  b'"):
        SentencePieceTokenizer.from_file(prefix + ".model")


def test_characters_that_no_piece_spells_are_refused(tmp_path):
    text = tmp_path / "text"
    text.write_text("\n".join(CORPUS))
    prefix = str(tmp_path / "model")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=prefix,
        vocab_size=24,
        minloglevel=2,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
    )
    tokenizer = SentencePieceTokenizer.from_file(prefix + ".model")
    with pytest.raises(ValueError, match="`text` holds a character"):
        tokenizer.encode(["漢"])


def test_without_the_packages_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(ImportError, match=r"keras-genseq\[text\]"):
        train()


def test_it_is_serializable_and_small_in_the_config(tokenizer):
    config = keras.saving.serialize_keras_object(tokenizer)
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(
        again.encode(["new"]), tokenizer.encode(["new"])
    )
    assert base64.b64decode(config["config"]["model"]) == tokenizer.model


# In a process that can import neither this package nor Keras.
ASK = """
import pickle, sys
sys.modules["keras_genseq"] = sys.modules["keras"] = None
from training.query import ServingSession
session = ServingSession(sys.argv[1])
answers = []
for signature, request in pickle.loads(sys.stdin.buffer.read()):
    try:
        answers.append(session.run(signature, **request))
    except Exception as error:
        answers.append(str(error))
sys.stdout.buffer.write(pickle.dumps(answers))
"""


@pytest.mark.slow
def test_a_served_translator_takes_and_returns_text(tokenizer, tmp_path):
    model = Transformer(
        281,
        num_layers=1,
        hidden_dim=8,
        num_heads=2,
        intermediate_dim=8,
        max_sequence_length=16,
        tokenizer=tokenizer,
    )
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    model.export(tmp_path / "model")
    texts = np.array(["the new tower", "", "漢"], object)

    def request(texts):
        rows = len(texts)
        return {
            "text": np.array(texts, object),
            "max_new_tokens": np.full(rows, 6, "int32"),
            "length_penalty": np.full(rows, 0.6, "float32"),
        }

    asked = [("translate", request(texts)), ("translate", request(texts[:1]))]
    asked += [("score", {"text": texts, "target": texts[::-1]})]
    asked += [("translate", request(bad)) for bad in ([b"\xff"], ["new " * 30])]
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path / "model")],
        input=pickle.dumps(asked),
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    several, one, score, invalid, too_long = pickle.loads(done.stdout)
    answers = [text.decode() for text in several["text"]]
    assert answers == model.translate(list(texts), 6)
    assert len(set(answers)) > 1 and one["text"][0] == several["text"][0]
    expected = model.score(list(texts), list(texts[::-1]))
    np.testing.assert_allclose(score["log_prob"], expected, rtol=1e-4)
    assert "`text` must be UTF-8" in invalid
    assert "16 positions" in too_long
    assert tf.io.gfile.exists(str(tmp_path / "model" / "saved_model.pb"))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_size_that_the_texts_cannot_fill_is_fitted(kind):
    with pytest.warns(UserWarning, match=r"not for 6000: the tokenizer has"):
        tokenizer = train(kind, size=6000)
    assert 280 < tokenizer.vocabulary_size < 6000
    back = tokenizer.decode(tokenizer.encode(TEXTS)).numpy()
    assert [t.decode() for t in back] == TEXTS


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_long_lines_are_read(kind):
    # The second line has 8,400 bytes; its words come nowhere else.
    text = "the cat sat on the mat\n" * 50 + "zebra giraffe quokka " * 400
    tokenizer = SentencePieceTokenizer.train([text], 282, kind=kind)
    assert len(tokenizer.encode(["zebra giraffe"])[0]) < len("zebra giraffe")


def test_lines_are_cut_at_spaces_or_between_characters():
    for line in ("zebra " * 2000, "漢" * 5000, "a" * 4192, "é" + "é" * 4192):
        parts = list(cut(line))
        assert "".join(parts) == line
        assert max(len(part.encode()) for part in parts) <= 4192
        assert len(parts) == -(-len(line.encode()) // 4192)
    assert all(part.startswith((" ", "z")) for part in cut("zebra " * 2000))
    assert list(cut("a b")) == ["a b"] and list(cut("")) == []


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_texts_without_spaces_have_pieces(kind):
    texts = ["\u4f60\u597d\u4e16\u754c" * 50]
    with pytest.warns(UserWarning, match="have parts for"):
        tokenizer = SentencePieceTokenizer.train(texts, 300, kind=kind)
    for text in (texts[0][:6], "a  b", " "):
        ids = tokenizer.encode([text])
        assert tokenizer.decode(ids).numpy() == [text.encode()]


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: SentencePieceTokenizer.train([], 300), "`texts` are empty"),
        (lambda: SentencePieceTokenizer.train(["\n"], 300), "are empty"),
        (lambda: SentencePieceTokenizer("a.model"), r"from_file\(path\)"),
    ],
)
def test_what_is_no_text_or_model_is_told(make, words):
    with pytest.raises(ValueError, match=words):
        make()
