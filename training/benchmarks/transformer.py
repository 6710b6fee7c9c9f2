"""The Transformer language model beside Hugging Face, KerasHub and PyTorch.

Run       python -m training benchmark transformer --write
Measured  docs/benchmarks.md
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import TransformerLanguageModel
from training.benchmarks.agreement import check_equal
from training.benchmarks.agreement import check_same_samples
from training.benchmarks.environment import has_package
from training.benchmarks.environment import has_torch
from training.benchmarks.table import markdown_table
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.torch_modes import COMPILED
from training.benchmarks.transformer_memory import PATHS
from training.benchmarks.transformer_memory import measure_attention
from training.benchmarks.transformer_workload import LEARNING_RATE
from training.benchmarks.transformer_workload import Sizes
from training.benchmarks.transformer_workload import prompts
from training.benchmarks.transformer_workload import texts
from training.benchmarks.transformer_workload import weights
from training.benchmarks.workers import Workers

TITLE = "Transformer"
OURS = "ours"
_PEERS = ("torch", "transformers", "keras_hub", "ctranslate2", "jax")
HUGGING_FACE = "Hugging Face"
KERAS_HUB = "KerasHub GPT-2, XLA"
_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def benchmark(repeats, threads, sizes=None):
    """Times decoding and training, and measures the memory of attention.

    Args:
        repeats: int. Timings of which the median counts.
        threads: int. Threads of each framework.
        sizes: `Sizes`, or None for 6 layers of width 384.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if the candidates do not compute the same.
    """
    sizes = sizes or Sizes()
    missing = [name for name in _PEERS if not has_package(name)]
    parts = [
        f"A language model as GPT-2 is made: {sizes.num_layers} blocks, "
        f"{sizes.hidden_dim} wide, {sizes.num_heads} heads, learned positions."
    ]
    if missing:
        parts.append(f"Left out, not installed: {', '.join(missing)}.")
    for rows in sizes.batch_sizes:
        with Workers(threads) as workers:
            parts += _decoding_part(workers, repeats, sizes, rows, threads)
    for vocabulary_size in sizes.trained_vocabulary_sizes:
        for precision in _POLICIES:
            with Workers(threads) as workers:
                parts += _training_part(
                    workers, repeats, sizes, vocabulary_size, precision
                )
    parts += _memory_part(sizes, threads)
    return "\n\n".join(parts)


def _decoding_part(workers, repeats, sizes, rows, threads):
    calls = workers.build("tensorflow", generators, sizes, rows)
    if has_torch() and has_package("transformers"):
        calls |= workers.build("torch", hugging_face_generators, sizes, rows)
        if has_package("ctranslate2"):
            from training.benchmarks import ctranslate2_gpt

            calls |= workers.build(
                "torch", ctranslate2_gpt.generators, sizes, rows, threads
            )
    if has_package("keras_hub"):
        calls |= workers.build("keras_hub", keras_hub_generators, sizes, rows)

    def check(results):
        same = (OURS, HUGGING_FACE, f"{HUGGING_FACE}{COMPILED}")
        check_same_samples({k: v for k, v in results.items() if k in same})

    timings = measure(calls, repeats, check=check)
    tokens = rows * sizes.new_tokens
    return [
        f"### Decoding, batch of {rows}",
        f"Prompts of {sizes.prompt_length} tokens and {sizes.new_tokens} new "
        f"ones, the likeliest at every step, of {sizes.vocabulary_size:,}; "
        "float32 but where a name says otherwise, keys and values cached. Ours "
        "and Hugging Face's in float32 write the same tokens; CTranslate2's "
        "share those weights, too, and KerasHub's are random.",
        timing_table(timings, OURS, work=tokens, unit="tokens"),
    ]


def _training_part(workers, repeats, sizes, vocabulary_size, precision):
    given = sizes, vocabulary_size, precision
    steps = workers.build("tensorflow", trainers, *given)
    if has_torch():
        from training.benchmarks.transformer_torch import torch_trainers

        steps |= workers.build("torch", torch_trainers, *given)
    if has_package("jax") and has_package("keras_hub"):
        from training.benchmarks import keras_jax

        steps |= workers.build(
            "jax",
            keras_jax.language_model_steps,
            sizes,
            vocabulary_size,
            _POLICIES[precision],
            texts(sizes, vocabulary_size),
            LEARNING_RATE,
        )
    # Bfloat16 has eight bits; the two round at different places.
    tolerance = 1e-3 if precision == "float32" else 2e-2

    def check(results):
        # KerasHub approximates the GELU, and begins at random.
        same = {k: v for k, v in results.items() if "KerasHub" not in k}
        check_equal(same, tolerance)

    timings = measure(steps, repeats, check=check)
    return [
        f"### Training, vocabulary of {vocabulary_size:,}, {precision}",
        f"A step (forward, backward, AdamW) on {sizes.trained_rows} sequences "
        f"of {sizes.trained_length}. The losses of the first two steps of ours "
        f"and of PyTorch agree to {tolerance:.1%}.",
        timing_table(timings, OURS),
    ]


def _memory_part(sizes, threads):
    peaks = {
        path: [
            measure_attention(path, length, sizes, threads)
            for length in sizes.attention_lengths
        ]
        for path in PATHS
    }
    header = ["attention", *(f"{n:,} steps" for n in sizes.attention_lengths)]
    rows = [
        [path, *("" if b is None else f"{b / 2**20:,.0f} MiB" for b in found)]
        for path, found in peaks.items()
    ]
    return [
        "### Memory of attention",
        f"Growth of the peak of resident memory by one forward and backward "
        f"pass of a causal layer, {sizes.num_heads} heads, "
        f"{sizes.hidden_dim} wide, one sequence, each in a process of its own.",
        markdown_table(header, rows),
    ]


def generators(sizes, rows):
    """Our callable that continues `rows` prompts, by name."""
    model = language_model(sizes, sizes.vocabulary_size, sizes.decoded_length)
    prompt = prompts(sizes, rows)

    def generate():
        return model.generate(
            prompt, sizes.new_tokens, temperature=0.0, seed=0
        ).numpy()

    return {OURS: generate}


def hugging_face_generators(sizes, rows):
    """The same by Hugging Face's model, with our weights."""
    import torch

    from training.benchmarks.torch_modes import torch_modes
    from training.benchmarks.transformer_torch import hugging_face_model

    # Our model puts the start, id 0, before a text.
    prompt = np.pad(prompts(sizes, rows), [[0, 0], [1, 0]])
    prompt = torch.tensor(prompt, dtype=torch.long)

    def generate(model, cache):
        answer = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=sizes.new_tokens,
            do_sample=False,
            cache_implementation=cache,
            # Padding is no answer of ours.
            suppress_tokens=[0],
        )
        return answer[:, prompt.shape[1] :].numpy()

    calls = {}
    for dtype, words in ((torch.float32, ""), (torch.bfloat16, ", bfloat16")):
        for suffix, mode in torch_modes().items():
            model = hugging_face_model(sizes).to(dtype)
            model.forward = mode(model.forward)
            # What is compiled needs caches of a fixed shape.
            cache = "static" if suffix == COMPILED else "dynamic"
            calls[f"{HUGGING_FACE}{words}{suffix}"] = functools.partial(
                generate, model, cache
            )
    return calls


