"""Captions beside their images: as they are, or as rows of token ids."""

import collections
import dataclasses

import tensorflow as tf

from keras_genseq.tokenizers import WordTokenizer
from training.data.sequences import of_dataset

UNKNOWN = "<unk>"


def caption_tokenizer(dataset, vocabulary_size=10_000):
    """A tokenizer of the words of training captions.

    Args:
        dataset: `Dataset` of kind `"captions"`.
        vocabulary_size: int. The most ids, padding and `<unk>` among them; of
            more words the most frequent have one.

    Returns:
        `WordTokenizer`.

    Raises:
        ValueError: if the data are of another kind.
    """
    _check_captions(dataset)
    counts = collections.Counter(
        word
        for example in dataset.splits["train"].as_numpy_iterator()
        for caption in example["captions"]
        for word in caption.decode().split()
    )
    counts.pop(UNKNOWN, None)
    words = [word for word, _ in counts.most_common(vocabulary_size - 2)]
    return WordTokenizer([UNKNOWN, *sorted(words)])


def captioned():
    """Sets what is said of an image beside it, with its class if it has one.

    Returns:
        Function from a `Dataset` of kind `"captions"` to another one, whose
        examples have `y`: a dict of `captions` and, where there are classes,
        `label`.

    Raises:
        ValueError: if the data have no captions.
    """

    def with_targets(example):
        y = {k: example[k] for k in ("captions", "label") if k in example}
        return {**example, "y": y}

    def transform(dataset):
        _check_captions(dataset)
        if dataset.num_classes == 1:
            dataset = dataset.noting(
                "There is one class alone, and so no mismatching caption: "
                "leave the classes out, and every image is one of its own."
            )
        splits = {n: s.map(with_targets) for n, s in dataset.splits.items()}
        return dataclasses.replace(dataset, splits=splits)

    return of_dataset(transform)


def caption_tokens(max_length=32):
    """Makes token ids of the captions of each image the targets.

    Args:
        max_length: int. The most tokens of a caption; longer ones are cut.

    Returns:
        Function from a `Dataset` of kind `"captions"`, with a tokenizer, to
        one whose examples have `y`, `(most_captions, length)` int32, as long
        as the longest caption of the training data; 0 is padding.
    """

    def transform(dataset):
        _check_captions(dataset)
        tokenizer = dataset.tokenizer
        longest = max(
            tokenizer.encode(captions).shape[1]
            for captions in dataset.splits["train"]
            .map(lambda example: example["captions"])
            .batch(1024)
            .map(lambda captions: tf.reshape(captions, [-1]))
        )
        length = min(longest, max_length)
        if longest > length:
            dataset = dataset.noting(
                f"Captions are cut after {length} words; the longest has "
                f"{longest}."
            )

        def with_ids(example):
            ids = tokenizer.encode(example["captions"])[:, :length]
            ids = tf.pad(ids, [[0, 0], [0, length - tf.shape(ids)[1]]])
            count = example["captions"].shape[0]
            return {**example, "y": tf.ensure_shape(ids, (count, length))}

        splits = {n: s.map(with_ids) for n, s in dataset.splits.items()}
        return dataclasses.replace(dataset, splits=splits)

    return of_dataset(transform)


def _check_captions(dataset):
    if dataset.kind != "captions":
        raise ValueError(
            "This recipe learns from images and their captions: give them "
            "as `--data captions:DIR`. Received: "
            f"{dataset.name!r}, of kind {dataset.kind!r}"
        )
