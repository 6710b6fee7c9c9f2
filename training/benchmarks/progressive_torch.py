"""A level of a ProgressiveGAN in PyTorch, our weights copied."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from training.benchmarks.network_torch import set_parameter
from training.benchmarks.players_torch import Player
from training.benchmarks.players_torch import gradient_penalty
from training.benchmarks.torch_modes import torch_modes

_FIRST_SIDE = 4
_SLOPE = 0.2
_GROUP_SIZE = 4


class Generator(nn.Module):
    """Noise to images in [-1, 1].

    Args:
        arrays: list of the kernel and the bias of the projection, of all
            convolutions and of the color.
    """

    def __init__(self, arrays):
        super().__init__()
        kernel, bias, *rest = arrays
        width = len(bias)
        kernel = kernel.reshape(-1, _FIRST_SIDE, _FIRST_SIDE, width)
        # (latent, H, W, C) to (C, H, W, latent)
        kernel = kernel.transpose(3, 1, 2, 0)
        latent_dim = kernel.shape[-1]
        self.projection = _parameter(kernel.reshape(-1, latent_dim))
        self.bias = _parameter(bias[:, None, None])
        self.scale = math.sqrt(2.0 / latent_dim) / 4.0
        *convolutions, color = _convolutions(rest)
        self.convolutions = nn.ModuleList(convolutions)
        self.color = color
        # 1, not the square root of 2, for a last layer.
        self.color.scale /= math.sqrt(2.0)

    def forward(self, z):
        x = functional.linear(_normalized(z), self.projection * self.scale)
        x = x.unflatten(1, (-1, _FIRST_SIDE, _FIRST_SIDE)) + self.bias
        x = _normalized(functional.leaky_relu(x, _SLOPE))
        for i, convolution in enumerate(self.convolutions):
            if i % 2:
                x = functional.interpolate(x, scale_factor=2.0)
            x = _normalized(functional.leaky_relu(convolution(x), _SLOPE))
        return self.color(x)


class Discriminator(nn.Module):
    """Images in [-1, 1] to logits.

    Args:
        arrays: list of the kernel and the bias of the color, of all
            convolutions, from the image inwards, and of both dense layers.
    """

    def __init__(self, arrays):
        super().__init__()
        *rest, dense, dense_bias, verdict, verdict_bias = arrays
        self.color, *convolutions, last = _convolutions(rest)
        self.convolutions = nn.ModuleList(convolutions)
        self.last = last
        # A row is (H, W, C) in Keras, (C, H, W) in PyTorch.
        maps = dense.reshape(_FIRST_SIDE, _FIRST_SIDE, -1, dense.shape[1])
        maps = maps.transpose(3, 2, 0, 1).reshape(dense.shape[1], -1)
        self.dense, self.dense_bias = _parameter(maps), _parameter(dense_bias)
        self.dense_scale = math.sqrt(2.0 / len(dense))
        self.verdict = _parameter(verdict.T)
        self.verdict_bias = _parameter(verdict_bias)
        self.verdict_scale = math.sqrt(1.0 / len(verdict))

    def forward(self, x):
        x = functional.leaky_relu(self.color(x), _SLOPE)
        for i, convolution in enumerate(self.convolutions):
            x = functional.leaky_relu(convolution(x), _SLOPE)
            x = functional.avg_pool2d(x, 2) if i % 2 else x
        x = functional.leaky_relu(self.last(_with_deviation(x)), _SLOPE)
        x = functional.linear(
            x.flatten(1), self.dense * self.dense_scale, self.dense_bias
        )
        x = functional.linear(
            functional.leaky_relu(x, _SLOPE),
            self.verdict * self.verdict_scale,
            self.verdict_bias,
        )
        return x[:, 0]


class EqualizedConv2d(nn.Module):
    """A convolution whose kernel is scaled in every call."""

    def __init__(self, kernel, bias):
        super().__init__()
        # Keras keeps (H, W, in, out); PyTorch (out, in, H, W).
        self.weight = _parameter(kernel.transpose(3, 2, 0, 1))
        self.bias = _parameter(bias)
        self.padding = len(kernel) // 2
        self.scale = math.sqrt(2.0 / np.prod(kernel.shape[:3]))

    def forward(self, x):
        return functional.conv2d(
            x, self.weight * self.scale, self.bias, padding=self.padding
        )


def training_steps(arrays, x, noise, weights, adam):
    """Steps of both players by name; each gives both losses before it.

    Args:
        arrays: dict of lists of arrays, of `generator` and `discriminator`.
        x: `(batch_size, side, side, channels)` array in [0, 1].
        noise: list of the noise and the mixing shares of the first steps:
            triples of the noise of both turns and of the shares.
        weights: triple of floats, of the gradient penalty, its target and the
            drift.
        adam: as for `Player`.
    """
    return {
        f"PyTorch{words}": _step(arrays, x, noise, weights, adam, mode)
        for words, mode in torch_modes().items()
    }


def _step(arrays, x, noise, weights, adam, mode):
    generator = Generator(arrays["generator"])
    discriminator = Discriminator(arrays["discriminator"])
    generate, discriminate = mode(generator), mode(discriminator)
    players = [Player(n, adam=adam) for n in (discriminator, generator)]
    real = 2.0 * torch.tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2))) - 1
    given = [tuple(map(torch.tensor, triple)) for triple in noise]
    shape = given[0][0].shape
    penalty_weight, target, drift_weight = weights

    def draw():
        if given:
            return given.pop(0)
        return torch.randn(shape), torch.randn(shape), torch.rand(len(real))

    def step():
        z, next_z, mixing = draw()
        with torch.no_grad():
            fake = generate(z)
        real_logits = discriminate(real)
        d_loss = discriminate(fake).mean() - real_logits.mean()
        d_loss = d_loss + drift_weight * real_logits.square().mean()
        d_loss = d_loss + penalty_weight * gradient_penalty(
            discriminator, real, fake, mixing, target
        )
        d_loss = players[0].update(d_loss)

        players[0].hold()
        g_loss = players[1].update(-discriminate(generate(next_z)).mean())
        players[0].hold(False)
        return [d_loss, g_loss]

    return step


def _normalized(x):
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def _with_deviation(x):
    groups = x.unflatten(0, (-1, _GROUP_SIZE))
    deviation = (groups.var(1, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    deviation = deviation.repeat_interleave(_GROUP_SIZE)
    maps = deviation[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, maps], dim=1)


def _convolutions(arrays):
    pairs = zip(arrays[::2], arrays[1::2], strict=True)
    return [EqualizedConv2d(kernel, bias) for kernel, bias in pairs]


def _parameter(array):
    parameter = nn.Parameter(torch.empty(array.shape))
    set_parameter(parameter, array)
    return parameter
