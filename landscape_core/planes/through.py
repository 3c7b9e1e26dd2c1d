"""States of a network that a line or plane is to go through, before the network is known.

A state dictionary does not say which of its tensors are trained, and a module not which network it
is compared with; so these become a plane where a slice of a network is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from landscape_core.foundation.errors import PlaneError

State = nn.Module | Mapping[str, Any] | Tensor
"""A module, a state dictionary, or a vector (P,) of parameters, which says nothing of buffers."""


@dataclass(frozen=True, eq=False)
class Through:
    """Two or three states: at 0 or (0, 0), at 1 or (1, 0), and at (0, 1)."""

    states: tuple[State, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no state, or another number of them.

        Raises:
            PlaneError: neither two nor three, or one of another type.
        """
        if not 2 <= len(self.states) <= 3:
            raise PlaneError(f"a line or plane goes through 2 or 3 points; got {len(self.states)}.")
        for state in self.states:
            if not isinstance(state, nn.Module | Mapping | Tensor):
                raise PlaneError(
                    "the points must be vectors (P,), state dictionaries or modules; got"
                    f" {type(state).__name__}."
                )
