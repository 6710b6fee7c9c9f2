"""Networks of the user's own, in place of those that a model makes."""

import keras


def check_network(name, network, output_shape):
    """Refuses a network whose outputs a model has no use for.

    Args:
        name: str. What error messages call it.
        network: Keras model.
        output_shape: tuple. Shape of the outputs of one example.

    Raises:
        ValueError: if its outputs have another shape, or it is not built.
    """
    found = tuple(getattr(network, "output_shape", ()))
    if found[1:] != tuple(output_shape):
        raise ValueError(
            f"`{name}` must be a built Keras model with outputs of shape "
            f"{(None, *output_shape)}. Received one with: {found}"
        )


def configs_of(networks):
    """What a config keeps of networks of the user's own.

    Args:
        networks: dict of name to Keras model, or None where there is none.

    Returns:
        dict of name to the config of the network, or None.
    """
    return {
        name: network and keras.saving.serialize_keras_object(network)
        for name, network in networks.items()
    }


def with_networks(config, *names):
    """A config with objects in place of their configs.

    Args:
        config: dict. Arguments of a model.
        *names: arguments that `configs_of` may have written.

    Returns:
        A new dict.
    """
    made = {
        name: keras.saving.deserialize_keras_object(config[name])
        for name in names
        if isinstance(config.get(name), dict)
    }
    return {**config, **made}
