"""NADE in PyTorch, as public implementations write it."""

import torch
from torch import nn
from torch.nn import functional

from training.benchmarks.torch_adam import adds_epsilon_as_keras


class TorchNADE(nn.Module):
    """A Python loop over the dimensions, differentiated by autograd.

    Both kernels lie as `(input_dim, units)`, one contiguous row a dimension.

    Args:
        weights: dict of NumPy arrays, as `nade_candidates.make_weights` gives.
    """

    def __init__(self, weights):
        super().__init__()
        for name, value in weights.items():
            setattr(self, name, nn.Parameter(torch.tensor(value)))

    def rows(self):
        """Rows of both kernels, one after the other.

        Indexing: the gradient of each of the rows is a whole matrix of zeros
        with one row filled.
        """
        input_dim = len(self.kernel)
        return (
            [self.kernel[d] for d in range(input_dim)],
            [self.output_kernel[d] for d in range(input_dim)],
        )

    def forward(self, x):
        a = self.hidden_bias.expand(len(x), -1)
        logits = []
        for x_d, w_d, v_d in zip(x.unbind(1), *self.rows(), strict=True):
            h = torch.sigmoid(a)
            logits.append(h @ v_d)
            a = a + x_d[:, None] * w_d
        return torch.stack(logits, 1) + self.output_bias

    def log_prob(self, x):
        bce = functional.binary_cross_entropy_with_logits
        return -bce(self(x), x, reduction="none").sum(1)

    def sample(self, uniforms):
        """Draws from given noise, one cheap step a dimension."""
        a = self.hidden_bias.expand(len(uniforms), -1)
        x = []
        biases = self.output_bias.unbind(0)
        for u_d, b_d, w_d, v_d in zip(
            uniforms.unbind(1), biases, *self.rows(), strict=True
        ):
            p = torch.sigmoid(torch.sigmoid(a) @ v_d + b_d)
            x_d = (u_d < p).to(a.dtype)
            a = a + x_d[:, None] * w_d
            x.append(x_d)
        return torch.stack(x, 1)


class UnboundTorchNADE(TorchNADE):
    """The same loop; the gradients of all rows are stacked once."""

    def rows(self):
        return self.kernel.unbind(0), self.output_kernel.unbind(0)


class PublicTorchNADE(TorchNADE):
    """The loop with all that public implementations do in it.

    As in EugenHotaj/pytorch-generative: the input kernel lies as `(units,
    input_dim)` and is sliced by columns, and every dimension draws a value, to
    be used where the example leaves it open. Training leaves none open.
    """

    def __init__(self, weights):
        super().__init__(weights)
        self.kernel = nn.Parameter(self.kernel.detach().T.contiguous())

    def forward(self, x):
        a = self.hidden_bias.expand(len(x), -1)
        logits = []
        for d in range(x.shape[1]):
            column = slice(d, d + 1)
            h = torch.sigmoid(a)
            logit = (
                h @ self.output_kernel[column].t() + self.output_bias[column]
            )
            drawn = torch.distributions.Bernoulli(logits=logit).sample()
            x_d = torch.where(x[:, column] < 0, drawn, x[:, column])
            a = a + x_d @ self.kernel[:, column].t()
            logits.append(logit)
        return torch.cat(logits, 1)


class CumulativeTorchNADE(TorchNADE):
    """One cumulative sum in place of the loop."""

    def forward(self, x):
        terms = x[:, :, None] * self.kernel
        sums = torch.cumsum(terms, 1) - terms
        h = torch.sigmoid(self.hidden_bias + sums)
        logits = torch.einsum("bdh,dh->bd", h, self.output_kernel)
        return logits + self.output_bias


_VARIANTS = {
    variant.__name__: variant
    for variant in (
        TorchNADE,
        UnboundTorchNADE,
        PublicTorchNADE,
        CumulativeTorchNADE,
    )
}


def train_step(variant, weights, x, learning_rate, epsilon, mode):
    """Callable: one update by Adam; returns the loss before it."""
    module = _VARIANTS[variant](weights)
    optimizer = adds_epsilon_as_keras(
        torch.optim.Adam(module.parameters(), lr=learning_rate), epsilon
    )
    x = torch.tensor(x)
    log_prob = mode(module.log_prob)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = -log_prob(x).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def scorer(variant, weights, x):
    """Callable: log-likelihoods as a NumPy array."""
    module = _VARIANTS[variant](weights)
    x = torch.tensor(x)

    @torch.inference_mode()
    def score():
        return module.log_prob(x).numpy()

    return score


def sampler(variant, weights, uniforms):
    """Callable: samples from given noise, as a NumPy array."""
    module = _VARIANTS[variant](weights)
    uniforms = torch.tensor(uniforms)

    @torch.inference_mode()
    def sample():
        return module.sample(uniforms).numpy()

    return sample
