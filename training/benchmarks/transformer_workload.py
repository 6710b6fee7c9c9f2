"""What all candidates of the Transformer benchmark are given."""

import dataclasses

import numpy as np

LEARNING_RATE = 1e-4


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of GPT-2's architecture, of requests and of a training step."""

    num_layers: int = 6
    hidden_dim: int = 384
    num_heads: int = 6
    vocabulary_size: int = 50257
    prompt_length: int = 15
    new_tokens: int = 128
    batch_sizes: tuple = (1, 16)
    trained_vocabulary_sizes: tuple = (50257, 65)
    trained_rows: int = 8
    trained_length: int = 256
    attention_lengths: tuple = (2048, 4096, 8192)

    @property
    def decoded_length(self):
        # The start, too, takes a position.
        return 1 + self.prompt_length + self.new_tokens


def weights(sizes, shapes):
    """Arrays of these shapes, the same ones at every call."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(scale=0.02, size=s).astype("float32") for s in shapes]
    # The last normalisation's scale: logits far enough apart to tell.
    arrays[-2] += sizes.hidden_dim**0.5
    return arrays


def prompts(sizes, rows):
    """`(rows, prompt_length)` token ids."""
    rng = np.random.default_rng(1)
    shape = (rows, sizes.prompt_length)
    return rng.integers(1, sizes.vocabulary_size, shape).astype("int32")


def texts(sizes, vocabulary_size):
    """`(trained_rows, trained_length)` token ids below `vocabulary_size`."""
    rng = np.random.default_rng(2)
    shape = (sizes.trained_rows, sizes.trained_length)
    return rng.integers(1, vocabulary_size, shape).astype("int32")
