"""The same language model by PyTorch and Hugging Face, our weights copied."""

import torch

from training.benchmarks.torch_adam import adds_epsilon_as_keras
from training.benchmarks.torch_modes import torch_modes
from training.benchmarks.transformer_workload import LEARNING_RATE
from training.benchmarks.transformer_workload import texts
from training.benchmarks.transformer_workload import weights

# Weights of one of our blocks.
_PER_BLOCK = 16


class LanguageModel(torch.nn.Module):
    """Embedding, learned positions, `TransformerEncoderLayer`s, tied logits.

    Args:
        sizes: `training.benchmarks.transformer_workload.Sizes`.
        vocabulary_size: int.
        length: int. Most steps.
    """

    def __init__(self, sizes, vocabulary_size, length):
        super().__init__()
        width = sizes.hidden_dim
        self.embedding = torch.nn.Embedding(vocabulary_size, width)
        self.positions = torch.nn.Embedding(length, width)
        self.blocks = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(
                width,
                sizes.num_heads,
                4 * width,
                dropout=0.0,
                activation="gelu",
                layer_norm_eps=1e-6,
                batch_first=True,
                norm_first=True,
            )
            for _ in range(sizes.num_layers)
        )
        self.norm = torch.nn.LayerNorm(width, eps=1e-6)
        self.scale = width**0.5
        self._copy(our_weights(sizes, vocabulary_size, length))

    def forward(self, tokens):
        """`(rows, time)` tokens to the logits of what follows each."""
        time = tokens.shape[1]
        mask = torch.nn.Transformer.generate_square_subsequent_mask(time)
        x = self.scale * self.embedding(tokens) + self.positions.weight[:time]
        for block in self.blocks:
            x = block(x, src_mask=mask, is_causal=True)
        return self.norm(x) @ self.embedding.weight.T

    @torch.no_grad()
    def _copy(self, arrays):
        embedding, positions, *rest = map(torch.tensor, arrays)
        self.embedding.weight.copy_(embedding)
        self.positions.weight.copy_(positions)
        width = embedding.shape[1]
        for i, block in enumerate(self.blocks):
            part = rest[i * _PER_BLOCK : (i + 1) * _PER_BLOCK]
            kernels, biases, out, out_bias = _projections(part, width)
            block.self_attn.in_proj_weight.copy_(kernels.T)
            block.self_attn.in_proj_bias.copy_(biases)
            block.self_attn.out_proj.weight.copy_(out.T)
            block.self_attn.out_proj.bias.copy_(out_bias)
            for norm, (gamma, beta) in (
                (block.norm1, part[8:10]),
                (block.norm2, part[14:16]),
            ):
                norm.weight.copy_(gamma)
                norm.bias.copy_(beta)
            for linear, (kernel, bias) in (
                (block.linear1, part[10:12]),
                (block.linear2, part[12:14]),
            ):
                linear.weight.copy_(kernel.T)
                linear.bias.copy_(bias)
        self.norm.weight.copy_(rest[-2])
        self.norm.bias.copy_(rest[-1])


def torch_trainers(sizes, vocabulary_size, precision):
    """Training steps by PyTorch, by name."""
    return {
        f"PyTorch{words}": _step(sizes, vocabulary_size, precision, mode)
        for words, mode in torch_modes().items()
    }


def _step(sizes, vocabulary_size, precision, mode):
    model = LanguageModel(sizes, vocabulary_size, sizes.trained_length)
    optimizer = adds_epsilon_as_keras(
        torch.optim.AdamW(
            model.parameters(), lr=LEARNING_RATE, weight_decay=0.01
        ),
        epsilon=1e-7,
    )
    y = torch.tensor(texts(sizes, vocabulary_size), dtype=torch.long)
    x = torch.nn.functional.pad(y[:, :-1], (1, 0))
    forward = mode(model)

    def step():
        with torch.autocast(
            "cpu", torch.bfloat16, enabled=precision == "bfloat16"
        ):
            logits = forward(x)
        # Padding, id 0, has no probability.
        loss = torch.nn.functional.cross_entropy(
            logits[..., 1:].float().flatten(0, 1), y.flatten() - 1
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def hugging_face_model(sizes):
    """GPT-2 of Hugging Face's transformers, computing what ours does.

    Ours multiplies embeddings by the root of its width, theirs does not: the
    table here is larger by it, and the last normalisation smaller.
    """
    import transformers

    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=sizes.vocabulary_size,
            n_positions=sizes.decoded_length,
            n_embd=sizes.hidden_dim,
            n_layer=sizes.num_layers,
            n_head=sizes.num_heads,
            activation_function="gelu",
            layer_norm_epsilon=1e-6,
            bos_token_id=0,
            eos_token_id=None,
            pad_token_id=0,
        )
    ).eval()
    arrays = our_weights(sizes, sizes.vocabulary_size, sizes.decoded_length)
    embedding, positions, *rest = map(torch.tensor, arrays)
    scale = sizes.hidden_dim**0.5
    body = model.transformer
    pairs = [
        (body.wte.weight, embedding * scale),
        (body.wpe.weight, positions),
        (body.ln_f.weight, rest[-2] / scale),
        (body.ln_f.bias, rest[-1] / scale),
    ]
    for i, block in enumerate(body.h):
        part = rest[i * _PER_BLOCK : (i + 1) * _PER_BLOCK]
        kernels, biases, out, out_bias = _projections(part, sizes.hidden_dim)
        # Their matrices have inputs first, as ours.
        theirs = [block.attn.c_attn, block.attn.c_proj, block.ln_1]
        theirs += [block.mlp.c_fc, block.mlp.c_proj, block.ln_2]
        ours = [kernels, biases, out, out_bias, *part[8:]]
        parameters = [p for m in theirs for p in (m.weight, m.bias)]
        pairs += zip(parameters, ours, strict=True)
    with torch.no_grad():
        for theirs, ours in pairs:
            theirs.copy_(ours)
    return model


def our_weights(sizes, vocabulary_size, length):
    """What `training.benchmarks.transformer.language_model` starts from."""
    width, heads = sizes.hidden_dim, sizes.num_heads
    head = width // heads
    block = [(width, heads, head), (heads, head)] * 3
    block += [(heads, head, width), (width,), (width,), (width,)]
    block += [(width, 4 * width), (4 * width,), (4 * width, width), (width,)]
    block += [(width,), (width,)]
    shapes = [(vocabulary_size, width), (length, width)]
    shapes += block * sizes.num_layers + [(width,), (width,)]
    return weights(sizes, shapes)


def _projections(part, width):
    """Kernels and biases of queries, keys and values; those of the output."""
    kernels = [part[i].reshape(width, width) for i in (0, 2, 4)]
    biases = [part[i].reshape(width) for i in (1, 3, 5)]
    out = part[6].reshape(width, width)
    return torch.cat(kernels, 1), torch.cat(biases), out, part[7]
