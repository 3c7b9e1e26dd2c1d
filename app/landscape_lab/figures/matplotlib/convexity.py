"""A convexity map from above: how far the full Hessian is from convex, with the path."""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures.annotations import own_path, runs
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.heights import heights_on, key_on, name_axes
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.matplotlib.tracks import path_on, run_on
from landscape_lab.figures.slice_parts import SIDES, shown_of, variables_of

TITLES = {
    "ratio": "|λ min / λ max| of the full Hessian; 0: convex",
    "lambda_min": "least eigenvalue of the full Hessian",
    "lambda_max": "largest eigenvalue of the full Hessian",
}


class Convexity(Drawing[xr.Dataset]):
    """The ratio |λ min / λ max|, or one of the two eigenvalues."""

    rank: ClassVar[int] = 20
    needs: ClassVar[str] = "a convexity map: ratio (beta, alpha)"

    def draws(self, dataset: object) -> bool:
        return isinstance(dataset, xr.Dataset) and "ratio" in variables_of(dataset, SIDES)

    def variables(self, dataset: xr.Dataset) -> list[str]:
        known = variables_of(dataset, SIDES)
        return [name for name in TITLES if name in known]

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        axes = place.axes()
        path = own_path(dataset) if options.path else None
        shown = shown_of(dataset, options.variable, "")
        heights_on(axes, shown, TITLES[options.variable], options, path)
        if path is not None and "beta" in path and path.sizes["step"]:
            path_on(axes, path, dataset.attrs.get("seen"))
        for name, color, one in runs(dataset) if options.path else []:
            run_on(axes, name, color, one)
        name_axes(axes, shown)
        key_on(axes)
        return axes
