"""The constant learning rate; for SGD to converge, Robbins and Monro, 1951, require a decay."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.training.schedules.base import Schedule


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """Constant learning rate; SGD then converges only to a neighbourhood of the minimum."""

    label: ClassVar[str] = "constant"
    formula: ClassVar[str] = "1"
    source: ClassVar[str] = "Robbins & Monro, 1951, A Stochastic Approximation Method"

    def _shape(self, step: int, steps: int) -> float:
        del step, steps
        return 1.0
