"""Several slices side by side as lit surfaces, each with its own range of heights and colours."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.surfaces import Surfaces, surfaces_on
from landscape_lab.figures.reduced import reduced


class SurfacesOwn(Drawing[Mapping[str, xr.Dataset]]):
    """As `Surfaces`, but for the ranges; limits are left out."""

    rank: ClassVar[int] = 67
    needs: ClassVar[str] = Surfaces.needs

    def draws(self, dataset: object) -> bool:
        return Surfaces().draws(dataset)

    def variables(self, dataset: Mapping[str, xr.Dataset]) -> list[str]:
        return Surfaces().variables(dataset)

    def size(self, dataset: Mapping[str, xr.Dataset]) -> tuple[float, float]:
        return Surfaces().size(dataset)

    def draw(self, place: Place, dataset: Mapping[str, xr.Dataset], options: PlotOptions) -> Any:
        each = {name: reduced(one) for name, one in dataset.items()}
        return surfaces_on(place, each, replace(options, limits=None), own=True)
