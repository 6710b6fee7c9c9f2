"""Named configurations of the papers, with their parameter counts."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Preset:
    """One configuration.

    Attributes:
        config: arguments of the constructor.
        num_parameters: int. Trainable parameters, counted by hand.
        source: str. Where the paper states it.
    """

    config: Mapping[str, Any]
    num_parameters: int
    source: str
