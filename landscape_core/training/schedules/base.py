"""The base class of learning-rate schedules: a factor on the learning rate at each step."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, final

from landscape_core.foundation.recipes import Knob, Recipe

FLOOR = Knob(0.0, 1.0, "final factor f on the learning rate")
PERIOD = Knob(1, 100_000_000, "period T in steps", "log")


@dataclass(frozen=True, kw_only=True)
class Schedule(Recipe, ABC):
    """A learning-rate schedule; `formula` is the factor at step k, `source` the citation.

    In the formulas k is the step from 0 and K the number of steps of the run. With a warm-up of W
    steps, the factor of step k < W is multiplied by (k + 1) / W: Goyal et al., 2017,
    arXiv:1706.02677, section 2.2.
    """

    formula: ClassVar[str]
    source: ClassVar[str]

    warmup: Annotated[
        int, Knob(0, 1_000_000, "number of steps of linear learning-rate warm-up")
    ] = 0

    @final
    def factor(self, step: int, steps: int) -> float:
        """Return the factor at step `step`, from 0, of a run of `steps` steps."""
        rising = (step + 1) / self.warmup if step < self.warmup else 1.0
        return rising * self._shape(step, steps)

    @abstractmethod
    def _shape(self, step: int, steps: int) -> float:
        """Return the factor without the warm-up."""
