import keras
import tensorflow as tf

from keras_genseq.tokenizers.tokenizer import Tokenizer
from keras_genseq.tokenizers.tokenizer import replace_invalid


@keras.saving.register_keras_serializable(package="keras_genseq")
class ByteTokenizer(Tokenizer):
    """Every byte of a text in UTF-8 is a token: byte b has the id b + 1.

    It knows every text. Ids that a model draws need not be UTF-8: what is not
    decodes to U+FFFD.

    Example:

    ```python
    tokenizer = tokenizers.ByteTokenizer()
    tokenizer.encode(["ab"])  # [[98, 99]]
    ```
    """

    @property
    def pieces(self):
        return [bytes([b]) for b in range(256)]

    def split(self, texts, name):
        parts = tf.strings.bytes_split(texts)
        # Of no bytes at all there is no column 0.
        values = tf.reshape(tf.io.decode_raw(parts.flat_values, tf.uint8), [-1])
        return parts.with_flat_values(tf.cast(values, tf.int32) + 1)

    def decode(self, token_ids):
        return replace_invalid(super().decode(token_ids))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
