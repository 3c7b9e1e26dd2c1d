"""Curvature along a run: the largest eigenvalues and the trace by step."""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.curves import finish
from landscape_lab.figures.matplotlib.paper import WIDTH
from landscape_lab.figures.matplotlib.spectrum import LAYER, MORE, sharpness_on

HEIGHT = 3.6


class Curvature(Drawing[xr.Dataset]):
    """Eigenvalues by rank, and the trace with its standard error; below them every sharpness."""

    rank: ClassVar[int] = 45
    needs: ClassVar[str] = "curvature along a run: eigenvalue (step, rank)"

    def draws(self, dataset: object) -> bool:
        return (
            isinstance(dataset, xr.Dataset)
            and "eigenvalue" in dataset
            and set(dataset["eigenvalue"].dims) == {"step", "rank"}
        )

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return []

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT + _more(dataset)

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        if not _more(dataset) or not place.is_whole:
            return _by_step(place.axes(), dataset, options)
        ratios = (HEIGHT, _more(dataset))
        first, second = place.panels(2, 1, height_ratios=ratios)[:, 0]
        sharpness_on(second, dataset)
        return _by_step(first, dataset, options)


def _more(found: xr.Dataset) -> float:
    """Inches that the panel of sharpness takes."""
    return MORE + LAYER * found.sizes["sharpness"] if "sharpness_value" in found else 0.0


def _by_step(axes: Any, found: xr.Dataset, options: PlotOptions) -> Any:
    steps = found["step"].values
    colors = [theme.mixed(theme.ACCENT, "#ffffff", share) for share in (0.0, 0.35, 0.6)]
    for number, rank in enumerate(found["rank"].values):
        values = found["eigenvalue"].sel(rank=rank)
        axes.plot(
            steps, values, "o-", color=colors[min(number, 2)], markersize=3.5, linewidth=1.6,
            label=f"$\\lambda_{{{int(rank)}}}$",
        )  # fmt: skip
    if "trace" in found:
        trace, error = found["trace"].values, found["trace_error"].values
        color = theme.SPLITS["test"]
        axes.fill_between(steps, trace - error, trace + error, color=color, alpha=0.25, linewidth=0)
        axes.plot(
            steps, trace, "o-", color=color, markersize=3.5, linewidth=1.6,
            label="trace ± standard error",
        )  # fmt: skip
    axes.set_xlabel("step")
    matrix = str(found.attrs.get("matrix", "curvature matrix")).replace("_", "-")
    finish(axes, f"curvature ({'Hessian' if matrix == 'hessian' else matrix})", options)
    axes.legend(frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), fontsize="small")
    return axes
