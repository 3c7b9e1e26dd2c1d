"""Cosine annealing: Loshchilov and Hutter, 2017, arXiv:1608.03983, equation 5 without restarts."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.training.schedules.base import FLOOR, Schedule


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """Cosine annealing to the final factor at the end of the run."""

    label: ClassVar[str] = "cosine"
    formula: ClassVar[str] = "f + ½(1 − f)(1 + cos(πk/K))"
    source: ClassVar[str] = (
        "Loshchilov & Hutter, 2017, SGDR: Stochastic Gradient Descent with Warm Restarts"
    )

    floor: Annotated[float, FLOOR] = 0.0

    def _shape(self, step: int, steps: int) -> float:
        share = min(1.0, step / steps)
        return self.floor + 0.5 * (1 - self.floor) * (1 + math.cos(math.pi * share))
