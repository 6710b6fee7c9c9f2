"""From a stream of tokens to a stream of text."""

import codecs


def text_pieces(tokens, tokenizer):
    """Text of a stream of tokens, as far as whole characters are there.

    Args:
        tokens: iterable of ints.
        tokenizer: `keras_genseq.tokenizers.Tokenizer`.

    Returns:
        Generator of str, none of them empty.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    before = b""
    for token in tokens:
        piece = decoder.decode(before + tokenizer.pieces[token - 1])
        before = tokenizer.separator.encode()
        if piece:
            yield piece
    piece = decoder.decode(b"", final=True)
    if piece:
        yield piece
