import base64
import binascii
import hashlib
import importlib
import io
import pathlib
import re
import warnings

import keras
import tensorflow as tf

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import ensure
from keras_genseq.tokenizers.tokenizer import Tokenizer
from keras_genseq.tokenizers.tokenizer import as_list
from keras_genseq.tokenizers.tokenizer import replace_invalid

KINDS = ("unigram", "bpe")
# Bytes. SentencePiece leaves longer lines out without a word.
_LONGEST_LINE = 4192


@keras.saving.register_keras_serializable(package="keras_genseq")
class SentencePieceTokenizer(Tokenizer):
    """Frequent parts of words are tokens, as SentencePiece finds them.

    Spaces belong to pieces, so that pieces, one behind the other, are the text
    again, and an answer continues its prompt. Piece i of the model has
    the id i + 1. A served graph needs the operations of tensorflow-text, which
    TensorFlow Serving has.

    Args:
        model: bytes of a SentencePiece model, or the same in base64. It must
            neither put a space before texts nor add tokens around them.

    Raises:
        ImportError: if the packages of the extra `text` are not installed.
        ValueError: if this is not a SentencePiece model, or it changes texts.

    Example:

    ```python
    texts = ["the cat sat on the mat", "the dog sat on the cat"]
    tokenizer = tokenizers.SentencePieceTokenizer.train(texts, 280, kind="bpe")
    tokenizer.decode(tokenizer.encode(["any text"]))  # [b"any text"]
    ```

    References:
        - [Kudo, 2018](https://arxiv.org/abs/1804.10959), unigram
        - [Sennrich et al., 2016](https://arxiv.org/abs/1508.07909), BPE
        - [Kudo & Richardson, 2018](https://arxiv.org/abs/1808.06226)
    """

    def __init__(self, model):
        self.model = _from_base64(model) if isinstance(model, str) else model
        processor = _processor(self.model)
        size = processor.get_piece_size()
        self._pieces = [_piece(processor, i) for i in range(size)]
        self._unknown_id = processor.unk_id() + 1
        # Found by the export through this attribute, like any resource.
        self._resource = _ModelResource(self.model)

    @classmethod
    def train(cls, texts, vocabulary_size, *, kind="unigram"):
        """Chooses the pieces that suit texts.

        All 256 bytes are pieces, too: what the texts do not have is spelled
        with them. The same texts give the same pieces. Long lines are cut at
        spaces, and a size that the texts cannot fill becomes the largest that
        they can, with a warning.

        Args:
            texts: iterable of str. Lines are taken apart.
            vocabulary_size: int. Ids, padding among them.
            kind: `"unigram"`, or `"bpe"`, byte-pair encoding.

        Returns:
            `SentencePieceTokenizer`.

        Raises:
            ImportError: if the packages of the extra `text` are not installed.
            ValueError: if `kind` is another one, or `vocabulary_size` is too
                small for all bytes and the characters of the texts.
        """
        if kind not in KINDS:
            raise ValueError(
                f"`kind` must be one of {KINDS}. Received: kind={kind!r}"
            )
        vocabulary_size = as_int(vocabulary_size, "vocabulary_size", minimum=2)
        lines = (
            part
            for text in as_list(texts)
            for line in text.split("\n")
            for part in _cut(line)
        )
        model = io.BytesIO()
        try:
            _package("sentencepiece").SentencePieceTrainer.train(
                sentence_iterator=lines,
                model_writer=model,
                model_type=kind,
                vocab_size=vocabulary_size - 1,
                hard_vocab_limit=False,
                max_sentence_length=_LONGEST_LINE,
                byte_fallback=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                add_dummy_prefix=False,
                # Of texts without spaces, too, such as Chinese ones.
                required_chars="\u2581",
                unk_id=0,
                bos_id=-1,
                eos_id=-1,
                pad_id=-1,
                # Sums of several threads differ from run to run.
                num_threads=1,
                minloglevel=2,
            )
        except (RuntimeError, TypeError) as error:
            if "sentences_.empty()" in str(error):
                raise ValueError(
                    "There is no text to choose pieces of: `texts` are empty."
                ) from error
            needed = re.search(r"\d+ vs (\d+)", str(error))
            least = int(needed[1]) + 1 if needed else 258
            raise ValueError(
                f"SentencePiece cannot choose {vocabulary_size} ids, padding "
                f"among them, for these texts: {error}. Set `vocabulary_size` "
                f"to at least {least}: 256 bytes and every frequent character "
                "need a place."
            ) from error
        tokenizer = cls(model.getvalue())
        if tokenizer.vocabulary_size < vocabulary_size:
            warnings.warn(
                f"These texts have parts for {tokenizer.vocabulary_size} ids, "
                f"padding among them, not for {vocabulary_size}: the tokenizer "
                f"has {tokenizer.vocabulary_size}.",
                stacklevel=2,
            )
        return tokenizer

    @classmethod
    def from_file(cls, path):
        """Reads a file that `python -m training tokenizer` wrote."""
        return cls(pathlib.Path(path).expanduser().read_bytes())

    @property
    def pieces(self):
        return self._pieces

    @property
    def example(self):
        return self._pieces[-1]

    def split(self, texts, name):
        ids, row_splits = self._resource.split(texts)
        ids = ensure(
            ids + 1,
            tf.reduce_all(ids + 1 != self._unknown_id),
            f"`{name}` holds a character that the model does not know. Train "
            "a tokenizer with bytes among its pieces, as `train` does.",
        )
        return tf.RaggedTensor.from_row_splits(ids, row_splits, validate=False)

    def decode(self, token_ids):
        return replace_invalid(super().decode(token_ids))

    def get_config(self):
        return {"model": base64.b64encode(self.model).decode()}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _ModelResource(tf.saved_model.experimental.TrackableResource):
    """A SentencePiece model as the operations of tensorflow-text hold it.

    The package's own class names no resource: TensorFlow then frees it with
    the kernel that made it, as soon as somebody sets a random seed.
    """

    def __init__(self, model):
        super().__init__()
        self._model = model
        self._name = "sentencepiece_" + hashlib.sha256(model).hexdigest()
        self._ops = _package(
            "tensorflow_text.python.ops.sentencepiece_tokenizer"
        ).gen_sentencepiece_tokenizer
        with tf.init_scope():
            _ = self.resource_handle  # Made at the first look.

    def split(self, texts):
        """Numbers of pieces, and where each text begins among them."""
        return self._ops.sentencepiece_tokenize_op(
            self.resource_handle,
            texts,
            nbest_size=0,
            alpha=1.0,
            add_bos=False,
            add_eos=False,
            reverse=False,
            out_type=tf.int32,
        )

    def _create_resource(self):
        return self._ops.sentencepiece_op(
            model=self._model, shared_name=self._name
        )


