"""Warm restarts: Loshchilov and Hutter, 2017, arXiv:1608.03983, equation 5."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import Knob
from landscape_core.training.schedules.base import FLOOR, PERIOD, Schedule


@dataclass(frozen=True, kw_only=True)
class WarmRestarts(Schedule):
    """Cosine annealing with warm restarts; the period grows by the factor m at each restart."""

    label: ClassVar[str] = "warm restarts"
    formula: ClassVar[str] = "f + ½(1 − f)(1 + cos(πt/T)),  t steps after the last restart;  T ← mT"
    source: ClassVar[str] = (
        "Loshchilov & Hutter, 2017, SGDR: Stochastic Gradient Descent with Warm Restarts"
    )

    period: Annotated[int, PERIOD] = 200
    multiple: Annotated[
        int, Knob(1, 10, "factor m by which each period is longer than the last")
    ] = 2
    floor: Annotated[float, FLOOR] = 0.0

    def _shape(self, step: int, steps: int) -> float:
        del steps
        since, period = step, self.period
        while since >= period:
            since, period = since - period, period * self.multiple
            if self.multiple == 1:
                since %= period
        return self.floor + 0.5 * (1 - self.floor) * (1 + math.cos(math.pi * since / period))
