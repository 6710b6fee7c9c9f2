"""Tokenizers of parts of words, trained on a data set."""

from keras_genseq.export import atomic
from keras_genseq.tokenizers import SentencePieceTokenizer
from training.data import load_dataset

_TEXTS = {"text": ("text",), "pairs": ("source", "target")}


def subword_tokenizer(
    dataset, vocabulary_size, kind="unigram", file=None, max_examples=None
):
    """Trains a tokenizer on the training split, both sides of pairs together.

    Args:
        dataset: `Dataset` of kind `"text"` or `"pairs"`.
        vocabulary_size: int. Ids, padding among them.
        kind: `"unigram"` or `"bpe"`.
        file: optional path of a trained tokenizer, which is taken instead.
        max_examples: optional int. Of more examples, as many are taken, at
            equal distances.

    Returns:
        `SentencePieceTokenizer`.

    Raises:
        ValueError: if the data are of another kind, or `vocabulary_size` does
            not fit them.
    """
    if file is not None:
        return SentencePieceTokenizer.from_file(file)
    if dataset.kind not in _TEXTS:
        raise ValueError(
            "A tokenizer is trained on data of kind 'text' or 'pairs'. "
            f"Received: {dataset.name!r}, of kind {dataset.kind!r}"
        )
    examples = dataset.splits["train"]
    if max_examples is not None:
        distance = -(-dataset.size("train") // max_examples)
        examples = examples.shard(distance, 0)
    texts = (
        example[side].decode()
        for side in _TEXTS[dataset.kind]
        for example in examples.as_numpy_iterator()
    )
    return SentencePieceTokenizer.train(texts, vocabulary_size, kind=kind)


def write_tokenizer(source, output, vocabulary_size, kind):
    """Trains a tokenizer and writes it into a file.

    Args:
        source: str. The data, as `load_dataset` takes it.
        output: path. The file is a SentencePiece model.
        vocabulary_size, kind: as for `subword_tokenizer`.
    """
    tokenizer = subword_tokenizer(load_dataset(source), vocabulary_size, kind)
    atomic.write_bytes(str(output.absolute()), tokenizer.model)
    print(f"{tokenizer.vocabulary_size:,} ids ({kind}): {output}")
