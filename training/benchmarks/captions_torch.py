"""Training steps of TextToImageGAN and KeyPatchGAN in PyTorch."""

import torch
from torch.nn import functional

from training.benchmarks.network_torch import Network
from training.benchmarks.network_torch import mirrored
from training.benchmarks.network_torch import mirrored_maps
from training.benchmarks.players_torch import Player
from training.benchmarks.players_torch import deceived
from training.benchmarks.players_torch import exposed
from training.benchmarks.torch_modes import torch_modes


def text_to_image_steps(plans, x, embeddings, noise, adam):
    """Steps of GAN-INT-CLS by name; each gives both losses before it.

    Args:
        plans: dict of `generator` and `discriminator` to plans.
        x: `(batch_size, height, width, channels)` array in [0, 1].
        embeddings: `(batch_size, text_dim)` array.
        noise: list of the first steps': the noise of both turns, and the
            embeddings of mismatching captions and of partners.
        adam: as for `Player`.
    """
    return {
        f"PyTorch{words}": _text_step(plans, x, embeddings, noise, adam, mode)
        for words, mode in torch_modes().items()
    }


def key_patch_steps(plans, batches, weight, adam):
    """Steps of both players by name; each gives both losses before it.

    Args:
        plans: dict of `encoder`, `mask_decoder`, `image_decoder` and
            `discriminator` to plans.
        batches: list of the first steps' dicts of arrays: `real`, `other`,
            `patches`, `mask`, `validity`, and the noise `z` of both turns.
            Later steps see the last one again, with noise of their own.
        weight: float. Of the distances of masks and of parts.
        adam: as for `Player`.
    """
    return {
        f"PyTorch{words}": _key_patch_step(plans, batches, weight, adam, mode)
        for words, mode in torch_modes().items()
    }


def _text_step(plans, x, embeddings, noise, adam, mode):
    generator = Network(plans["generator"])
    discriminator = Network(plans["discriminator"])
    generate, judge = mode(generator), mode(discriminator)
    players = [Player(n, adam=adam) for n in (discriminator, generator)]
    real, text = mirrored(x), torch.tensor(embeddings)
    given = [tuple(map(torch.tensor, parts)) for parts in noise]
    shape = given[0][0].shape

    def draw():
        if given:
            return given.pop(0)
        others = text.roll(1, dims=0), text.roll(2, dims=0)
        return torch.randn(shape), torch.randn(shape), *others

    def step():
        z, next_z, wrong, partners = draw()
        with torch.no_grad():
            fake = generate(z, text)
        d_loss = deceived(judge(real, text)) + 0.5 * (
            exposed(judge(fake, text)) + exposed(judge(real, wrong))
        )
        d_loss = players[0].update(d_loss)

        players[0].hold()
        g_loss = 0.0
        for condition in (text, 0.5 * (text + partners)):
            fake = generate(next_z, condition)
            g_loss = g_loss + deceived(judge(fake, condition))
        g_loss = players[1].update(g_loss)
        players[0].hold(False)
        return [d_loss, g_loss]

    return step


def _key_patch_step(plans, batches, weight, adam, mode):
    networks = {name: Network(plan) for name, plan in plans.items()}
    run = {name: mode(network) for name, network in networks.items()}
    judge = run["discriminator"]
    discriminator = Player(networks.pop("discriminator"), adam=adam)
    assembler = Player(*networks.values(), adam=adam)
    given = [_tensors(batch) for batch in batches]
    last = given[-1]
    shape = last["z"].shape

    def draw():
        if given:
            return given.pop(0)
        return {**last, "z": 2.0 * torch.rand(shape) - 1.0}

    def assemble(batch, z):
        patches, validity = batch["patches"], batch["validity"]
        features = []
        for x in run["encoder"](patches.flatten(0, 1)):
            x = x.unflatten(0, validity.shape)
            features.append((x * validity[..., None, None, None]).sum(1))
        *maps, mask = run["mask_decoder"](*features)
        return run["image_decoder"](*maps, features[-1], z), mask

    def step():
        batch = draw()
        real, other, mask = batch["real"], batch["other"], batch["mask"]
        with torch.no_grad():
            fake, _ = assemble(batch, batch["z"][0])
        d_loss = deceived(judge(real)) + exposed(judge(fake))
        for first, second in ((other, real), (real, other)):
            composite = mask * first + (1.0 - mask) * second
            d_loss = d_loss + exposed(judge(composite))
        d_loss = discriminator.update(d_loss)

        discriminator.hold()
        fake, fake_mask = assemble(batch, batch["z"][1])
        distances = functional.binary_cross_entropy(
            fake_mask, mask, reduction="sum"
        )
        seen = fake_mask * fake - mask * real
        distances = (distances + seen.abs().sum()) / len(real)
        g_loss = deceived(judge(fake)) + weight * distances
        g_loss = assembler.update(g_loss)
        discriminator.hold(False)
        return [d_loss, g_loss]

    return step


def _tensors(batch):
    images = {k: mirrored(batch[k]) for k in ("real", "other", "patches")}
    return {
        **images,
        "mask": mirrored_maps(batch["mask"]),
        "validity": torch.tensor(batch["validity"]).float(),
        "z": torch.tensor(batch["z"]),
    }
