"""Convexity of the loss in all parameters, over the plane."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import xarray as xr

from landscape_core.analysis.convexity_map import Convexity as Engine
from landscape_core.analysis.convexity_map import compute_convexity
from landscape_core.foundation.recipes import Knob
from landscape_core.models.problems.base import ProblemSize
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture
from landscape_lab.panels.base import SidePanel

KRYLOV = 50
"""Vectors that the search for both ends of the spectrum holds at once, about."""

PRODUCTS = 40
"""Products with the Hessian at each point, about."""


@dataclass(frozen=True, kw_only=True)
class Convexity(SidePanel):
    """Over the same plane, the ratio |λ min / λ max| of the full Hessian (Li et al., figure 7)."""

    label: ClassVar[str] = "convexity map"

    resolution: Annotated[int, Knob(3, 101, "grid points per axis of the map")] = 11
    max_examples: Annotated[int, Knob(1, 1_000_000, "maximum number of examples", "log")] = 200

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.convexity import Convexity as View

        return View()

    def memory(self, size: ProblemSize, vector: int, history: int) -> int:
        del size, history
        return KRYLOV * vector

    def passes(self, step: int) -> float:
        del step
        return self.resolution**2 * PRODUCTS * 6

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        asked = Engine(max_examples=self.max_examples)
        grid = point.grid.replace(resolution=self.resolution)
        work = compute_convexity(point.over_plane, point.plane, grid, asked)
        return point.kept(self, work, on_plane=True)

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        view.update(self.found(picture), picture.path)
