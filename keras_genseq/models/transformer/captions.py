"""Captions of images as rows of token ids of one length."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.text.token_padding import encode_texts
from keras_genseq.models.text.token_padding import holds_text
from keras_genseq.models.text.token_padding import padded_at_the_end
from keras_genseq.models.text.token_padding import padded_rows
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import all_token_ids
from keras_genseq.ops.values import as_int32
from keras_genseq.ops.values import ensure
from keras_genseq.ops.values import not_empty

_PAPER_VOCABULARY = 16_384


def caption_vocabulary(tokenizer, vocabulary_size=None):
    """The tokenizer of captions, and how many ids it has.

    Args:
        tokenizer: `keras_genseq.tokenizers.Tokenizer`, its serialized config,
            or None.
        vocabulary_size: optional int, padding included. None takes the
            tokenizer's, or DALL-E's 16,384 and padding.

    Returns:
        The tokenizer, or None, and an int.

    Raises:
        ValueError: if the tokenizer has another number of ids.
    """
    if isinstance(tokenizer, dict):
        tokenizer = keras.saving.deserialize_keras_object(tokenizer)
    if vocabulary_size is None:
        vocabulary_size = _PAPER_VOCABULARY + 1
        if tokenizer:
            vocabulary_size = tokenizer.vocabulary_size
    if tokenizer and tokenizer.vocabulary_size != vocabulary_size:
        raise ValueError(
            f"The tokenizer has {tokenizer.vocabulary_size} ids, padding "
            "among them: leave `vocabulary_size` out. Received: "
            f"vocabulary_size={vocabulary_size}"
        )
    return tokenizer, as_int(
        vocabulary_size,
        "vocabulary_size",
        minimum=2,
        note=", padding included",
    )


def caption_ids(captions, tokenizer, vocabulary_size, text_length, name):
    """Checks captions and fills them up.

    Args:
        captions: str, list of str, or `(num_captions, time)` token ids, 0 at
            either end of shorter rows.
        tokenizer: `keras_genseq.tokenizers.Tokenizer`, or None.
        vocabulary_size: int.
        text_length: int.
        name: str. What error messages call them.

    Returns:
        `(num_captions, text_length)` int32 tensor, 0 after the last token.

    Raises:
        ValueError: if these are no captions, or one is too long (in a graph:
            `InvalidArgumentError`).
    """
    if holds_text(captions):
        ids = encode_texts(tokenizer, captions, name)
    else:
        ids = padded_rows(captions, name)
    if not ids.dtype.is_integer or ids.shape.rank != 2:
        raise ValueError(
            f"`{name}` must hold texts, or integers of shape (num_captions, "
            f"time). Received: dtype={ids.dtype.name}, "
            f"shape={tuple(ids.shape)}"
        )
    ids = not_empty(as_int32(ids, name), name=name)
    ids = all_token_ids(ids, vocabulary_size, name=name)
    ids = padded_at_the_end(ids, name)
    ids = ensure(
        ids,
        tf.reduce_all(ids[:, text_length:] == 0),
        f"`{name}` must have at most {text_length} tokens a row. Received a "
        "longer one: shorten it, or make a model with a larger `text_length`.",
    )
    ids = tf.pad(ids, [[0, 0], [0, text_length]])[:, :text_length]
    return tf.ensure_shape(ids, (None, text_length))


def captions_of_request(model, captions, num_rows=None):
    """Checks what a model is asked for.

    Args:
        model: Keras model with a `tokenizer`, or None, a `vocabulary_size` and
            a `text_length`.
        captions: as for `caption_ids`.
        num_rows: int, or None: the rows of the other inputs.

    Returns:
        As `caption_ids`.

    Raises:
        ValueError: as `caption_ids` and `of_as_many_rows`.
    """
    ids = caption_ids(
        captions,
        model.tokenizer,
        model.vocabulary_size,
        model.text_length,
        name="caption",
    )
    if num_rows is None:
        return ids
    return of_as_many_rows(ids, num_rows, "caption")


def of_as_many_rows(captions, num_rows, name):
    """Checks that there is a caption for each image.

    Args:
        captions: tensor `(num_captions, ...)`.
        num_rows: int or integer scalar tensor. Images.
        name: str. What error messages call the captions.

    Returns:
        The captions.

    Raises:
        ValueError: if there are more or fewer (in a graph:
            `InvalidArgumentError`).
    """
    return ensure(
        captions,
        tf.equal(tf.shape(captions)[0], num_rows),
        f"`{name}` must have a row for each row of `x`.",
    )


def training_captions(captions, tokenizer, vocabulary_size, text_length):
    """Captions to learn from: one an image, or several.

    Args:
        captions: as for `caption_ids`; or `(num_images, captions)` strings, or
            `(num_images, captions, time)` ids, those that an image lacks empty
            and at the end.
        tokenizer, vocabulary_size, text_length: as for `caption_ids`.

    Returns:
        `(num_images, text_length)` or `(num_images, captions, text_length)`
        int32 tensor.

    Raises:
        ValueError: as for `caption_ids`.
    """
    options = (tokenizer, vocabulary_size, text_length, "y")
    if not tf.is_tensor(captions):
        captions = padded_rows(captions, "y")
    several = 2 if holds_text(captions) else 3
    if captions.shape.rank != several:
        return caption_ids(captions, *options)
    count = captions.shape[1]
    flat = tf.reshape(captions, (-1, *captions.shape[2:]))
    ids = caption_ids(flat, *options)
    return tf.reshape(ids, (-1, count, text_length))


def drawn_captions(captions, seeds=None):
    """One of the captions of each image.

    Args:
        captions: `(batch_size, captions, text_length)` int32, the empty ones at
            the end.
        seeds: `(batch_size,)` seeds; None takes the first ones.

    Returns:
        `(batch_size, text_length)` int32 tensor.
    """
    if seeds is None:
        return captions[:, 0]
    counts = ops.sum(ops.cast(captions[:, :, 0] > 0, "float32"), axis=1)
    uniforms = row_uniform(seeds, 1)[:, 0]
    chosen = ops.cast(ops.floor(uniforms * ops.maximum(counts, 1.0)), "int32")
    return ops.take_along_axis(captions, chosen[:, None, None], axis=1)[:, 0]
