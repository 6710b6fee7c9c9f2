"""From text to token ids and back, in TensorFlow operations."""

from keras_genseq.tokenizers.byte_tokenizer import (
    ByteTokenizer as ByteTokenizer,
)
from keras_genseq.tokenizers.character_tokenizer import (
    CharacterTokenizer as CharacterTokenizer,
)
from keras_genseq.tokenizers.sentence_piece_tokenizer import (
    SentencePieceTokenizer as SentencePieceTokenizer,
)
from keras_genseq.tokenizers.tokenizer import Tokenizer as Tokenizer
from keras_genseq.tokenizers.word_tokenizer import (
    WordTokenizer as WordTokenizer,
)
from keras_genseq.tokenizers.word_tokenizer import split_words as split_words
