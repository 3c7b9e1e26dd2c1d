"""The largest Hessian eigenvalue along the run and 2/η, with the loss below."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.curvature.monitor import Watch
from landscape_core.curvature.sharpness_along import sharpness_along
from landscape_core.experiments.trajectory import buffers_at
from landscape_core.foundation.recipes import Knob
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture
from landscape_core.training.stability import stability_bound
from landscape_lab.figures.preset_picture import curve_picture
from landscape_lab.figures.theme import ACCENT
from landscape_lab.panels.base import SidePanel

PRODUCTS = 15
"""Products with the Hessian for an eigenvalue, about, from the eigenvector before."""


@dataclass(frozen=True, kw_only=True)
class Stability(SidePanel):
    """Largest Hessian eigenvalue along the run, the bound 2/η of stable steps, and the loss.

    When paused it is computed at recorded iterates, while a run plays as time allows.
    """

    label: ClassVar[str] = "edge of stability"
    tall: ClassVar[bool] = True
    alone: ClassVar[bool] = True

    points: Annotated[
        int, Knob(2, 200, "number of iterates at which the eigenvalue is computed", "log")
    ] = 40
    max_examples: Annotated[
        int, Knob(1, 1_000_000, "maximum number of examples for the eigenvalue", "log")
    ] = 1000

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.stability import Stability as View

        return View()

    def passes(self, step: int) -> float:
        return min(step + 1, self.points) * PRODUCTS * 6

    @property
    def watch(self) -> Watch | None:
        return Watch(top=1, probes=2, max_examples=self.max_examples, max_overhead=0.3)

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        objective = point.train.first(self.max_examples)
        return point.kept(self, sharpness_along(objective, self._states(point)))

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        known = self.found(picture)
        if known is None and picture.curvature is not None:
            known = picture.curvature.isel(rank=0)
        view.update(known, picture.curves, stability_bound(picture.run))

    def thumbnail(self, picture: Picture) -> str:
        known = self.found(picture)
        if known is None:
            return ""
        line = known["step"].values, known["eigenvalue"].values
        return curve_picture({ACCENT: line}, stability_bound(picture.run))

    def _states(self, point: InspectionPoint) -> Mapping[int, tuple[Tensor, Mapping[str, Tensor]]]:
        """Parameters and buffers of recorded iterates, evenly spaced, by their step."""
        steps, thetas = point.path["step"].values, point.path["theta"].values
        count = min(len(steps), self.points)
        chosen = np.unique(np.linspace(0, len(steps) - 1, count).round().astype(int))
        here = point.train.start
        return {
            int(steps[at]): (
                torch.from_numpy(thetas[at]).to(here), buffers_at(point.path, int(at), point.train)
            )
            for at in chosen
        }  # fmt: skip
