"""Polynomial decay of the learning rate: Liu, Rabinovich, Berg, 2015, arXiv:1506.04579."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import Knob
from landscape_core.training.schedules.base import Schedule


@dataclass(frozen=True, kw_only=True)
class Polynomial(Schedule):
    """The learning rate falls to zero as a power of the steps that are left."""

    formula: ClassVar[str] = "(1 − k/K)^p"
    source: ClassVar[str] = "Liu et al., 2015, arXiv:1506.04579"

    power: Annotated[float, Knob(0.1, 10.0, "exponent p")] = 0.9

    def _shape(self, step: int, steps: int) -> float:
        return (1 - step / steps) ** self.power if steps else 1.0
