"""Texts as inputs of endpoints: strings, or token ids without a tokenizer."""

import numpy as np
import tensorflow as tf

from keras_genseq.models.base.endpoint import Input


def text_input(tokenizer, description, check, ids_example=((1, 1),)):
    """An input that is a text: a string with a tokenizer, else token ids.

    Args:
        tokenizer: `keras_genseq.tokenizers.Tokenizer`, or None.
        description: str. What the texts are, for people.
        check: callable `(value, num_rows) -> token ids`.
        ids_example: one row of token ids.

    Returns:
        `Input`.
    """
    if tokenizer:
        return Input(
            tf.TensorSpec((None,), tf.string),
            description,
            check,
            example=np.array([tokenizer.example], object),
        )
    return Input(
        tf.TensorSpec((None, None), tf.int32),
        f"{description}, as token ids; 0 is padding",
        check,
        example=np.array(ids_example, "int32"),
    )