def _processor(model):
    processor = _package("sentencepiece").SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            "`model` must be the content of a SentencePiece model file. "
            f"Received: {type(model).__name__} that is none"
        ) from error
    probe = "a  b"
    back = b"".join(
        _piece(processor, i)
        for i in processor.encode(probe)
        if i != processor.unk_id()
    )
    if back.strip(b"ab ") or back.startswith(b" "):
        raise ValueError(
            "This SentencePiece model changes texts: of "
            f"{probe!r} it makes {back.decode(errors='replace')!r}. Train one "
            "with `add_dummy_prefix=False` and without tokens around texts, "
            "as `SentencePieceTokenizer.train` does."
        )
    return processor


def _from_base64(model):
    try:
        return base64.b64decode(model, validate=True)
    except binascii.Error as error:
        raise ValueError(
            "`model` must be the bytes of a SentencePiece model, or a str of "
            "their base64. Of a file: `SentencePieceTokenizer.from_file(path)`."
            f" Received: {model[:50]!r}"
        ) from error


def _cut(line):
    """Parts of a line that SentencePiece reads, cut at spaces if it can be."""
    rest = line.encode()
    while len(rest) > _LONGEST_LINE:
        end = rest.rfind(b" ", 1, _LONGEST_LINE)
        if end < 0:
            end = _LONGEST_LINE
            # Not inside a character of several bytes.
            while rest[end] & 0xC0 == 0x80:
                end -= 1
        yield rest[:end].decode()
        rest = rest[end:]
    if rest:
        yield rest.decode()


def _piece(processor, i):
    """The bytes that a piece stands for."""
    if processor.is_control(i) or processor.is_unknown(i):
        return b""
    text = processor.id_to_piece(i)
    if processor.is_byte(i):
        return bytes([int(text[1:-1], 16)])  # "<0x41>"
    return text.replace("\u2581", " ").encode()


def _package(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"SentencePiece tokenizers need {name.partition('.')[0]!r}: "
            "`pip install 'keras-genseq[text]'`."
        ) from error
