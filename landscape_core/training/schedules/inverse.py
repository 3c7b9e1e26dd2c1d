"""Inverse-time decay, 1/k or 1/√k: Robbins and Monro, 1951; Nemirovski et al., 2009."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import Choice
from landscape_core.training.schedules.base import PERIOD, Schedule

POWERS = {"1/k": 1.0, "1/√k": 0.5}


@dataclass(frozen=True, kw_only=True)
class Inverse(Schedule):
    """Inverse-time decay as 1/k, for which SGD converges, or as 1/√k, which is more robust."""

    label: ClassVar[str] = "inverse"
    formula: ClassVar[str] = "(1 + k/T)^−p,  p = 1 or ½"
    source: ClassVar[str] = (
        "Robbins & Monro, 1951, A Stochastic Approximation Method; Nemirovski et al., 2009, Robust "
        "Stochastic Approximation Approach to Stochastic Programming"
    )

    period: Annotated[int, PERIOD] = 100
    power: Annotated[str, Choice(tuple(POWERS), "exponent p of the decay for k beyond T")] = "1/k"

    def _shape(self, step: int, steps: int) -> float:
        del steps
        return float((1 + step / self.period) ** -POWERS[self.power])
