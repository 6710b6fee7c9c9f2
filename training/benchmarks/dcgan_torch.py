"""A DCGAN in PyTorch, as one writes it.

Where a side is odd by one, TensorFlow pads after the image and PyTorch before
it. So these networks work on mirrored images with mirrored kernels, and their
layers pad as PyTorch's users let them; all numbers stay the same.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from training.benchmarks.torch_adam import adds_epsilon_as_keras

_FIRST_SIDE = 4


def make_generator(arrays):
    """Noise to mirrored images in [-1, 1].

    Args:
        arrays: list of the trainable arrays of our generator.
    """
    dense, gamma, beta, *rest = arrays
    width = dense.shape[1] // _FIRST_SIDE**2
    maps = dense.reshape(-1, _FIRST_SIDE, _FIRST_SIDE, width)
    # (latent, H, W, C) to (C, H, W, latent)
    kernel = np.moveaxis(maps[:, ::-1, ::-1], (3, 1, 2, 0), (0, 1, 2, 3))
    linear = nn.Linear(dense.shape[0], dense.shape[1], bias=False)
    _set(linear.weight, kernel.reshape(dense.shape[1], -1))
    layers = [
        linear,
        nn.Unflatten(1, (width, _FIRST_SIDE, _FIRST_SIDE)),
        _normalization(gamma, beta),
        nn.ReLU(inplace=True),
    ]
    for i in range(0, len(rest), 3):
        # Keras keeps (H, W, out, in); PyTorch (in, out, H, W).
        kernel = rest[i][::-1, ::-1].transpose(3, 2, 0, 1)
        size = kernel.shape[-1]
        convolution = nn.ConvTranspose2d(
            *kernel.shape[:2],
            size,
            stride=2,
            padding=(size - 1) // 2,
            output_padding=size % 2,
            bias=False,
        )
        _set(convolution.weight, kernel)
        layers.append(convolution)
        if i + 1 < len(rest):
            layers += [
                _normalization(*rest[i + 1 : i + 3]),
                nn.ReLU(inplace=True),
            ]
    return nn.Sequential(*layers, nn.Tanh())


def make_discriminator(arrays, negative_slope=0.2):
    """Mirrored images in [-1, 1] to `(batch_size, 1)` logits.

    Args:
        arrays: list of the trainable arrays of our discriminator.
        negative_slope: float.
    """
    first, *rest, dense, bias = arrays
    layers = [_convolution(first), nn.LeakyReLU(negative_slope, inplace=True)]
    for i in range(0, len(rest), 3):
        layers += [
            _convolution(rest[i]),
            _normalization(*rest[i + 1 : i + 3]),
            nn.LeakyReLU(negative_slope, inplace=True),
        ]
    maps = dense.reshape(_FIRST_SIDE, _FIRST_SIDE, -1)[::-1, ::-1]
    linear = nn.Linear(dense.shape[0], 1)
    _set(linear.weight, maps.transpose(2, 0, 1).reshape(1, -1))
    _set(linear.bias, bias)
    return nn.Sequential(*layers, nn.Flatten(), linear)


def train_step(
    weights,
    x,
    noise,
    *,
    learning_rate,
    beta_1,
    epsilon,
    holds_discriminator,
    mode,
):
    """Callable: one update of both networks; returns both losses before it.

    Args:
        weights: dict of lists of arrays, of `generator` and `discriminator`.
        x: `(batch_size, height, width, channels)` array in [0, 1].
        noise: list of arrays, of the first turns; later ones draw their own.
        learning_rate: float.
        beta_1: float.
        epsilon: float. Of Keras's Adam.
        holds_discriminator: bool. Whether the generator's turn leaves out
            gradients of the discriminator's weights.
        mode: function, of `torch_modes`.
    """
    generator = make_generator(weights["generator"])
    discriminator = make_discriminator(weights["discriminator"])
    optimizers = [
        adds_epsilon_as_keras(
            torch.optim.Adam(
                network.parameters(), lr=learning_rate, betas=(beta_1, 0.999)
            ),
            epsilon,
        )
        for network in (discriminator, generator)
    ]
    generate, discriminate = mode(generator), mode(discriminator)
    mirrored = np.ascontiguousarray(x[:, ::-1, ::-1].transpose(0, 3, 1, 2))
    real = 2.0 * torch.tensor(mirrored) - 1.0
    given = [torch.tensor(n) for n in noise]
    shape = given[0].shape

    def draw():
        return given.pop(0) if given else 2.0 * torch.rand(shape) - 1.0

    def step():
        optimizers[0].zero_grad(set_to_none=True)
        with torch.no_grad():
            fake = generate(draw())
        d_loss = functional.softplus(-discriminate(real)).mean()
        d_loss = d_loss + functional.softplus(discriminate(fake)).mean()
        d_loss.backward()
        optimizers[0].step()

        discriminator.requires_grad_(not holds_discriminator)
        optimizers[1].zero_grad(set_to_none=True)
        fake_logits = discriminate(generate(draw()))
        g_loss = functional.softplus(-fake_logits).mean()
        g_loss.backward()
        optimizers[1].step()
        discriminator.requires_grad_(True)
        return [d_loss.item(), g_loss.item()]

    return step


def _convolution(kernel):
    # Keras keeps (H, W, in, out); PyTorch (out, in, H, W).
    kernel = kernel[::-1, ::-1].transpose(3, 2, 0, 1)
    size = kernel.shape[-1]
    convolution = nn.Conv2d(
        kernel.shape[1],
        kernel.shape[0],
        size,
        stride=2,
        padding=(size - 1) // 2,
        bias=False,
    )
    _set(convolution.weight, kernel)
    return convolution


def _normalization(gamma, beta):
    layer = nn.BatchNorm2d(len(gamma), eps=1e-5, momentum=0.1)
    _set(layer.weight, gamma)
    _set(layer.bias, beta)
    return layer


def _set(parameter, value):
    with torch.no_grad():
        parameter.copy_(torch.tensor(np.ascontiguousarray(value)))
