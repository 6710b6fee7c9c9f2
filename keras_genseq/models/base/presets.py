"""Named configurations of the papers, with their parameter counts."""

import dataclasses
from collections.abc import Mapping
from typing import Any
from typing import ClassVar


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


class FromPreset:
    """Gives a class `presets` and `from_preset`."""

    presets: ClassVar[Mapping[str, Preset]] = {}

    @classmethod
    def from_preset(cls, name, **overrides):
        """Makes the model of a paper.

        Args:
            name: str. A key of `presets`.
            **overrides: arguments of the constructor that replace the paper's.

        Raises:
            ValueError: if there is no such preset.
        """
        if name not in cls.presets:
            raise ValueError(
                f"{cls.__name__} has no preset {name!r}. It has: "
                f"{', '.join(cls.presets) or 'none'}."
            )
        return cls(**{**cls.presets[name].config, **overrides})
