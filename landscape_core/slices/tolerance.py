"""How far interpolated losses may be off, and what is said where that could not be reached."""

from dataclasses import dataclass
from typing import Annotated

from landscape_core.foundation.recipes import Choice, Knob, Recipe

MOST = 0.58
"""The fraction of all points that are computed at most, except checks; then a larger error is
stated.
"""

UNREACHED = (
    "The tolerance of {:.2g} % was not reached: at most about 60 % of the points are computed, and"
    " the others are off by an estimated {:.2g} % of the range of {} at most. Leave out `tolerance`"
    " to compute every point."
)

ROUNDING = 1e-9
"""How much larger, relatively, than the tolerance an error within it may be."""


@dataclass(frozen=True, kw_only=True)
class Tolerance(Recipe):
    """How far an interpolated loss may lie from the true one.

    A fraction of the range of the loss (`linear`), or of log10 of the loss (`log`), which makes it
    a factor. The scale is that on which the slice is to be drawn.
    """

    relative_tolerance: Annotated[
        float,
        Knob(
            1e-6,
            1.0,
            "tolerance of the interpolation error, as a fraction of the range of the loss",
            scale="log",
        ),
    ] = 0.01
    scale: Annotated[
        str, Choice(("linear", "log"), "the range is that of the loss, or of its decimal logarithm")
    ] = "linear"

    @property
    def range(self) -> str:
        """The quantity whose range the tolerance and the stated errors refer to, in words."""
        return "log10(loss)" if self.scale == "log" else "the loss"

    @property
    def unit(self) -> str:
        """The unit of stated errors."""
        return f"fraction of the range of {self.range}"

    def allows(self, error: float) -> bool:
        """Whether an error, a fraction of the range, is within the tolerance."""
        return error <= self.relative_tolerance * (1 + ROUNDING)

    def unreached(self, error: float) -> str:
        """What is said where the estimated largest error is larger."""
        return UNREACHED.format(100 * self.relative_tolerance, 100 * error, self.range)
