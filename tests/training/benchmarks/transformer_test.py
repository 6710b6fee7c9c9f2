import numpy as np
import pytest

from training.benchmarks import transformer
from training.benchmarks.environment import has_package
from training.benchmarks.transformer_memory import measure_attention
from training.benchmarks.transformer_workload import Sizes

SIZES = Sizes(
    num_layers=1,
    hidden_dim=8,
    num_heads=2,
    vocabulary_size=11,
    prompt_length=3,
    new_tokens=5,
    batch_sizes=(2,),
    trained_vocabulary_sizes=(7,),
    trained_rows=2,
    trained_length=6,
    attention_lengths=(64, 128),
)


@pytest.mark.skipif(not has_package("torch"), reason="PyTorch is a peer")
def test_pytorch_takes_the_same_steps():
    from training.benchmarks.transformer_torch import torch_trainers

    (ours,) = transformer.trainers(SIZES, 7, "float32").values()
    (theirs,) = torch_trainers(SIZES, 7, "float32").values()
    losses = [ours() for _ in range(3)]
    assert losses[2] < losses[0]
    assert [theirs() for _ in range(3)] == pytest.approx(losses, rel=1e-4)


def test_our_answers_are_new_tokens():
    (generate,) = transformer.generators(SIZES, 2).values()
    answer = generate()
    assert answer.shape == (2, 5)
    assert answer.min() > 0 and answer.max() < 11


@pytest.mark.skipif(
    not (has_package("torch") and has_package("transformers")),
    reason="Hugging Face's transformers are a peer",
)
def test_hugging_face_writes_the_same_tokens():
    (ours,) = transformer.generators(SIZES, 2).values()
    (theirs,) = transformer.hugging_face_generators(SIZES, 2).values()
    np.testing.assert_array_equal(ours(), theirs())


@pytest.mark.skipif(not has_package("keras_hub"), reason="KerasHub is a peer")
@pytest.mark.slow
def test_keras_hub_writes_as_many_tokens():
    (generate,) = transformer.keras_hub_generators(SIZES, 2).values()
    assert generate().shape == (2, 5)


@pytest.mark.slow
def test_the_memory_of_attention_is_measured():
    blocks, plain = (
        measure_attention(path, 1024, SIZES, 1)
        for path in ("blockwise", "plain")
    )
    if blocks is not None:
        assert 0 < blocks < plain
