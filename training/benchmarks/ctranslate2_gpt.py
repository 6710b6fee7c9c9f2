"""GPT-2 decoded by CTranslate2, from the weights of Hugging Face's model."""

import pathlib
import tempfile

import ctranslate2
import numpy as np
import tokenizers
import transformers

from training.benchmarks.transformer_torch import hugging_face_model
from training.benchmarks.transformer_workload import prompts

CTRANSLATE2 = "CTranslate2"
COMPUTE_TYPES = ("float32", "int8")


def generators(sizes, rows, threads):
    """Callables that continue `rows` prompts, by name.

    Args:
        sizes: `training.benchmarks.transformer_workload.Sizes`.
        rows: int.
        threads: int.
    """
    # Our model puts the start, id 0, before a text.
    prompt = np.pad(prompts(sizes, rows), [[0, 0], [1, 0]])
    tokens = [[str(i) for i in row] for row in prompt]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        _keep(hugging_face_model(sizes), sizes.vocabulary_size, path / "theirs")
        converter = ctranslate2.converters.TransformersConverter(
            str(path / "theirs")
        )
        converter.convert(str(path / "converted"))
        decoders = {
            kind: ctranslate2.Generator(
                str(path / "converted"),
                compute_type=kind,
                inter_threads=1,
                intra_threads=threads,
            )
            for kind in COMPUTE_TYPES
        }

    def generate(decoder):
        answers = decoder.generate_batch(
            tokens,
            max_length=sizes.new_tokens,
            # Padding, here the end, is no answer of ours.
            min_length=sizes.new_tokens,
            end_token=["0"],
            sampling_topk=1,
            include_prompt_in_result=False,
        )
        return np.array([a.sequences_ids[0] for a in answers], "int32")

    return {
        f"{CTRANSLATE2}, {kind}": lambda d=decoder: generate(d)
        for kind, decoder in decoders.items()
    }


def _keep(model, vocabulary_size, path):
    """Writes the model, and a tokenizer whose tokens are their numbers."""
    model.save_pretrained(path)
    vocabulary = {str(i): i for i in range(vocabulary_size)}
    words = tokenizers.models.WordLevel(vocabulary, unk_token="0")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(words),
        bos_token="0",
        eos_token="0",
        unk_token="0",
    ).save_pretrained(path)
