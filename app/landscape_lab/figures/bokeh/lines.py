"""A slice along one direction: the loss above the accuracy, on paper and on a page."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.plotting import figure

from landscape_lab.figures import theme


def line_on(paper: Any, slice_: xr.Dataset, scale: str) -> None:
    """The loss along a line, above the accuracy if there is one."""
    names = [name for name in ("loss", "accuracy") if name in slice_]
    all_axes = np.atleast_1d(
        paper.subplots(len(names), sharex=True, gridspec_kw={"height_ratios": (2, 1)[: len(names)]})
    )
    alpha = slice_["alpha"].values
    for axes, name in zip(all_axes, names, strict=True):
        for split in slice_["split"].values:
            values = slice_[name].sel(split=split).values
            axes.plot(alpha, np.where(np.isfinite(values), values, np.nan), label=part_of(split),
                      color=theme.SPLITS.get(split, theme.MUTED), linewidth=1.8)  # fmt: skip
        for broken in alpha[~np.isfinite(slice_[name].values).all(axis=0)]:
            half = (alpha[1] - alpha[0]) / 2
            axes.axvspan(
                broken - half, broken + half, color=theme.NOT_FINITE, linewidth=0, zorder=0
            )
        axes.set_ylabel(name)
        axes.grid(color=theme.GRID)
        axes.spines[["top", "right"]].set_visible(False)
    if scale == "log" and _positive(slice_):
        all_axes[0].set_yscale("log")
    all_axes[0].legend(frameon=False)
    all_axes[-1].set_xlabel(named(slice_["alpha"]))


def profiles(slice_: xr.Dataset, scale: str) -> list[Any]:
    """The same as Bokeh figures."""
    plots = []
    for name in (name for name in ("loss", "accuracy") if name in slice_):
        logged = name == "loss" and scale == "log" and _positive(slice_)
        plot = figure(
            y_axis_type="log" if logged else "linear", y_axis_label=name, height=300,
            x_axis_label=named(slice_["alpha"]), sizing_mode="stretch_width",
            tools="pan,wheel_zoom,reset,save,hover", tooltips=[("α", "$x"), (name, "$y")],
        )  # fmt: skip
        for split in slice_["split"].values:
            values = slice_[name].sel(split=split).values
            plot.line(
                slice_["alpha"].values, np.where(np.isfinite(values), values, np.nan), width=2,
                color=theme.SPLITS.get(split, theme.MUTED), legend_label=part_of(split),
            )  # fmt: skip
        theme.style(plot)
        theme.key(plot.legend[0])
        plots.append(plot)
    return plots


def _positive(slice_: xr.Dataset) -> bool:
    finite = slice_["loss"].values[np.isfinite(slice_["loss"].values)]
    return bool(finite.size and (finite > 0).all())


def named(axis: xr.DataArray) -> str:
    """What an axis is called."""
    return str(axis.attrs.get("long_name", axis.name))


def part_of(split: str) -> str:
    """What a split is called before `loss`."""
    return "training" if split == "train" else split
