"""The vector field that training follows, over the plane."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import xarray as xr

from landscape_core.analysis.vector_field import field
from landscape_core.foundation.recipes import Knob
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture
from landscape_lab.panels.base import SidePanel


@dataclass(frozen=True, kw_only=True)
class Field(SidePanel):
    """The negative gradient field over the plane; for a game the joint field of both players."""

    label: ClassVar[str] = "vector field"

    resolution: Annotated[int, Knob(5, 51, "arrows per axis")] = 13
    max_examples: Annotated[int, Knob(1, 1_000_000, "maximum number of examples", "log")] = 1000

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.field import Field as View

        return View()

    def passes(self, step: int) -> float:
        del step
        return 3 * self.resolution**2

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        grid = point.grid.replace(resolution=self.resolution)
        part = point.over_plane.first(self.max_examples)
        return point.kept(self, field(part, point.plane, grid), on_plane=True)

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        view.update(self.found(picture), picture.path)
