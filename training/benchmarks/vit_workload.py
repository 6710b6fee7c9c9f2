"""What all candidates of the Vision Transformer benchmark are given."""

import dataclasses

import numpy as np

LEARNING_RATE = 1e-4
WEIGHT_DECAY = 0.05
EPSILON = 1e-6
# Keras's dtype policy of each precision.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
# Weights of one of our blocks.
_PER_BLOCK = 16


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the benchmark; by default those of ViT-Ti/16."""

    image_size: int = 224
    patch_size: int = 16
    num_classes: int = 1000
    num_layers: int = 12
    hidden_dim: int = 192
    num_heads: int = 3
    batch_size: int = 8

    @property
    def image_shape(self):
        return (self.image_size, self.image_size, 3)


def images(sizes):
    """`(batch_size, height, width, 3)` float32 in [0, 1]."""
    rng = np.random.default_rng(0)
    return rng.random((sizes.batch_size, *sizes.image_shape), "float32")


def labels(sizes):
    """`(batch_size,)` int32 classes."""
    rng = np.random.default_rng(1)
    return rng.integers(0, sizes.num_classes, sizes.batch_size).astype("int32")


def timm_state(arrays):
    """Our weights under timm's names and in its shapes.

    Args:
        arrays: list of the arrays of our `VisionTransformer` with a class
            token and neither stem nor representation, in its order.

    Returns:
        dict of name to array.
    """
    kernel, bias, token, positions, *rest = arrays
    *rest, gamma, beta, head, head_bias = rest
    width = len(token)
    state = {
        "patch_embed.proj.weight": kernel.transpose(3, 2, 0, 1),
        "patch_embed.proj.bias": bias,
        "cls_token": token.reshape(1, 1, width),
        "pos_embed": positions[None],
        "norm.weight": gamma,
        "norm.bias": beta,
        "head.weight": head.T,
        "head.bias": head_bias,
    }
    for i in range(len(rest) // _PER_BLOCK):
        part = rest[i * _PER_BLOCK : (i + 1) * _PER_BLOCK]
        for name, array in _timm_block(part, width).items():
            state[f"blocks.{i}.{name}"] = array
    return {k: np.ascontiguousarray(v) for k, v in state.items()}


def keras_hub_arrays(arrays):
    """Our weights in the order of KerasHub's `ViTBackbone`, then the head's.

    It has the class token first, and the normalization of a block before the
    projections that it feeds; the rest is in our order.
    """
    kernel, bias, token, positions, *rest = arrays
    found = [token.reshape(1, 1, -1), kernel, bias, positions]
    for i in range(len(rest) // _PER_BLOCK):
        part = rest[i * _PER_BLOCK : (i + 1) * _PER_BLOCK]
        found += [*part[8:10], *part[:8], *part[14:16], *part[10:14]]
    return found + rest[-4:]


def _timm_block(part, width):
    kernels = [k.reshape(width, width).T for k in part[0:6:2]]
    return {
        "attn.qkv.weight": np.concatenate(kernels),
        "attn.qkv.bias": np.concatenate([b.ravel() for b in part[1:6:2]]),
        "attn.proj.weight": part[6].reshape(width, width).T,
        "attn.proj.bias": part[7],
        "norm1.weight": part[8],
        "norm1.bias": part[9],
        "mlp.fc1.weight": part[10].T,
        "mlp.fc1.bias": part[11],
        "mlp.fc2.weight": part[12].T,
        "mlp.fc2.bias": part[13],
        "norm2.weight": part[14],
        "norm2.bias": part[15],
    }
