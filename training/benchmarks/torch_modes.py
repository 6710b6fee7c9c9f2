"""PyTorch as it is, and compiled."""

import shutil

COMPILED = ", compiled"


def has_compiler():
    """Whether there is the C++ compiler that `torch.compile` needs."""
    return bool(shutil.which("g++") or shutil.which("clang++"))


def torch_modes():
    """Ways to run a function or module of PyTorch.

    Returns:
        dict of what to add to a candidate's name to a function that takes the
        function or module and gives the one to call: itself, and what
        `torch.compile` makes of it where there is a C++ compiler.
    """
    import torch

    modes = {"": lambda function: function}
    if has_compiler():
        modes[COMPILED] = torch.compile
    return modes
