"""The Vision Transformer by PyTorch, in timm's layout and by timm itself."""

import torch
from torch import nn
from torch.nn import functional

from training.benchmarks.torch_adam import adds_epsilon_as_keras
from training.benchmarks.torch_modes import torch_modes
from training.benchmarks.vit_workload import EPSILON
from training.benchmarks.vit_workload import LEARNING_RATE
from training.benchmarks.vit_workload import WEIGHT_DECAY
from training.benchmarks.vit_workload import images
from training.benchmarks.vit_workload import labels


class VisionTransformer(nn.Module):
    """Its parameters have the names and shapes of timm's model.

    Args:
        sizes: `training.benchmarks.vit_workload.Sizes`.
    """

    def __init__(self, sizes):
        super().__init__()
        width, patch = sizes.hidden_dim, sizes.patch_size
        num_tokens = 1 + (sizes.image_size // patch) ** 2
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, width, patch, stride=patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, num_tokens, width))
        self.blocks = nn.Sequential(
            *(Block(width, sizes.num_heads) for _ in range(sizes.num_layers))
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, sizes.num_classes)

    def forward(self, x):
        """`(batch_size, 3, height, width)` in [-1, 1] to logits."""
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = self.norm(self.blocks(x + self.pos_embed))
        return self.head(x[:, 0])


class Block(nn.Module):
    """Attention and a feed-forward network, each normalized before."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, num_heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Linear(width, 4 * width)
        self.mlp.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        h = functional.gelu(self.mlp.fc1(self.norm2(x)))
        return x + self.mlp.fc2(h)


class Attention(nn.Module):
    """Queries, keys and values by one projection."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        rows, time, width = x.shape
        x = self.qkv(x).reshape(rows, time, 3, self.num_heads, -1)
        # (3, B, H, T, D)
        q, k, v = x.permute(2, 0, 3, 1, 4).unbind(0)
        x = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(rows, time, width))


def has_timm():
    """Whether timm can be imported: it needs torchvision of the same build."""
    try:
        import timm  # noqa: F401
    # Of another build, torchvision raises a RuntimeError.
    except (ImportError, RuntimeError):
        return False
    return True


def timm_model(sizes):
    """The same model by timm."""
    import timm

    return timm.models.VisionTransformer(
        img_size=sizes.image_size,
        patch_size=sizes.patch_size,
        num_classes=sizes.num_classes,
        embed_dim=sizes.hidden_dim,
        depth=sizes.num_layers,
        num_heads=sizes.num_heads,
    )


def classifiers(sizes, state):
    """Forward passes, by name; each call gives logits.

    Args:
        sizes: `training.benchmarks.vit_workload.Sizes`.
        state: dict of our weights, by `vit_workload.timm_state`.
    """
    x = _images(sizes)

    def classifier(model):
        def classify():
            with torch.inference_mode():
                return model(x).numpy()

        return classify

    return {
        name: classifier(mode(model.eval()))
        for name, model, mode in _candidates(sizes, state)
    }


def trainers(sizes, state, precision):
    """Training steps, by name; each call gives the loss before it.

    Args:
        sizes, state: as for `classifiers`.
        precision: `"float32"` or `"bfloat16"`.
    """
    return {
        name: _step(model, mode(model), sizes, precision)
        for name, model, mode in _candidates(sizes, state)
    }


def _candidates(sizes, state):
    """Names, models with our weights, and modes to run them in."""
    makers = {"PyTorch": VisionTransformer}
    if has_timm():
        makers["PyTorch, timm"] = timm_model
    arrays = {k: torch.tensor(v) for k, v in state.items()}
    for words, make in makers.items():
        for suffix, mode in torch_modes().items():
            model = make(sizes)
            model.load_state_dict(arrays)
            yield f"{words}{suffix}", model, mode


def _step(model, forward, sizes, precision):
    optimizer = adds_epsilon_as_keras(
        torch.optim.AdamW(
            model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        ),
        EPSILON,
    )
    x, y = _images(sizes), torch.tensor(labels(sizes), dtype=torch.long)

    def step():
        with torch.autocast(
            "cpu", torch.bfloat16, enabled=precision == "bfloat16"
        ):
            logits = forward(x)
        loss = functional.cross_entropy(logits.float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _images(sizes):
    x = images(sizes).transpose(0, 3, 1, 2)
    return 2.0 * torch.tensor(x).contiguous() - 1.0
