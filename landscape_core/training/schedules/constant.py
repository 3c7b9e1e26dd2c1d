"""The constant learning rate: Robbins and Monro, 1951, ask for less; most practice begins here."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.training.schedules.base import Schedule


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """The same learning rate at every step: SGD then wanders about the minimum, no nearer."""

    label: ClassVar[str] = "constant"
    formula: ClassVar[str] = "1"
    source: ClassVar[str] = "Robbins & Monro, 1951, A Stochastic Approximation Method"

    def _shape(self, step: int, steps: int) -> float:
        del step, steps
        return 1.0
