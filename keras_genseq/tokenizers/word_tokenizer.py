import keras
import tensorflow as tf

from keras_genseq.ops.values import ensure
from keras_genseq.tokenizers.tokenizer import Tokenizer
from keras_genseq.tokenizers.tokenizer import as_vocabulary

END_OF_LINE = "<eos>"
UNKNOWN = "<unk>"
# What Unicode calls white space, as `str.split` knows it: no-break and
# ideographic spaces, too.
_SPACES = r"[\s\x{b}\x{1c}-\x{1f}\x{85}\p{Z}]+"


def split_words(text):
    """Words of a text as `WordTokenizer` splits them, to count them.

    Args:
        text: str.

    Returns:
        list of str: what stands between white space, and `<eos>` for the end
        of each line.
    """
    return text.replace("\n", f" {END_OF_LINE} ").split()


@keras.saving.register_keras_serializable(package="keras_genseq")
class WordTokenizer(Tokenizer):
    """Every word of a text, what stands between white space, is a token.

    The end of a line is the word `<eos>`, where the vocabulary has it; a word
    that the vocabulary does not have is `<unk>`, where it has that. Decoding
    puts a space between words.

    Args:
        vocabulary: sequence of words: the ids from 1 on, in this order.

    Raises:
        ValueError: if the vocabulary is empty or has no order, or an entry
            holds a space or stands there twice.

    Example:

    ```python
    tokenizer = tokenizers.WordTokenizer(["the", "cat", "<unk>"])
    tokenizer.encode(["the dog"])  # [[1, 3]]
    ```
    """

    separator = " "

    def __init__(self, vocabulary):
        if isinstance(vocabulary, (str, bytes)):
            raise ValueError(
                "`vocabulary` must be a sequence of words, not one text: "
                f"`text.split()`. Received: {vocabulary[:50]!r}"
            )
        vocabulary = as_vocabulary(vocabulary)
        wrong = [
            w for w in vocabulary if not isinstance(w, str) or w.split() != [w]
        ]
        if not vocabulary or wrong:
            raise ValueError(
                "`vocabulary` must hold words without spaces, at least one. "
                f"Received: {wrong[:5] or 'none'}"
            )
        if len(set(vocabulary)) < len(vocabulary):
            raise ValueError("`vocabulary` must hold each word once.")
        self.vocabulary = vocabulary
        self._unknown_id = 0
        if UNKNOWN in vocabulary:
            self._unknown_id = vocabulary.index(UNKNOWN) + 1
        # Found by the export through this attribute, like any resource.
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(vocabulary), tf.range(1, len(vocabulary) + 1)
            ),
            default_value=self._unknown_id,
        )

    @property
    def pieces(self):
        return [w.encode() for w in self.vocabulary]

    def split(self, texts, name):
        if END_OF_LINE in self.vocabulary:
            texts = tf.strings.regex_replace(texts, "\n", f" {END_OF_LINE} ")
        # By itself the operation knows the spaces of ASCII alone.
        words = tf.strings.split(tf.strings.regex_replace(texts, _SPACES, " "))
        ids = self._table.lookup(words.flat_values)
        ids = ensure(
            ids,
            tf.reduce_all(ids > 0),
            f"`{name}` holds a word that the model does not know. It knows "
            f"{len(self.vocabulary):,}, and has no {UNKNOWN} among them.",
        )
        return words.with_flat_values(ids)

    def decode(self, token_ids):
        return tf.strings.strip(super().decode(token_ids))

    def get_config(self):
        return {"vocabulary": list(self.vocabulary)}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
