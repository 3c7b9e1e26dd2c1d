"""Several runs on one plane."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import xarray as xr

from landscape_core.connectivity.restart import another_start
from landscape_core.experiments.slice_of_run import slice_of_trajectory
from landscape_core.experiments.trajectory import record_run
from landscape_core.foundation.recipes import Knob
from landscape_core.models.problems.base import ProblemSize
from landscape_core.planes.directions.pca import PCA
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture
from landscape_core.slices.slice_spec import SliceSpec
from landscape_lab.panels.base import SidePanel


@dataclass(frozen=True, kw_only=True)
class Runs(SidePanel):
    """When paused: runs from other initializations, on the PCA plane of all trajectories."""

    label: ClassVar[str] = "several runs"

    count: Annotated[int, Knob(1, 8, "number of additional runs, on the same data")] = 3
    resolution: Annotated[int, Knob(5, 201, "grid points per axis")] = 31

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.runs import Runs as View

        return View()

    def memory(self, size: ProblemSize, vector: int, history: int) -> int:
        del size, vector
        return (self.count + 1) * history  # and all on one plane once more

    def passes(self, step: int) -> float:
        return 4 * self.count * step + self.resolution**2

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        if point.step == 0:  # no run has gone anywhere
            return iter(())
        return point.kept(self, self._together(point))

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        view.update(self.found(picture), picture.spec.split, scale)

    def _together(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        run, others = point.run, []
        for _ in range(self.count):
            run, path = another_start(run), None
            for progress in record_run(run, point.store):
                path = progress.dataset
                yield None
            if path is not None:
                others.append(path)
        asked = SliceSpec(directions=PCA(), resolution=self.resolution)
        for progress in slice_of_trajectory(point.path, asked, others=others):
            if progress.dataset is not None and "path_alpha" in progress.dataset:
                yield progress.dataset
            else:
                yield None
