"""A trajectory on a plane whose losses are not known, as a projection file holds it."""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures.annotations import own_path
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.heights import key_on
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.matplotlib.tracks import path_on

RATIO = "explained_variance_ratio"

STATED = {RATIO, f"{RATIO}_standard_error"}
"""What else is known of a path along its own principal components."""


class Projection(Drawing[xr.Dataset]):
    """The path alone, with its start and its last point."""

    rank: ClassVar[int] = 75
    needs: ClassVar[str] = "a projected trajectory: path_alpha and path_beta (step)"

    def draws(self, dataset: object) -> bool:
        names = ("path_alpha", "path_beta")
        return (
            isinstance(dataset, xr.Dataset)
            and set(names) <= set(dataset.data_vars) <= {*names, *STATED}
            and all(dataset[name].dims == ("step",) for name in names)
        )

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return []

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        axes = place.axes()
        path = own_path(dataset)
        if path is not None and path.sizes["step"]:
            path_on(axes, path, None)
        labels = [_label(dataset, at) for at in (0, 1)]
        axes.set(xlabel=labels[0], ylabel=labels[1])
        key_on(axes)
        return axes


def _label(dataset: xr.Dataset, at: int) -> str:
    """What an axis is called: alpha and beta, or a principal component with its share."""
    if RATIO not in dataset or dataset[RATIO].shape != (2,):
        return ("alpha", "beta")[at]
    share = float(dataset[RATIO].values[at])
    return f"PC{at + 1} ({100 * share:.3g} % of the variance, estimated)"
