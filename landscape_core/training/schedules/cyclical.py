"""Triangular cycles: Smith, 2017, Cyclical Learning Rates, section 3.1, arXiv:1506.01186."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.training.schedules.base import FLOOR, PERIOD, Schedule


@dataclass(frozen=True, kw_only=True)
class Cyclical(Schedule):
    """Triangular cyclical learning rate between the lowest factor and 1."""

    label: ClassVar[str] = "cyclical"
    formula: ClassVar[str] = "f + (1 − f)(1 − |1 − (k mod T)/(T/2)|)"
    source: ClassVar[str] = "Smith, 2017, Cyclical Learning Rates for Training Neural Networks"

    period: Annotated[int, PERIOD] = 400
    floor: Annotated[float, FLOOR] = 0.1

    def _shape(self, step: int, steps: int) -> float:
        del steps
        place = (step % self.period) / (self.period / 2)
        return self.floor + (1 - self.floor) * (1 - abs(1 - place))
