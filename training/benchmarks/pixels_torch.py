"""The plain PixelCNN in PyTorch, as one writes it."""

import torch
from torch import nn
from torch.nn import functional

from training.benchmarks.torch_adam import adds_epsilon_as_keras


class TorchPixelCNN(nn.Module):
    """Masked convolutions with residual connections, binary pixels.

    Args:
        weights: list of `(kernel, bias, mask)` NumPy arrays in the order of
            the layers, kernels and masks as Keras lays them out: the first
            convolution, three for each block, three of the head.
    """

    def __init__(self, weights):
        super().__init__()
        self.convs = nn.ModuleList([MaskedConv(*arrays) for arrays in weights])

    def forward(self, x):
        first, *convs = self.convs
        blocks, head = convs[:-3], convs[-3:]
        x = first(2.0 * x - 1.0)
        for i in range(0, len(blocks), 3):
            h = x
            for conv in blocks[i : i + 3]:
                h = conv(torch.relu(h))
            x = x + h
        for conv in head:
            x = conv(torch.relu(x))
        return x


class MaskedConv(nn.Module):
    """A convolution whose kernel is masked whenever it is used."""

    def __init__(self, kernel, bias, mask):
        super().__init__()
        kernel, mask = (
            torch.tensor(a).permute(3, 2, 0, 1) for a in (kernel, mask)
        )
        self.weight = nn.Parameter(kernel.contiguous())
        self.bias = nn.Parameter(torch.tensor(bias))
        self.register_buffer("mask", mask.contiguous())

    def forward(self, x):
        return functional.conv2d(
            x, self.weight * self.mask, self.bias, padding="same"
        )


def train_step(weights, x, learning_rate, epsilon, mode):
    """Callable: one update by Adam; returns the loss before it.

    Args:
        weights: as for `TorchPixelCNN`.
        x: `(batch_size, height, width, 1)` array.
        learning_rate: float.
        epsilon: float.
        mode: function, of `torch_modes`.
    """
    module = TorchPixelCNN(weights)
    optimizer = adds_epsilon_as_keras(
        torch.optim.Adam(module.parameters(), lr=learning_rate), epsilon
    )
    x = torch.tensor(x).permute(0, 3, 1, 2).contiguous()

    network = mode(module)

    def step():
        optimizer.zero_grad(set_to_none=True)
        bce = functional.binary_cross_entropy_with_logits
        losses = bce(network(x), x, reduction="none")
        loss = losses.sum((1, 2, 3)).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
