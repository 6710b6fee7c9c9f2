"""Small batches, the same every time."""

import numpy as np

# Odd: two replicas have unequal shares of it.
BATCH = 11
# Rows that are asked at once, and steps of sequences that are drawn: what is
# compiled for them serves every test.
ROWS = 8
LENGTH = 8


def categories(size, input_dim, num_categories):
    rng = np.random.default_rng(3)
    x = rng.integers(0, num_categories, (size, input_dim))
    return x.astype("float32")


def token_ids(size, num_states, num_steps=9):
    """Sequences with a rhythm to learn; some begin or end in padding."""
    rng = np.random.default_rng(3)
    x = (rng.integers(0, 2, (size, num_steps)).cumsum(1) // 2) % num_states
    x[1::3, -2:] = -1
    x[2::3, :3] = -1
    return x.astype("int32")


def binary_images(size, image_shape):
    """Images with a bright half, left or right."""
    rng = np.random.default_rng(3)
    x = rng.random((size, *image_shape)) < 0.1
    half = image_shape[1] // 2
    x[::2, :, :half] = True
    x[1::2, :, half:] = True
    return x.astype("float32")


def labelled_images(size, image_shape):
    """Images with a bright half, and which half it is."""
    return binary_images(size, image_shape), np.arange(size, dtype="int32") % 2


def attributed_images(size, image_shape):
    """Images with a bright half: which half it is, and whether rows are few."""
    rows = np.arange(size)
    attributes = np.stack([rows % 2, rows % 3 == 0], axis=1)
    x = binary_images(size, image_shape)
    x[::3, image_shape[0] // 2 :] = 0.0
    return x, attributes.astype("float32")


def captioned_images(size, image_shape):
    """Images with a bright half, and which half it is in words."""
    words = np.array(
        [["left", "Left half!"], ["right", ""], ["the right", ""]], object
    )
    kinds = np.arange(size) % 2 * (1 + np.arange(size) // 2 % 2)
    y = {"captions": words[kinds], "label": (kinds > 0).astype("int32")}
    return binary_images(size, image_shape), y


def series(size, channels, num_steps=9):
    """Slow waves with a little noise."""
    rng = np.random.default_rng(3)
    phase = rng.uniform(0.0, 6.0, (size, 1, channels))
    x = 0.3 * np.sin(phase + 0.5 * np.arange(num_steps)[None, :, None])
    return (x + 0.05 * rng.normal(size=x.shape)).astype("float32")


def normal(size, *shape):
    rng = np.random.default_rng(5)
    return rng.normal(size=(size, *shape)).astype("float32")


def padded_tokens(size, vocabulary_size, num_steps=9):
    """Tokens from 1 on; some sequences begin or end in padding, 0."""
    x = token_ids(size, vocabulary_size - 1, num_steps) + 1
    return x, np.where(x.sum(1) % 2, 2, x[:, 4] % 2).astype("int32")


def pasts_and_futures(size):
    x = series(size, 2, num_steps=12)
    past = x[:, :9].copy()
    past[1::3, :2] = -2.0
    return past, x[:, 9:, :1]


def texts(size, vocabulary_size, num_steps=9):
    """Rows of token ids with a rhythm to learn; some are shorter."""
    x = token_ids(size, vocabulary_size - 1, num_steps) + 1
    x[2::3] = np.roll(x[2::3], -3, axis=1)
    return x


def piano_rolls(size, num_notes, num_steps=9):
    """Notes that take turns; some rows end in padding."""
    x = token_ids(size, num_notes, num_steps)
    x[2::3] = np.roll(x[2::3], -3, axis=1)
    notes = (x[..., None] == np.arange(num_notes)).astype("float32")
    notes[x < 0] = -1.0
    return notes


def sources_and_targets(size):
    x = texts(size, 4)
    x = np.sort(x > 0, axis=1)[:, ::-1] * np.where(x > 0, x, 1)
    return x.astype("int32"), (x[:, :5] % 3 + (x[:, :5] > 0)).astype("int32")


def captioned_tokens(size, grid_shape, num_tokens, vocabulary_size):
    """Grids of tokens that begin with the first word of their captions."""
    captions = texts(size, vocabulary_size, num_steps=4)
    places = np.arange(np.prod(grid_shape)).reshape(grid_shape)
    tokens = (captions[:, :1, None] + places) % num_tokens
    return tokens.astype("int32"), captions


def described_images(size, image_shape):
    """Images with a bright half, and ids of captions that tell which one."""
    captions = [
        [[1, 2, 0, 0], [3, 2, 1, 0]],
        [[1, 3, 0, 0], [0, 0, 0, 0]],
        [[2, 1, 3, 0], [2, 3, 0, 0]],
    ]
    kinds = np.arange(size) % 2 * (1 + np.arange(size) // 2 % 2)
    x = binary_images(size, image_shape)
    x[kinds == 2, image_shape[0] // 2 :] = 0.0
    return x, np.array(captions, "int32")[kinds]
