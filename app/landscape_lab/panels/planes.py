"""The same point on many random planes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import xarray as xr

from landscape_core.analysis.plane_ensemble import ensemble, spread
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.planes.directions.random import Random
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture
from landscape_core.slices.grid import Grid
from landscape_lab.panels.base import SidePanel


@dataclass(frozen=True, kw_only=True)
class Planes(SidePanel):
    """When paused: the point on many random planes, with mean and standard error of the metrics."""

    label: ClassVar[str] = "many planes"
    tall: ClassVar[bool] = True

    count: Annotated[int, Knob(2, 24, "number of planes")] = 6
    resolution: Annotated[int, Knob(5, 101, "grid points per axis")] = 25
    span: Annotated[
        float, Knob(0.01, 100.0, "half-width of each plane, in units of the axes", "log")
    ] = 1.0
    directions: Annotated[Random, Note("rule for the random directions")] = field(
        default_factory=Random
    )

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.planes import Planes as View

        return View()

    def passes(self, step: int) -> float:
        del step
        return self.count * self.resolution**2

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        grid = Grid.square(self.span, self.resolution)
        work = ensemble(
            point.parts, self.directions, planes=self.count, grid=grid, seed=point.run.seed
        )
        return point.kept(self, work)

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        found, split = self.found(picture), picture.spec.split
        figures = spread(found, split, scale) if found is not None else None
        view.update(found, figures, split, scale)
