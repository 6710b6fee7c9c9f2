"""DALL-E: images drawn from caches, and by whole passes.

Run       python -m training benchmark dalle --write
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import DALLE
from keras_genseq.models import DiscreteVAE
from keras_genseq.ops.random import row_seeds
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.sampling import categories_from_uniforms
from training.benchmarks.agreement import check_same_samples
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.workers import Workers

TITLE = "DALL-E"
OURS = "DALL-E"
RECOMPUTED = "DALL-E, a whole pass per token"


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the benchmark.

    Attributes:
        image_shape: tuple of ints; a token stands for 4 x 4 pixels.
        num_tokens: int. Size of the codebook.
        text_length: int.
        hidden_dim: int.
        num_layers: int.
        num_sampled: tuple of ints. Images drawn at once.
    """

    image_shape: tuple = (64, 64, 3)
    num_tokens: int = 256
    text_length: int = 16
    hidden_dim: int = 128
    num_layers: int = 4
    num_sampled: tuple = (1, 4)


def benchmark(repeats, threads, sizes=None):
    """Times drawing, up to the tokens of images.

    Args:
        repeats: int. Timings of which the median counts.
        threads: int. Threads of TensorFlow.
        sizes: `Sizes`, or None for the usual ones.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if both ways do not draw the same.
    """
    sizes = sizes or Sizes()
    rows, columns = (side // 4 for side in sizes.image_shape[:2])
    parts = [
        f"Grids of {rows}x{columns} tokens out of {sizes.num_tokens}, captions "
        f"of {sizes.text_length} tokens, {sizes.num_layers} layers of width "
        f"{sizes.hidden_dim} in the paper's order, float32. "
        "`model.generate_tokens` reads the caption once and then makes a step "
        "for every token of the image, in one compiled loop over caches of a "
        "fixed shape. A whole pass per token, compiled by XLA too, draws the "
        "same tokens from the same noise."
    ]
    with Workers(threads) as workers:
        for num_images in sizes.num_sampled:
            draws = workers.build("tensorflow", samplers, sizes, num_images)
            parts += sampling_part(draws, repeats, num_images)
    return "\n\n".join(parts)


def sampling_part(candidates, repeats, num_images):
    """Heading and table of one number of images."""
    timings = measure(
        candidates, repeats, single=(RECOMPUTED,), check=check_same_samples
    )
    return [
        f"### {num_images} at once",
        timing_table(timings, OURS, work=num_images, unit="images"),
    ]


def samplers(sizes, num_images):
    """Callables: tokens from caches, and by whole passes."""
    keras.utils.set_random_seed(0)
    vae = DiscreteVAE(
        sizes.image_shape,
        sizes.num_tokens,
        filters=(4, 4, 4),
        embedding_dim=4,
    )
    model = DALLE(
        vae,
        vocabulary_size=1000,
        text_length=sizes.text_length,
        hidden_dim=sizes.hidden_dim,
        num_layers=sizes.num_layers,
    )
    captions = np.arange(num_images * sizes.text_length) % 999 + 1
    captions = captions.reshape(num_images, -1).astype("int32")
    seeds = row_seeds(0, num_images)
    whole = tf.function(
        draw_by_whole_passes, jit_compile=True
    ).get_concrete_function(model, tf.constant(captions), seeds)
    return {
        OURS: lambda: model.generate_tokens(captions, seed=seeds).numpy(),
        RECOMPUTED: lambda: whole(tf.constant(captions), seeds).numpy(),
    }


def draw_by_whole_passes(model, captions, seeds):
    """What `model.generate_tokens` draws, without any cache.

    Args:
        model: `DALLE`.
        captions: `(batch_size, text_length)` int32.
        seeds: `(batch_size,)` int32.

    Returns:
        `(batch_size, rows, columns)` int32 tokens.
    """
    places = tf.range(model.num_places)[None, :]
    uniforms = row_uniform(seeds, model.num_places)

    def step(place, tokens):
        grid = tf.reshape(tokens, (-1, *model.tokens_shape))
        _, logits = model.transformer(captions, grid)
        drawn = categories_from_uniforms(
            logits[:, place],
            uniforms[:, place],
            tf.ones_like(uniforms[:, 0]),
        )
        return place + 1, tf.where(places == place, drawn[:, None], tokens)

    _, tokens = tf.while_loop(
        lambda place, tokens: place < model.num_places,
        step,
        (tf.constant(0), tf.zeros(uniforms.shape, tf.int32)),
        maximum_iterations=model.num_places,
    )
    return tf.reshape(tokens, (-1, *model.tokens_shape))
