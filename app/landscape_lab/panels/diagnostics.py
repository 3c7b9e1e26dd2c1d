"""Diagnostics of the network at the current point of a paused run."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import torch
import xarray as xr

from landscape_core.analysis.diagnostics.base import Diagnostic
from landscape_core.analysis.diagnostics.layer_gradients import LayerGradients
from landscape_core.foundation.recipes import Note
from landscape_core.models.problems.base import ProblemSize
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture
from landscape_lab.panels.base import SidePanel

PASSES = 100
"""Evaluations that a diagnostic takes, about; the cheapest takes one, kernels and spectra more."""


@dataclass(frozen=True, kw_only=True)
class Diagnostics(SidePanel):
    """When paused: a diagnostic of the network at the current point, which needs no plane."""

    label: ClassVar[str] = "diagnostics"
    tall: ClassVar[bool] = True

    diagnostic: Annotated[Diagnostic, Note("diagnostic")] = field(default_factory=LayerGradients)

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.diagnostics import Diagnostics as View

        return View()

    def memory(self, size: ProblemSize, vector: int, history: int) -> int:
        del history
        return self.diagnostic.memory(size.outputs, vector)

    def passes(self, step: int) -> float:
        del step
        return PASSES

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        return point.kept(self.diagnostic, self._measured(point))

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        view.update(self.found(picture), held=picture.status != "running")

    def _measured(self, point: InspectionPoint) -> Iterator[xr.Dataset]:
        """The diagnostic at the current point, relative to the run's initialization."""
        here = point.train.start
        names = [block.name for block in point.train.layout.blocks]
        began = torch.from_numpy(point.path["theta"].values[0]).to(here)
        yield self.diagnostic.at(point.train.moving(names, began), here)
