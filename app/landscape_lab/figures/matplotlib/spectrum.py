"""A curvature spectrum: density of eigenvalues, those found one by one, and layers.

The density is that of stochastic Lanczos quadrature with its band (Ghorbani, Krishnan and Xiao,
2019); the triangles are eigenvalues with residuals.
"""

from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.curves import finish
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH

DECADES = 5
"""The density is drawn over so many powers of ten below its highest point."""

LAYER, MORE = 0.24, 1.1
"""Inches for each layer or sharpness, and for what stands around them."""


class Spectrum(Drawing[xr.Dataset]):
    """The density above the layers, and above every sharpness, as far as they are there."""

    rank: ClassVar[int] = 40
    needs: ClassVar[str] = "a spectrum: eigenvalue (block, rank)"

    def draws(self, dataset: object) -> bool:
        return (
            isinstance(dataset, xr.Dataset)
            and "eigenvalue" in dataset
            and set(dataset["eigenvalue"].dims) == {"block", "rank"}
        )

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return []

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        more = [MORE + LAYER * rows for rows in _rows(dataset)]
        return WIDTH, (0.62 if more else 0.8) * HEIGHT + sum(more)

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        rows = _rows(dataset)
        if not rows or not place.is_whole:
            return _density(place.axes(), dataset, options)
        ratios = (0.62 * HEIGHT, *(MORE + LAYER * count for count in rows))
        first, *rest = place.panels(1 + len(rows), 1, height_ratios=ratios)[:, 0]
        if dataset.sizes["block"] > 1:
            _layers(rest.pop(0), dataset)
        if rest:
            sharpness_on(rest[0], dataset)
        return _density(first, dataset, options)


def sharpness_on(axes: Any, found: xr.Dataset) -> None:
    """Every sharpness as a point with its standard error, on a logarithmic axis, by name."""
    names = [str(name).replace("_", " ") for name in found["sharpness"].values]
    values = found["sharpness_value"].values
    errors = found["sharpness_standard_error"].values
    axes.errorbar(
        values, range(len(names)), xerr=errors, fmt="o", color=theme.ACCENT, ecolor=theme.CURRENT,
        markersize=5, capsize=2,
    )  # fmt: skip
    for row, value in enumerate(values):
        axes.annotate(
            f"{value:.3g}", (value, row), (0, 5), textcoords="offset points", ha="center",
            fontsize=7.5, color=theme.MUTED,
        )  # fmt: skip
    if (values[np.isfinite(values)] > 0).all():
        axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="sharpness ± standard error", ylim=(len(names) - 0.4, -0.8))
    axes.grid(axis="x", color=theme.GRID)
    axes.spines[["top", "right"]].set_visible(False)


def _rows(found: xr.Dataset) -> list[int]:
    """How many rows the panels of layers and of sharpness have."""
    layers = found.sizes["block"] - 1
    sharpness = found.sizes.get("sharpness", 0) if "sharpness_value" in found else 0
    return [rows for rows in (layers, sharpness) if rows]


def _density(axes: Any, found: xr.Dataset, options: PlotOptions) -> Any:
    """The density of the first block, all parameters, with triangles at its eigenvalues.

    Its axis is always logarithmic: the mass near zero is some decades above the rest.
    """
    whole = found.isel(block=0)
    values = whole["eigenvalue"].dropna("rank")
    errors = whole["residual"].sel(rank=values["rank"]).values if "residual" in whole else None
    matrix = str(found.attrs.get("matrix", "curvature matrix")).replace("_", "-")
    axes.set_xlabel(f"eigenvalue of the {'Hessian' if matrix == 'hessian' else matrix}")
    if "density" not in whole or not bool(whole["density"].notnull().any()):
        axes.errorbar(
            values.values, np.arange(1, 1 + len(values)), xerr=errors, fmt="v", markersize=7,
            color=theme.CURRENT, markeredgecolor="#ffffff",
        )  # fmt: skip
        axes.yaxis.get_major_locator().set_params(integer=True)
        finish(axes, "number, from the largest", PlotOptions())
        return axes
    at, density = whole["eigenvalue_axis"].values, whole["density"].values
    top = float(np.nanmax(density))
    floor = top / 10**DECADES
    low, high = (np.maximum(whole[f"density_{end}"].values, floor) for end in ("low", "high"))
    axes.fill_between(at, low, high, color=theme.ACCENT, alpha=0.25, linewidth=0, label="± error")
    drawn = np.where(density < floor, np.nan, density)
    axes.plot(at, drawn, color=theme.ACCENT, linewidth=1.6, label="density")
    axes.plot(
        values.values, np.full(len(values), 1.8 * floor), "v", color=theme.CURRENT, markersize=8,
        markeredgecolor="#ffffff", clip_on=False, label="eigenvalue found", zorder=4,
    )  # fmt: skip
    axes.set(yscale="log", ylim=(floor, 3 * top))
    finish(axes, "density", PlotOptions(limits=options.limits))
    axes.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), fontsize="small")
    return axes


def _layers(axes: Any, found: xr.Dataset) -> None:
    """The trace of each layer with its standard error, and its largest eigenvalue."""
    part = found.isel(block=slice(1, None))
    names, rows = [str(name) for name in part["block"].values], range(part.sizes["block"])
    axes.barh(
        rows, part["trace"], height=0.6, xerr=part["trace_error"], color=theme.SPLITS["test"],
        error_kw={"ecolor": theme.INK, "elinewidth": 1.2}, label="trace ± standard error",
    )  # fmt: skip
    axes.plot(
        part["eigenvalue"].isel(rank=0), rows, "D", color=theme.ACCENT, markersize=6,
        markeredgecolor="#ffffff", label="largest eigenvalue",
    )  # fmt: skip
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set_xlabel("by layer")
    axes.grid(axis="x", color=theme.GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), fontsize="small")
