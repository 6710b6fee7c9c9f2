"""Training steps of CycleGAN and StarGAN in PyTorch, as their authors do."""

import numpy as np
import torch
from torch.nn import functional

from training.benchmarks.network_torch import Network
from training.benchmarks.network_torch import mirrored
from training.benchmarks.players_torch import Player
from training.benchmarks.players_torch import gradient_penalty
from training.benchmarks.torch_modes import torch_modes


def cyclegan_steps(plans, x, y, weights, adam):
    """Steps by name; each call gives both losses before it.

    Args:
        plans: dict of `generator_xy`, `generator_yx`, `discriminator_x` and
            `discriminator_y` to the plans of our networks.
        x, y: `(batch_size, height, width, channels)` arrays in [0, 1].
        weights: pair of floats, of what comes back and of what stays.
        adam: as for `Player`.
    """
    return {
        f"PyTorch{words}": _cyclegan_step(plans, x, y, weights, adam, mode)
        for words, mode in torch_modes().items()
    }


def stargan_steps(plans, x, labels, noise, weights, adam):
    """Steps of both players by name; each gives both losses before it.

    Args:
        plans: dict of `generator` and `discriminator` to plans.
        x: as for `cyclegan_steps`.
        labels: `(batch_size, num_labels)` array of attributes.
        noise: list of pairs of the target labels and the mixing shares of the
            first steps.
        weights: triple of floats, of labels, of what comes back and of the
            gradient penalty.
        adam: as for `Player`.
    """
    return {
        f"PyTorch{words}": _stargan_step(
            plans, x, labels, noise, weights, adam, mode
        )
        for words, mode in torch_modes().items()
    }


def _cyclegan_step(plans, x, y, weights, adam, mode):
    networks = {name: Network(plan) for name, plan in plans.items()}
    run = {name: mode(network) for name, network in networks.items()}
    to_y, to_x = run["generator_xy"], run["generator_yx"]
    judges = run["discriminator_x"], run["discriminator_y"]
    generators, discriminators = (
        Player(*(networks[f"{kind}_{end}"] for end in ends), adam=adam)
        for kind, ends in (
            ("generator", ("xy", "yx")),
            ("discriminator", ("x", "y")),
        )
    )
    x, y = mirrored(x), mirrored(y)
    pools = _Pool(), _Pool()
    cycle_weight, identity_weight = weights

    def generator_loss(fake_x, fake_y):
        loss = _distance(to_x(fake_y), x) + _distance(to_y(fake_x), y)
        loss = loss + identity_weight * (
            _distance(to_x(x), x) + _distance(to_y(y), y)
        )
        loss = cycle_weight * loss
        for judge, fake in zip(judges, (fake_x, fake_y), strict=True):
            loss = loss + (judge(fake) - 1.0).square().mean()
        return loss

    def step():
        discriminators.hold()
        fakes = to_x(y), to_y(x)
        g_loss = generators.update(generator_loss(*fakes))
        discriminators.hold(False)
        d_loss = 0.0
        for judge, pool, real, fake in zip(
            judges, pools, (x, y), fakes, strict=True
        ):
            fake = pool.exchange(fake.detach())
            d_loss = d_loss + (judge(real) - 1.0).square().mean()
            d_loss = d_loss + judge(fake).square().mean()
        return [discriminators.update(0.5 * d_loss), g_loss]

    return step


def _stargan_step(plans, x, labels, noise, weights, adam, mode):
    generator = Network(plans["generator"])
    discriminator = Network(plans["discriminator"])
    translate, judge = mode(generator), mode(discriminator)
    players = [Player(n, adam=adam) for n in (discriminator, generator)]
    x, labels = mirrored(x), torch.tensor(labels)
    given = [tuple(map(torch.tensor, pair)) for pair in noise]
    label_weight, cycle_weight, penalty_weight = weights

    def draw():
        if given:
            return given.pop(0)
        return labels[torch.randperm(len(x))], torch.rand(len(x))

    def critic(x):
        return discriminator(x)[0].sum((1, 2, 3))

    def label_loss(logits, labels):
        return functional.binary_cross_entropy_with_logits(
            logits, labels, reduction="sum"
        ) / len(logits)

    def step():
        targets, mixing = draw()
        with torch.no_grad():
            fake = translate(x, targets)
        real_map, logits = judge(x)
        d_loss = judge(fake)[0].mean() - real_map.mean()
        d_loss = d_loss + label_weight * label_loss(logits, labels)
        d_loss = d_loss + penalty_weight * gradient_penalty(
            critic, x, fake, mixing
        )
        d_loss = players[0].update(d_loss)

        players[0].hold()
        fake = translate(x, targets)
        fake_map, logits = judge(fake)
        g_loss = label_weight * label_loss(logits, targets) - fake_map.mean()
        back = _distance(translate(fake, labels), x)
        g_loss = players[1].update(g_loss + cycle_weight * back)
        players[0].hold(False)
        return [d_loss, g_loss]

    return step


class _Pool:
    """The authors' pool: half of what it hands on are earlier images."""

    def __init__(self, size=50):
        self.size = size
        self.images = []
        self.rng = np.random.default_rng(0)

    def exchange(self, images):
        return torch.stack([self._exchange(image) for image in images])

    def _exchange(self, image):
        if len(self.images) < self.size:
            self.images.append(image)
            return image
        if self.rng.random() < 0.5:
            return image
        place = self.rng.integers(self.size)
        kept, self.images[place] = self.images[place], image
        return kept


def _distance(a, b):
    return (a - b).abs().mean()
