import keras
import numpy as np
import tensorflow as tf

from keras_genseq.ops.values import ensure
from keras_genseq.tokenizers.tokenizer import Tokenizer
from keras_genseq.tokenizers.tokenizer import as_vocabulary


@keras.saving.register_keras_serializable(package="keras_genseq")
class CharacterTokenizer(Tokenizer):
    """Every character of a text is a token.

    Args:
        vocabulary: str, or sequence of single characters: the ids from 1 on,
            in this order.

    Raises:
        ValueError: if the vocabulary is empty or has no order, or an entry is
            not a single character or stands there twice.

    Example:

    ```python
    tokenizer = tokenizers.CharacterTokenizer("abc")
    tokenizer.encode(["cab"])  # [[3, 1, 2]]
    ```
    """

    def __init__(self, vocabulary):
        vocabulary = as_vocabulary(vocabulary)
        wrong = [c for c in vocabulary if not isinstance(c, str) or len(c) != 1]
        if not vocabulary or wrong:
            raise ValueError(
                "`vocabulary` must hold single characters, at least one. "
                f"Received: {wrong[:5] or 'none'}"
            )
        if len(set(vocabulary)) < len(vocabulary):
            twice = sorted(c for c in vocabulary if vocabulary.count(c) > 1)
            raise ValueError(
                "`vocabulary` must hold each character once. "
                f"Received more than once: {twice[:5]}"
            )
        self.vocabulary = vocabulary
        codes = np.array([ord(c) for c in vocabulary], "int32")
        self._ids = np.argsort(codes).astype("int32") + 1
        self._codes = np.sort(codes)

    @property
    def pieces(self):
        return [c.encode() for c in self.vocabulary]

    def split(self, texts, name):
        codes = tf.strings.unicode_decode(texts, "UTF-8")
        found = tf.searchsorted(self._codes, codes.flat_values)
        found = tf.minimum(found, len(self._codes) - 1)
        found = ensure(
            found,
            tf.reduce_all(tf.gather(self._codes, found) == codes.flat_values),
            f"`{name}` holds a character that the model does not know. It "
            f"knows these {len(self.vocabulary)}: "
            f"{''.join(self.vocabulary)[:100]!r}.",
        )
        return codes.with_flat_values(tf.gather(self._ids, found))

    def get_config(self):
        return {"vocabulary": "".join(self.vocabulary)}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
