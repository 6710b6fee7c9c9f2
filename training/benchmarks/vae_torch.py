"""A VAE of dense layers in PyTorch, as one writes it."""

import math

import torch
from torch import nn
from torch.nn import functional

from training.benchmarks.torch_adam import adds_epsilon_as_keras


class TorchVAE(nn.Module):
    """Encoder and decoder of dense tanh layers, Bernoulli pixels.

    Args:
        weights: list of `(kernel, bias)` NumPy arrays, kernels as Keras lays
            them out: half of them the encoder's, half the decoder's.
    """

    def __init__(self, weights):
        super().__init__()
        half = len(weights) // 2
        self.encoder = _network(weights[:half])
        self.decoder = _network(weights[half:])

    def posterior(self, x):
        return self.encoder(x).chunk(2, dim=1)

    def log_likelihood(self, x, z):
        bce = functional.binary_cross_entropy_with_logits
        return -bce(self.decoder(z), x, reduction="none").sum(-1)

    def negative_elbo(self, x, noise):
        z_mean, z_log_var = self.posterior(x)
        z = z_mean + torch.exp(0.5 * z_log_var) * noise
        kl = 0.5 * (z_mean**2 + z_log_var.exp() - 1.0 - z_log_var).sum(1)
        return (kl - self.log_likelihood(x, z)).mean()

    def bound(self, x, num_codes, at_once=100):
        """Importance-weighted bound, `at_once` codes of each example."""
        z_mean, z_log_var = (p[:, None] for p in self.posterior(x))
        scale = torch.exp(0.5 * z_log_var)
        totals = []
        for start in range(0, num_codes, at_once):
            size = min(at_once, num_codes - start)
            noise = torch.randn(len(x), size, z_mean.shape[-1])
            z = z_mean + scale * noise
            log_ratio = 0.5 * (noise**2 + z_log_var - z**2).sum(-1)
            repeated = x[:, None].expand(-1, size, -1)
            log_weights = self.log_likelihood(repeated, z) + log_ratio
            totals.append(torch.logsumexp(log_weights, 1))
        total = torch.logsumexp(torch.stack(totals), 0)
        return total - math.log(num_codes)


def train_step(weights, x, noise, learning_rate, epsilon, mode):
    """Callable: one update by Adam; returns the loss before it.

    Args:
        weights: as for `TorchVAE`.
        x: `(batch_size, ...)` array.
        noise: list of arrays, of the first steps; later ones draw their own.
        learning_rate: float.
        epsilon: float.
        mode: function, of `torch_modes`.
    """
    module = TorchVAE(weights)
    optimizer = adds_epsilon_as_keras(
        torch.optim.Adam(module.parameters(), lr=learning_rate), epsilon
    )
    x = torch.tensor(x).flatten(1)
    given = [torch.tensor(n) for n in noise]
    shape = given[0].shape
    negative_elbo = mode(module.negative_elbo)

    def step():
        optimizer.zero_grad(set_to_none=True)
        noise = given.pop(0) if given else torch.randn(shape)
        loss = negative_elbo(x, noise)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def bounding_call(weights, x, num_codes, mode):
    """Callable: bounds as a NumPy array."""
    module = TorchVAE(weights)
    x = torch.tensor(x).flatten(1)

    compute = mode(module.bound)

    @torch.no_grad()
    def bound():
        return compute(x, num_codes).numpy()

    return bound


def _network(weights):
    layers = []
    for kernel, bias in weights:
        layer = nn.Linear(*kernel.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(kernel.T))
            layer.bias.copy_(torch.tensor(bias))
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])
