"""Outputs and gradients beside those of timm and of Hugging Face."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import VisionTransformer
from training.benchmarks.vit_workload import Sizes
from training.benchmarks.vit_workload import timm_state

torch = pytest.importorskip("torch", reason="needs PyTorch")

SIZE, PATCH, CLASSES = 12, 4, 5
WIDTH, HEADS, LAYERS = 8, 2, 2
# Parts of timm's names, and what they are to Hugging Face.
HUGGING_FACE_NAMES = {
    "patch_embed.proj": "vit.embeddings.patch_embeddings.projection",
    "cls_token": "vit.embeddings.cls_token",
    "pos_embed": "vit.embeddings.position_embeddings",
    "blocks.": "vit.layers.",
    "attn.proj": "attention.o_proj",
    "attn.qkv": "attention.qkv",
    "norm1.": "layernorm_before.",
    "norm2.": "layernorm_after.",
    "norm.": "vit.layernorm.",
    "head.": "classifier.",
}


def images():
    rng = np.random.default_rng(0)
    return rng.random((3, SIZE, SIZE, 3), "float32")


def make():
    """Our model, with weights each of which matters."""
    model = VisionTransformer(
        (SIZE, SIZE, 3),
        PATCH,
        CLASSES,
        num_layers=LAYERS,
        hidden_dim=WIDTH,
        num_heads=HEADS,
    )
    rng = np.random.default_rng(1)
    arrays = [0.4 * rng.normal(size=w.shape) for w in model.trainable_weights]
    for weight, array in zip(model.trainable_weights, arrays, strict=True):
        weight.assign(array.astype("float32"))
    return model


def ours():
    """Our logits, and weights and gradients under timm's names."""
    model = make()
    weights = model.trainable_weights
    with tf.GradientTape() as tape:
        logits = model(images())
        loss = tf.reduce_sum(tf.sin(logits))
    gradients = tape.gradient(loss, [w.value for w in weights])
    return (
        logits.numpy(),
        timm_state([w.numpy() for w in weights]),
        timm_state([g.numpy() for g in gradients]),
    )


def plain_model():
    from training.benchmarks.vit_torch import VisionTransformer as Plain

    return Plain(
        Sizes(
            image_size=SIZE,
            patch_size=PATCH,
            num_classes=CLASSES,
            num_layers=LAYERS,
            hidden_dim=WIDTH,
            num_heads=HEADS,
        )
    )


def timm_model():
    timm = pytest.importorskip("timm", reason="needs timm")
    return timm.models.VisionTransformer(
        img_size=SIZE,
        patch_size=PATCH,
        num_classes=CLASSES,
        embed_dim=WIDTH,
        depth=LAYERS,
        num_heads=HEADS,
    )


def hugging_face_model():
    transformers = pytest.importorskip(
        "transformers", reason="needs Hugging Face's transformers"
    )
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            intermediate_size=4 * WIDTH,
            layer_norm_eps=1e-6,
            image_size=SIZE,
            patch_size=PATCH,
            num_labels=CLASSES,
        )
    )


def hugging_face_state(arrays):
    """Arrays under timm's names, under those of Hugging Face."""
    state = {}
    for name, array in arrays.items():
        for ours, theirs in HUGGING_FACE_NAMES.items():
            name = name.replace(ours, theirs)
        if "qkv" not in name:
            state[name] = array
            continue
        for part, kernel in zip("qkv", np.split(array, 3), strict=True):
            state[name.replace("qkv", f"{part}_proj")] = kernel
    return state


def as_torch(x):
    return 2.0 * torch.tensor(x.transpose(0, 3, 1, 2)) - 1.0


def check_same(theirs, forward, rename):
    logits, weights, gradients = ours()
    weights, gradients = rename(weights), rename(gradients)
    theirs.eval().load_state_dict(
        {k: torch.tensor(v) for k, v in weights.items()}
    )
    found = forward(as_torch(images()))
    np.testing.assert_allclose(found.detach(), logits, rtol=1e-5, atol=1e-5)
    torch.sin(found).sum().backward()
    parameters = dict(theirs.named_parameters())
    assert parameters.keys() == gradients.keys()
    # A bias of all keys changes nothing: its gradient is 0 but for rounding.
    largest = max(np.abs(gradient).max() for gradient in gradients.values())
    for name, expected in gradients.items():
        np.testing.assert_allclose(
            parameters[name].grad, expected, rtol=1e-5, atol=1e-6 * largest
        )


@pytest.mark.parametrize("make_theirs", [plain_model, timm_model])
def test_equals_the_layout_of_timm(make_theirs):
    theirs = make_theirs()
    check_same(theirs, theirs, rename=dict)


def test_equals_hugging_face():
    theirs = hugging_face_model()
    check_same(theirs, lambda x: theirs(x).logits, hugging_face_state)