def keras_hub_generators(sizes, rows):
    """The same work by KerasHub's model, compiled, with random weights."""
    import keras_hub

    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=sizes.vocabulary_size,
        num_layers=sizes.num_layers,
        num_heads=sizes.num_heads,
        hidden_dim=sizes.hidden_dim,
        intermediate_dim=4 * sizes.hidden_dim,
        dropout=0.0,
        max_sequence_length=sizes.decoded_length,
    )
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    model.compile(sampler="greedy", jit_compile=True)
    length, given = sizes.decoded_length, 1 + sizes.prompt_length
    tokens = np.zeros((rows, length), "int32")
    tokens[:, 1:given] = prompts(sizes, rows)
    mask = np.broadcast_to(np.arange(length) < given, tokens.shape)

    def generate():
        answer = model.generate(
            {"token_ids": tokens, "padding_mask": mask}, stop_token_ids=None
        )
        return np.asarray(answer["token_ids"])[:, given:]

    return {KERAS_HUB: generate}


def trainers(sizes, vocabulary_size, precision):
    """Our training step, by name; each call gives the loss before it."""
    model = language_model(
        sizes,
        vocabulary_size,
        sizes.trained_length,
        dtype=_POLICIES[precision],
    )
    model.compile(
        keras.optimizers.AdamW(LEARNING_RATE, weight_decay=0.01),
        jit_compile=False,
    )
    function = model.make_train_function()
    batch = tf.constant(texts(sizes, vocabulary_size))

    def step():
        model.reset_metrics()
        return float(function(iter([(batch,)]))["loss"])

    return {OURS: step}


def language_model(sizes, vocabulary_size, length, dtype="float32"):
    """Our model, with the weights that `weights` gives."""
    model = TransformerLanguageModel(
        vocabulary_size,
        num_layers=sizes.num_layers,
        hidden_dim=sizes.hidden_dim,
        num_heads=sizes.num_heads,
        positions="learned",
        max_sequence_length=length,
        dropout=0.0,
        dtype=dtype,
    )
    model.set_weights(weights(sizes, [w.shape for w in model.weights]))
    return model
