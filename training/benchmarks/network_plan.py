"""A network of Keras as plain data, from which a peer builds the same one."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class LayerPlan:
    """One layer of a network.

    Attributes:
        name: str.
        kind: str. Name of its class.
        config: dict, as the layer gives it.
        sources: tuple of str. The layers whose outputs it takes.
        weights: list of arrays, in Keras's order.
    """

    name: str
    kind: str
    config: dict
    sources: tuple
    weights: list


@dataclasses.dataclass(frozen=True)
class NetworkPlan:
    """A network.

    Attributes:
        layers: tuple of `LayerPlan`, each after those that it takes from.
        inputs: tuple of str. Names of the layers that are its inputs.
        outputs: tuple of str. Names of those whose outputs are its own.
    """

    layers: tuple
    inputs: tuple
    outputs: tuple


def plan_of(network):
    """The plan of a functional model whose layers are called once.

    Args:
        network: `keras.Model`.

    Raises:
        ValueError: if a layer is called several times.
    """
    config, layers = network.get_config(), []
    for layer in config["layers"]:
        if len(layer["inbound_nodes"]) > 1:
            raise ValueError(f"{layer['name']!r} is called several times.")
        layers.append(
            LayerPlan(
                layer["name"],
                layer["class_name"],
                layer["config"],
                tuple(_sources(layer["inbound_nodes"])),
                network.get_layer(layer["name"]).get_weights(),
            )
        )
    return NetworkPlan(
        tuple(layers),
        _names(config["input_layers"]),
        _names(config["output_layers"]),
    )


def _sources(node):
    """Names of the layers whose tensors a structure holds."""
    if isinstance(node, dict) and "keras_history" in node:
        yield node["keras_history"][0]
    elif isinstance(node, dict):
        for value in node.values():
            yield from _sources(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _sources(value)


def _names(tensors):
    """Of one `[name, node, tensor]`, or of a list of them."""
    single = isinstance(tensors[0], str)
    return tuple(t[0] for t in ([tensors] if single else tensors))
