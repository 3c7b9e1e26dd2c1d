"""A slice along one direction on a page: the loss above the accuracy."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import named, part_of
from landscape_lab.figures.reduced import over, reduced


def profiles(slice_: xr.Dataset, scale: str) -> list[Any]:
    """A figure for the loss, and one for the accuracy if there is one."""
    plots, slice_ = [], reduced(slice_)
    for name in (name for name in ("loss", "accuracy") if name in slice_):
        logged = name == "loss" and scale == "log" and _positive(slice_)
        plot = figure(
            y_axis_type="log" if logged else "linear", y_axis_label=name + over(slice_, name),
            height=300, x_axis_label=named(slice_["alpha"]), sizing_mode="stretch_width",
            tools="pan,wheel_zoom,reset,save,hover",
            tooltips=[(named(slice_["alpha"]), "$x"), (name, "$y")],
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
