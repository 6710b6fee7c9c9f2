"""The Vision Transformer beside PyTorch and KerasHub.

Run       python -m training benchmark vit --write
Measured  docs/benchmarks.md
"""

import itertools

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import VisionTransformer
from training.benchmarks.agreement import check_equal
from training.benchmarks.environment import has_package
from training.benchmarks.environment import has_torch
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.vit_workload import EPSILON
from training.benchmarks.vit_workload import LEARNING_RATE
from training.benchmarks.vit_workload import POLICIES
from training.benchmarks.vit_workload import WEIGHT_DECAY
from training.benchmarks.vit_workload import Sizes
from training.benchmarks.vit_workload import images
from training.benchmarks.vit_workload import keras_hub_arrays
from training.benchmarks.vit_workload import labels
from training.benchmarks.vit_workload import timm_state
from training.benchmarks.workers import Workers

TITLE = "Vision Transformer"
OURS = "ours"
_PEERS = ("torch", "keras_hub", "jax")
# Of logits, to their largest size; and of losses, of either precision.
_TOLERANCE = 1e-3
_TOLERANCES = {"float32": 1e-3, "bfloat16": 2e-2}


def benchmark(repeats, threads, sizes=None):
    """Times a forward pass and a training step.

    Args:
        repeats: int. Timings of which the median counts.
        threads: int. Threads of each framework.
        sizes: `Sizes`, or None for ViT-Ti/16.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if the candidates do not compute the same.
    """
    sizes = sizes or Sizes()
    missing = [name for name in _PEERS if not has_package(name)]
    parts = [
        f"Images of {sizes.image_shape}, patches of {sizes.patch_size}, "
        f"{sizes.num_layers} blocks, {sizes.hidden_dim} wide, "
        f"{sizes.num_heads} heads, {sizes.num_classes:,} classes; a batch has "
        f"{sizes.batch_size} images. All candidates have the same weights; "
        "PyTorch has the layout of timm's model, queries, keys and values by "
        "one projection."
    ]
    if missing:
        parts.append(f"Left out, not installed: {', '.join(missing)}.")
    arrays = make_model(sizes).get_weights()
    with Workers(threads) as workers:
        parts += _forward_part(workers, repeats, sizes, arrays)
    for precision in POLICIES:
        with Workers(threads) as workers:
            parts += _training_part(workers, repeats, sizes, arrays, precision)
    return "\n\n".join(parts)


def _forward_part(workers, repeats, sizes, arrays):
    calls = workers.build("tensorflow", classifiers, sizes)
    if has_torch():
        from training.benchmarks import vit_torch

        calls |= workers.build(
            "torch", vit_torch.classifiers, sizes, timm_state(arrays)
        )
    if has_package("keras_hub"):
        from training.benchmarks import vit_keras_hub

        for framework in _keras_frameworks():
            calls |= workers.build(
                framework,
                vit_keras_hub.classifiers,
                sizes,
                keras_hub_arrays(arrays),
            )
    timings = measure(calls, repeats, check=check_logits)
    return [
        "### Forward pass",
        "`model.classify` of ours, checks of its input included; "
        "`predict_on_batch` of KerasHub's model. The logits agree to "
        f"{_TOLERANCE:.1%} of the largest.",
        timing_table(timings, OURS, work=sizes.batch_size, unit="images"),
    ]


def _training_part(workers, repeats, sizes, arrays, precision):
    steps = workers.build("tensorflow", trainers, sizes, precision)
    if has_torch():
        from training.benchmarks import vit_torch

        steps |= workers.build(
            "torch", vit_torch.trainers, sizes, timm_state(arrays), precision
        )
    if has_package("keras_hub"):
        from training.benchmarks import vit_keras_hub

        for framework in _keras_frameworks():
            steps |= workers.build(
                framework,
                vit_keras_hub.trainers,
                sizes,
                keras_hub_arrays(arrays),
                precision,
            )
    tolerance = _TOLERANCES[precision]

    def check(results):
        check_equal(results, tolerance)

    timings = measure(steps, repeats, check=check)
    return [
        f"### Training step, {precision}",
        "Forward, backward and AdamW. The losses of the first two steps agree "
        f"to {tolerance:.1%}.",
        timing_table(timings, OURS, work=sizes.batch_size, unit="images"),
    ]


def check_logits(results):
    """Checks that all candidates gave the same logits.

    Raises:
        RuntimeError: as `check_equal`.
    """
    largest = max(np.abs(x).max() for x in results[OURS])
    check_equal(
        # A logit near 0 has no relative accuracy.
        {k: [x + 2.0 * largest for x in v] for k, v in results.items()},
        _TOLERANCE,
    )


def make_model(sizes, precision="float32"):
    """Our model, with the same weights every time."""
    keras.utils.set_random_seed(0)
    return VisionTransformer(
        sizes.image_shape,
        sizes.patch_size,
        sizes.num_classes,
        num_layers=sizes.num_layers,
        hidden_dim=sizes.hidden_dim,
        num_heads=sizes.num_heads,
        # Zeros would give all images the same logits.
        head_initializer="glorot_uniform",
        dtype=POLICIES[precision],
    )


def classifiers(sizes):
    """Our forward pass, by name; each call gives logits."""
    model, x = make_model(sizes), tf.constant(images(sizes))
    return {OURS: lambda: model.classify(x)["logits"].numpy()}


def trainers(sizes, precision, modes=(False, True)):
    """Our training steps, by name; each call gives the loss before it.

    Args:
        sizes: `Sizes`.
        precision: a key of `vit_workload.POLICIES`.
        modes: sequence of bools, values of `jit_compile`.
    """
    return {
        f"{OURS}, XLA" if mode else OURS: _trainer(sizes, precision, mode)
        for mode in modes
    }


def _trainer(sizes, precision, jit_compile):
    model = make_model(sizes, precision)
    model.compile(
        keras.optimizers.AdamW(
            LEARNING_RATE, weight_decay=WEIGHT_DECAY, epsilon=EPSILON
        ),
        jit_compile=jit_compile,
    )
    # The function that `fit` calls for every batch.
    train = model.make_train_function()
    batch = tf.constant(images(sizes)), tf.constant(labels(sizes))
    batches = itertools.repeat(batch)

    def step():
        # Metrics are means over all steps since they were reset.
        model.reset_metrics()
        return float(train(batches)["loss"])

    return step


def _keras_frameworks():
    return ["keras_hub", "jax"] if has_package("jax") else ["keras_hub"]
