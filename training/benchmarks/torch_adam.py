"""PyTorch's Adam, with epsilon where Keras's has it."""

import itertools


def adds_epsilon_as_keras(optimizer, epsilon):
    """Moves the epsilon of an Adam of PyTorch to where Keras's adds it.

    Keras adds it to the root of the second moment before its bias is
    corrected, PyTorch after it: at first that is 30 times as much there.

    Args:
        optimizer: `torch.optim.Adam` or `AdamW`.
        epsilon: float. Of Keras's optimizer.

    Returns:
        `optimizer`.
    """
    updates = itertools.count(1)

    def before_update(optimizer, args, kwargs):
        update = next(updates)
        for group in optimizer.param_groups:
            bias = 1.0 - group["betas"][1] ** update
            group["eps"] = epsilon / bias**0.5

    optimizer.register_step_pre_hook(before_update)
    return optimizer
