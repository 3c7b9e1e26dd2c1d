"""Step decay: as in He, Zhang, Ren and Sun, 2016, arXiv:1512.03385, section 4.2."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import Knob
from landscape_core.training.schedules.base import PERIOD, Schedule


@dataclass(frozen=True, kw_only=True)
class Step(Schedule):
    """Step decay: the learning rate is multiplied by γ every T steps."""

    label: ClassVar[str] = "step decay"
    formula: ClassVar[str] = "γ^⌊k / T⌋"
    source: ClassVar[str] = "He et al., 2016, Deep Residual Learning for Image Recognition"

    period: Annotated[int, PERIOD] = 500
    gamma: Annotated[
        float, Knob(0.001, 1.0, "factor γ on the learning rate after each period", "log")
    ] = 0.1

    def _shape(self, step: int, steps: int) -> float:
        del steps
        return float(self.gamma ** (step // self.period))
