"""Curvature at the current point, per layer, and along the run."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import xarray as xr

from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.monitor import Watch
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.problems.base import ProblemSize
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture
from landscape_core.training.stability import stability_bound
from landscape_lab.panels.base import SidePanel

KRYLOV = 110
"""Vectors that the two searches hold at once, about: 60 of the density, the others restarted."""

PRODUCTS = 700
"""Products with the matrix, about: 600 of them for the density of the network."""


@dataclass(frozen=True, kw_only=True)
class Curvature(SidePanel):
    """Eigenvalues, trace and spectral density along the run; when paused also per layer."""

    label: ClassVar[str] = "curvature"
    tall: ClassVar[bool] = True

    matrix: Annotated[Matrix, Note("curvature matrix")] = field(default_factory=Hessian)
    max_overhead: Annotated[
        float,
        Knob(
            0.0,
            1.0,
            "maximum computing time during training, as a fraction of the training time; 0: off",
        ),
    ] = 0.15
    max_examples: Annotated[
        int, Knob(1, 1_000_000, "maximum number of examples when paused", "log")
    ] = 1000

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.curvature import Curvature as View

        return View()

    def passes(self, step: int) -> float:
        del step
        return PRODUCTS * 6

    @property
    def watch(self) -> Watch | None:
        return Watch(matrix=self.matrix, max_overhead=self.max_overhead)

    def memory(self, size: ProblemSize, vector: int, history: int) -> int:
        del size, history
        return KRYLOV * vector

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        asked = Spectrum(matrix=self.matrix, max_examples=self.max_examples, each_layer=True)
        return point.kept(asked, compute_spectrum(point.train, point.train.start, asked))

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        bound = stability_bound(picture.run) if self.matrix == Hessian() else None
        view.update(self.found(picture), picture.curvature, str(self.matrix.label), bound=bound)
