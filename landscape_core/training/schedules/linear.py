"""Linear decay to the end of the run: Goodfellow et al., 2016, Deep Learning, equation 8.14."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.training.schedules.base import FLOOR, Schedule


@dataclass(frozen=True, kw_only=True)
class Linear(Schedule):
    """Linear decay to the final factor at the end of the run."""

    label: ClassVar[str] = "linear"
    formula: ClassVar[str] = "f + (1 − f)(1 − k/K)"
    source: ClassVar[str] = "Goodfellow, Bengio & Courville, 2016, Deep Learning, section 8.3.1"

    floor: Annotated[float, FLOOR] = 0.0

    def _shape(self, step: int, steps: int) -> float:
        left = max(0.0, 1.0 - step / steps)
        return self.floor + (1.0 - self.floor) * left
