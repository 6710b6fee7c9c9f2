"""How training scales on paper: `python -m training.benchmarks.scaling`.

Nothing here is measured. Each number is arithmetic on the sizes of a preset and
on what a device and a network are said to do, which options change.
"""

import argparse
import dataclasses

from keras_genseq.models import Transformer
from keras_genseq.models import VisionTransformer
from training.markdown import markdown_table

_FLOAT32 = 4
_DEVICES = (8, 64, 512)
# Of a device's work on an example, forward is a third.
_PASSES = 3


@dataclasses.dataclass(frozen=True)
class Work:
    """What one update of a model takes.

    Args:
        name: str.
        num_parameters: int.
        flops: float. Floating-point operations per unit, forward and backward.
        units: int. Units of the global batch.
        unit: str. What they are.
    """

    name: str
    num_parameters: int
    flops: float
    units: int
    unit: str

    @property
    def gradient_bytes(self):
        return self.num_parameters * _FLOAT32


@dataclasses.dataclass(frozen=True)
class Network:
    """What stands between devices.

    Args:
        name: str.
        bandwidth: float. Bytes a second that leave a member of the ring.
        latency: float. Seconds of one step of the ring.
    """

    name: str
    bandwidth: float
    latency: float

    def all_reduce(self, num_bytes, members):
        """Seconds of a ring: each member sends 2(n-1)/n of the bytes."""
        if members == 1:
            return 0.0
        sent = 2 * (members - 1) / members * num_bytes
        return sent / self.bandwidth + 2 * (members - 1) * self.latency


def vit_base(units=4096):
    """ViT-B/16 at 224x224, in the paper's batches."""
    preset = VisionTransformer.presets["vit_base_16"]
    tokens, width, layers = 14 * 14 + 1, 768, 12
    matrices = layers * 12 * width**2
    forward = 2 * matrices * tokens
    # Scores, and the sums that they weight.
    forward += layers * 4 * tokens**2 * width
    forward += 2 * (tokens - 1) * 16 * 16 * 3 * width + 2 * width * 1000
    return Work(
        "ViT-B/16",
        preset.num_parameters,
        _PASSES * forward,
        units,
        "images",
    )


def transformer_big(units=25_000, length=30):
    """The big Transformer, in the paper's batches of 25,000 pairs of tokens."""
    preset = Transformer.presets["transformer_big"]
    width, inner, layers, vocabulary = 1024, 4096, 6, 37_000
    feed_forward = 2 * width * inner
    # Of a source and a target token: 4 matrices of self-attention each, 4 of
    # cross-attention, two feed-forward networks.
    matrices = layers * (12 * width**2 + 2 * feed_forward)
    forward = 2 * (matrices + width * vocabulary)
    forward += layers * 3 * 4 * length * width
    return Work(
        "`transformer_big`",
        preset.num_parameters,
        _PASSES * forward,
        units,
        "pairs of tokens",
    )


def table(work, networks, flops_per_second, devices=_DEVICES):
    """A Markdown table: what binds an update on so many devices."""
    header = ["devices", f"{work.unit} each", "compute ms"]
    header += [f"all-reduce ms, {network.name}" for network in networks]
    header += [f"efficiency, {network.name}" for network in networks]
    rows = []
    for count in devices:
        compute = work.units / count * work.flops / flops_per_second
        times = [n.all_reduce(work.gradient_bytes, count) for n in networks]
        row = [str(count), f"{work.units / count:,.0f}", _ms(compute)]
        row += [_ms(time) for time in times]
        row += [f"{compute / (compute + time):.0%}" for time in times]
        rows.append(row)
    return markdown_table(header, rows)


def kept_share(work, networks, flops_per_second, devices=_DEVICES):
    """The same where every device keeps the share that the fewest have."""
    first = devices[0]
    compute = work.units / first * work.flops / flops_per_second
    parts = []
    for network in networks:
        shares = []
        for count in devices:
            time = network.all_reduce(work.gradient_bytes, count)
            shares.append(f"{compute / (compute + time):.0%}")
        parts.append(f"{', '.join(shares)} at {network.name}")
    counts = ", ".join(map(str, devices[:-1])) + f" and {devices[-1]}"
    return (
        f"Where each device keeps the {work.units / first:,.0f} {work.unit} "
        f"that it has among {first}, the efficiency on {counts} is "
        f"{'; '.join(parts)}."
    )


def crossing(work, network, flops_per_second):
    """Devices from which on the all-reduce takes longer than the compute."""
    count = 2
    while (
        work.units / count * work.flops / flops_per_second
        > network.all_reduce(work.gradient_bytes, count)
    ):
        count += 1
    return count


def report(flops_per_second=100e12, host=25e9, fabric=200e9, latency=10e-6):
    """Markdown: a table and what follows from it, of either model."""
    networks = (
        Network(f"{host / 1e9:g} GB/s", host, latency),
        Network(f"{fabric / 1e9:g} GB/s", fabric, latency),
    )
    parts = []
    for work in (vit_base(), transformer_big()):
        parts.append(
            f"{work.name}: {work.num_parameters:,} parameters, "
            f"{work.gradient_bytes / 1e6:,.0f} MB of float32 gradients, "
            f"{work.flops / 1e9:,.2f} GFLOP for one of the {work.units:,} "
            f"{work.unit} of a batch."
        )
        parts.append(table(work, networks, flops_per_second))
        found = [crossing(work, n, flops_per_second) for n in networks]
        parts.append(
            "The all-reduce takes longer than the compute from "
            + ", ".join(
                f"{count} devices at {network.name}"
                for count, network in zip(found, networks, strict=True)
            )
            + " on."
        )
        parts.append(kept_share(work, networks, flops_per_second))
    return "\n\n".join(parts)


def _ms(seconds):
    return f"{seconds * 1e3:,.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flops-per-second", type=float, default=100e12)
    parser.add_argument("--host-bandwidth", type=float, default=25e9)
    parser.add_argument("--fabric-bandwidth", type=float, default=200e9)
    parser.add_argument("--latency", type=float, default=10e-6)
    given = parser.parse_args()
    print(
        report(
            given.flops_per_second,
            given.host_bandwidth,
            given.fabric_bandwidth,
            given.latency,
        )
    )


if __name__ == "__main__":
    main()
