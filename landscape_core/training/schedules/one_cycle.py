"""One cycle: Smith and Topin, 2017, Super-Convergence, arXiv:1708.07120.

The learning rate rises to its maximum and falls back in two phases of equal length, then falls by
orders of magnitude in the remaining steps; corners are those of torch's `OneCycleLR` with three
phases. Schedules change the learning rate alone: the momentum, which Smith (2018, arXiv:1803.09820)
lowers while the rate rises, stays what it is. The learning rate of the optimizer is the maximum.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import Knob
from landscape_core.training.schedules.base import FLOOR, Schedule


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """One cycle: a linear rise to the full rate, a fall as long, and a linear decay to the end."""

    label: ClassVar[str] = "one cycle"
    formula: ClassVar[str] = (
        "s + (1 − s)(1 − |k − u|/u) for k ≤ 2u, u = pK − 1;  then from s to f in a straight line"
    )
    source: ClassVar[str] = (
        "Smith & Topin, 2017, Super-Convergence: Very Fast Training of Neural Networks Using Large "
        "Learning Rates"
    )

    rise: Annotated[
        float, Knob(0.01, 0.5, "fraction p of the steps in which the learning rate rises")
    ] = 0.45
    start: Annotated[
        float, Knob(0.0, 1.0, "factor s on the learning rate at both ends of the cycle")
    ] = 0.04
    floor: Annotated[float, FLOOR] = 1e-4

    def _shape(self, step: int, steps: int) -> float:
        up = max(0.0, self.rise * steps - 1)
        if step <= 2 * up:
            near = 1 - abs(step - up) / up if up else 1.0
            return self.start + (1 - self.start) * near
        last = max(steps - 1, 1)
        done = min(1.0, (step - 2 * up) / (last - 2 * up))
        return self.start + (self.floor - self.start) * done
