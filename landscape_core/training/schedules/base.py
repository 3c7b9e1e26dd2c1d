"""What a schedule is: the factor by which the learning rate is multiplied at each step."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, final

from landscape_core.foundation.recipes import Knob, Recipe

FLOOR = Knob(0.0, 1.0, "the lowest factor")
PERIOD = Knob(1, 100_000_000, "steps T of a period", "log")


@dataclass(frozen=True, kw_only=True)
class Schedule(Recipe, ABC):
    """A factor for each step. `formula` is the rule as people write it, `source` the citation.

    In the formulas k counts the steps from 0 and K is where the run ends. With a warm-up of W
    steps, the factor of step k < W is multiplied by (k + 1) / W: Goyal et al., 2017,
    arXiv:1706.02677, section 2.2.
    """

    formula: ClassVar[str]
    source: ClassVar[str]

    warmup: Annotated[
        int, Knob(0, 1_000_000, "steps at the start in which it grows to its full size")
    ] = 0

    @final
    def factor(self, step: int, steps: int) -> float:
        """The factor of step number `step`, from 0, of a run of so many `steps`."""
        rising = (step + 1) / self.warmup if step < self.warmup else 1.0
        return rising * self._shape(step, steps)

    @abstractmethod
    def _shape(self, step: int, steps: int) -> float:
        """The factor without the warm-up."""
