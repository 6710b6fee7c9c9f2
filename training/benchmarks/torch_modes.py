"""PyTorch as it is, and compiled."""

import shutil

COMPILED = ", compiled"


def torch_modes():
    """Ways to run a function or module of PyTorch.

    Returns:
        dict of what to add to a candidate's name to a function that takes the
        function or module and gives the one to call: itself, and what
        `torch.compile` makes of it where there is a C++ compiler.
    """
    import torch

    modes = {"": lambda function: function}
    if shutil.which("g++") or shutil.which("clang++"):
        modes[COMPILED] = torch.compile
    return modes
