"""What is on the screen, as one recipe."""

from dataclasses import dataclass, field
from typing import Annotated

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob, Note, Recipe
from landscape_core.foundation.registry import entries
from landscape_core.models.measures.base import Measure
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run
from landscape_lab.figures.camera import BOUNDS, camera_of
from landscape_lab.figures.comparison_modes import MODES
from landscape_lab.panels.base import SidePanel
from landscape_lab.panels.boundary import Boundary

VIEWS = ("2d", "3d", "compare")
"""What the landscape is drawn as: contours, a surface, or runs that are kept."""


def _colors() -> tuple[str, ...]:
    known = entries(Measure).items()
    shown = {name: kind for name, kind in known if kind.usual and not kind.dimension}
    return tuple(sorted(shown, key=lambda name: (not shown[name].is_loss, name)))


COLORS = _colors()
"""The measures that can be drawn over the plane, the loss first: the usual ones with one value a
point. A problem may have only some of them, which are the variables of its slice."""


@dataclass(frozen=True, kw_only=True)
class Display(Recipe):
    """How the slice is drawn."""

    show: Annotated[str, Choice(VIEWS, "2-D contours, 3-D surface, or comparison of kept runs")] = (
        "2d"
    )
    comparison: Annotated[
        str,
        Choice(
            tuple(MODES),
            "comparison of kept runs: common or own colour scale, difference from the "
            "first, or all on one plane",
        ),
    ] = "side"
    scale: Annotated[
        str, Choice(("linear", "log"), "scale of the loss axis and of the colours")
    ] = "linear"
    limits: Annotated[
        str,
        Note("colour limits (lowest and highest loss), as 0.01, 3; empty: automatic"),
    ] = ""
    outline: Annotated[
        float,
        Knob(0.0, 1e6, "loss below which the region is outlined, and its fraction of the slice"
             " stated; 0: none"),
    ] = 0.0  # fmt: skip
    camera: Annotated[
        str,
        Note(
            "camera of the 3-D view: azimuth and elevation in degrees, distance, as -58, 24, 4.45;"
            " empty: the usual one"
        ),
    ] = ""
    color: Annotated[str, Choice(COLORS, "quantity drawn: loss or accuracy")] = "loss"
    side_panel: Annotated[SidePanel, Note("side panel")] = field(default_factory=Boundary)
    speed: Annotated[int, Knob(1, 1000, "training steps per frame", scale="log")] = 1

    def check(self) -> None:
        """Refuse limits that are no range, and cameras that are none."""
        if self.limits:
            self.range()
        if self.camera and camera_of(self.camera) is None:
            (high, low), names = BOUNDS, ("azimuth", "elevation", "distance")
            ends = zip(names, low, high, strict=True)
            accepted = ", ".join(f"{name} from {a:g} to {b:g}" for name, a, b in ends)
            raise SpecError("Display.camera", self.camera, f"three numbers: {accepted}")

    def range(self) -> tuple[float, float] | None:
        """The losses of the first and the last colour; None: they follow the picture.

        Raises:
            SpecError: the limits are not two numbers, the lower one first.
        """
        if not self.limits:
            return None
        accepted = "two numbers, the lower one first, as 0.01, 3"
        if self.scale == "log":
            accepted += ", both above zero on a log scale"
        try:
            low, high = (float(word) for word in self.limits.split(","))
        except ValueError:
            raise SpecError("Display.limits", self.limits, accepted) from None
        if not (low < high < float("inf")) or (self.scale == "log" and low <= 0):
            raise SpecError("Display.limits", self.limits, accepted)
        return low, high


@dataclass(frozen=True, kw_only=True)
class Scene(Recipe):
    """A run, the slice that is looked at, and how it is drawn: the whole state of a page."""

    run: Annotated[Run, Note("training run")] = field(default_factory=Run)
    slice: Annotated[SliceSpec, Note("which slice is shown")] = field(default_factory=SliceSpec)
    display: Annotated[Display, Note("display settings")] = field(default_factory=Display)

    @property
    def computed_slice(self) -> SliceSpec:
        """The view as it is computed: a tolerance is of the scale on which the slice is drawn."""
        if not self.slice.tolerance:
            return self.slice
        return self.slice.replace(scale=self.display.scale)
