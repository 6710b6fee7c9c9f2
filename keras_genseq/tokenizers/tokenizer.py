import collections.abc

import numpy as np
import tensorflow as tf

from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure
from keras_genseq.ops.values import not_empty


class Tokenizer:
    """Text to token ids and back, eagerly, in `tf.data` and in a served graph.

    Id 0 is padding, at the end of a row, and stands for no text. A subclass
    says `split` and `pieces`, and is registered as serializable.
    """

    # What stands between the pieces of a text.
    separator = ""

    @property
    def pieces(self):
        """list of bytes: what the ids from 1 on stand for."""
        raise NotImplementedError

    def split(self, texts, name):
        """Ids of checked texts.

        Args:
            texts: `(batch_size,)` string tensor.
            name: str. What error messages call it.

        Returns:
            `(batch_size, None)` ragged int32 tensor.
        """
        raise NotImplementedError

    @property
    def example(self):
        """bytes: a text, for requests that show what a model takes."""
        return self.pieces[0]

    @property
    def vocabulary_size(self):
        """int: number of ids, padding among them."""
        return len(self.pieces) + 1

    def encode(self, texts, name="text"):
        """Turns texts into token ids.

        Args:
            texts: `(batch_size,)` strings.
            name: str. What error messages call it.

        Returns:
            `(batch_size, longest)` int32 tensor, rows filled up with 0; of
            nothing but empty texts one column of 0, so that they are what they
            are beside others: rows of no tokens.

        Raises:
            ValueError: if these are not strings in one row, none at all, not
                UTF-8, or of characters that the tokenizer does not know (in a
                graph: `InvalidArgumentError`).
        """
        texts = as_texts(texts, name)
        ids = tf.cast(self.split(texts, name).to_tensor(), tf.int32)
        missing = tf.maximum(1 - tf.shape(ids)[1], 0)
        return tf.pad(ids, [[0, 0], [0, missing]])

    def decode(self, token_ids):
        """Turns token ids into texts.

        Args:
            token_ids: `(batch_size, time)` integers; 0 stands for no text.
                Rows of several lengths may be lists, or a ragged tensor.

        Returns:
            `(batch_size,)` string tensor.

        Raises:
            ValueError: if an id stands for nothing.
        """
        token_ids = _filled_up(token_ids)
        if not token_ids.dtype.is_integer or token_ids.shape.rank == 0:
            raise ValueError(
                "`token_ids` must hold integers, a row for each text. "
                f"Received: dtype={token_ids.dtype.name}, "
                f"shape={tuple(token_ids.shape)}"
            )
        known = (token_ids >= 0) & (token_ids < self.vocabulary_size)
        token_ids = ensure(
            token_ids,
            tf.reduce_all(known),
            f"`token_ids` must be from 0 to {self.vocabulary_size - 1}. "
            "Received at least one other value.",
        )
        pieces = tf.constant([b"", *self.pieces])
        return tf.strings.reduce_join(
            tf.gather(pieces, token_ids), axis=-1, separator=self.separator
        )


def _filled_up(token_ids):
    """Token ids as a tensor; shorter rows end with zeros."""
    if isinstance(token_ids, (list, tuple)) and token_ids:
        rows = [np.asarray(row) for row in token_ids]
        rows = [row if row.size else row.astype("int32") for row in rows]
        if all(row.ndim == 1 and row.dtype.kind in "iu" for row in rows):
            token_ids = tf.ragged.stack(
                [tf.constant(row, tf.int64) for row in rows]
            )
    if isinstance(token_ids, tf.RaggedTensor):
        return token_ids.to_tensor()
    return as_tensor(token_ids, "token_ids")


def as_vocabulary(vocabulary):
    """A vocabulary as a tuple, whose order says the ids.

    Args:
        vocabulary: sequence.

    Raises:
        ValueError: if it has no order, or one that may not be that of the ids.
    """
    unordered = (collections.abc.Set, collections.abc.Mapping)
    if isinstance(vocabulary, unordered) or not np.iterable(vocabulary):
        key = ", key=vocabulary.get" if hasattr(vocabulary, "get") else ""
        raise ValueError(
            "`vocabulary` must be a sequence: its order says the ids, from 1 "
            f"on. Received: a {type(vocabulary).__name__}. Give a list in "
            f"that order: `sorted(vocabulary{key})`."
        )
    return tuple(vocabulary)


def as_list(texts):
    """One text as a list of it; other texts as they are."""
    return [texts] if isinstance(texts, (str, bytes)) else texts


def as_texts(texts, name="text"):
    """Converts to a `(batch_size,)` tensor of strings in UTF-8.

    Args:
        texts: list of str or bytes, or string tensor.
        name: str. What error messages call it.

    Raises:
        ValueError: if it holds anything else (in a graph:
            `InvalidArgumentError`).
    """
    texts = as_tensor(texts, name)
    if texts.dtype != tf.string or texts.shape.rank != 1:
        raise ValueError(
            f"`{name}` must hold one string per row. Received: "
            f"dtype={texts.dtype.name}, shape={tuple(texts.shape)}"
        )
    texts = not_empty(texts, name=name)
    return ensure(
        texts,
        tf.reduce_all(replace_invalid(texts) == texts),
        f"`{name}` must be UTF-8, but at least one row is not. Convert it, for "
        "instance with `iconv -f LATIN1 -t UTF-8`.",
    )


def replace_invalid(texts):
    """Puts U+FFFD in the place of what is not UTF-8."""
    return tf.strings.unicode_transcode(
        texts, "UTF-8", "UTF-8", errors="replace"
    )
