"""Two players in PyTorch: their updates, and what both kinds of losses need."""

import torch
from torch.nn import functional

from training.benchmarks.torch_adam import adds_epsilon_as_keras


class Player:
    """Networks that one optimizer trains.

    Args:
        *networks: modules.
        adam: dict of `learning_rate`, `beta_1` and Keras's `epsilon`.
    """

    def __init__(self, *networks, adam):
        self.networks = networks
        self.optimizer = adds_epsilon_as_keras(
            torch.optim.Adam(
                [p for network in networks for p in network.parameters()],
                lr=adam["learning_rate"],
                betas=(adam["beta_1"], 0.999),
            ),
            adam["epsilon"],
        )

    def hold(self, held=True):
        """Leaves out gradients of its weights, or takes them in again."""
        for network in self.networks:
            network.requires_grad_(not held)

    def update(self, loss):
        """One update.

        Args:
            loss: scalar tensor.

        Returns:
            float: the loss before it.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def gradient_penalty(critic, real, fake, mixing, target=1.0):
    """As `keras_genseq.losses.gradient_penalty`, the mean of a batch.

    What `torch.compile` makes has no second derivatives: `critic` is not
    compiled.
    """
    mixing = mixing[:, None, None, None]
    between = (mixing * real + (1.0 - mixing) * fake).requires_grad_(True)
    (slopes,) = torch.autograd.grad(
        critic(between).sum(), between, create_graph=True
    )
    norms = (slopes.square().sum((1, 2, 3)) + 1e-12).sqrt()
    return ((norms - target).square() / target**2).mean()


def deceived(logits):
    """What a generator loses that does not saturate."""
    return functional.softplus(-logits).mean()


def exposed(logits):
    """What the discriminator loses on fakes."""
    return functional.softplus(logits).mean()
