"""A low-loss path to a minimum found from another initialization."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import xarray as xr

from landscape_core.connectivity.paths.base import Path
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.connectivity.restart import to_another_start
from landscape_core.foundation.recipes import Note
from landscape_core.models.problems.base import ProblemSize
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture
from landscape_lab.figures.preset_picture import curve_picture
from landscape_lab.panels.base import SidePanel

COPIES = 5
"""Vectors for each node of a curve: itself, its gradient, the optimizer's, and one at work."""

CURVE = 10_000
"""Evaluations in the search for a curve, about."""


@dataclass(frozen=True, kw_only=True)
class Connection(SidePanel):
    """When paused: a low-loss path to the end of a run from another initialization."""

    label: ClassVar[str] = "connection"
    tall: ClassVar[bool] = True

    path: Annotated[Path, Note("method that finds the path")] = field(default_factory=Bezier)
    align: Annotated[
        bool,
        Note(
            "permutation alignment: first permute the other network's hidden units to match"
            " this one's"
        ),
    ] = False

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.connection import Connection as View

        return View()

    def memory(self, size: ProblemSize, vector: int, history: int) -> int:
        del size
        return history + COPIES * self.path.most_nodes() * vector

    def passes(self, step: int) -> float:
        return 4 * step + CURVE

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        if point.step == 0:  # nothing is trained yet
            return iter(())
        return point.kept(self, self._curve(point))

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        view.update(self.found(picture), picture.spec.split, scale)

    def thumbnail(self, picture: Picture) -> str:
        from landscape_lab.figures.bokeh.connection import LINES, lines_of

        found = self.found(picture)
        if found is None:
            return ""
        part = found.sel(split=picture.spec.split)
        lines = lines_of(part)[0]
        return curve_picture({LINES[name][1]: (part["t"].values, line)
                              for name, line in lines.items()})  # fmt: skip

    def _curve(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        work = to_another_start(
            point.parts, point.run, path=self.path, align=self.align, store=point.store
        )
        for progress in work:
            yield progress.dataset
