"""A slice along one direction: the loss above the accuracy, the path, what is interpolated."""

from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import named, own_path, part_of, runs
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.curves import finish, split_color
from landscape_lab.figures.matplotlib.given_points import mark_given
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.matplotlib.tracks import path_on, run_on
from landscape_lab.figures.slice_parts import (
    computed_of,
    shown_of,
    sides_of,
    splits_of,
    variables_of,
)

USUAL = ("loss", "accuracy")
"""What is drawn, if it is there, where no variable is asked for."""


class Line(Drawing[xr.Dataset]):
    """The loss of each split, or of the one asked for, above the accuracy."""

    rank: ClassVar[int] = 70
    needs: ClassVar[str] = "a slice of one dimension: loss (split, alpha)"

    def draws(self, dataset: object) -> bool:
        if not isinstance(dataset, xr.Dataset):
            return False
        sides = sides_of(dataset)
        return len(sides) == 1 and sides[0] in dataset.dims and bool(variables_of(dataset, sides))

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return ["", *variables_of(dataset, sides_of(dataset))]

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        side = sides_of(dataset)[0]
        known = variables_of(dataset, (side,))
        usual = [name for name in USUAL if name in known] or known[:1]
        names = [options.variable] if options.variable else usual
        if not place.is_whole:
            names = names[:1]
        if len(names) > 1:
            ratios = (2, *[1] * (len(names) - 1))
            every = list(place.panels(len(names), 1, height_ratios=ratios)[:, 0])
        else:
            every = [place.axes()]
        for axes, name in zip(every, names, strict=True):
            _curves(axes, dataset, side, name, options)
            finish(axes, name, options if name == names[0] else PlotOptions())
            if axes is not every[-1]:
                axes.tick_params(labelbottom=False)
        every[0].legend(frameon=False, fontsize="small")
        every[-1].set_xlabel(named(dataset[side]))
        return every[0]


def _curves(axes: Any, slice_: xr.Dataset, side: str, name: str, options: PlotOptions) -> None:
    """A curve for each split, the path, grey where a value is not finite."""
    splits = [options.split] if options.split else splits_of(slice_) or [""]
    at = np.sort(slice_[side].values)
    broken = np.zeros(len(at), bool)
    for split in splits:
        values = shown_of(slice_, name, split).values
        broken |= ~np.isfinite(values)
        axes.plot(
            at, np.where(np.isfinite(values), values, np.nan), label=part_of(split) or name,
            color=split_color(split), linewidth=1.8, marker="o" if len(at) == 1 else None,
        )  # fmt: skip
        _computed(axes, at, values, computed_of(slice_).values, last=split == splits[-1])
    half = (at[-1] - at[0]) / (2 * max(1, len(at) - 1)) or 0.5
    for place in at[broken]:
        axes.axvspan(place - half, place + half, color=theme.NOT_FINITE, linewidth=0, zorder=0)
    if broken.any():
        axes.fill([], [], color=theme.NOT_FINITE, label="not finite")
    if name != "loss" or side != "alpha":
        return
    path = own_path(slice_) if options.path else None
    if path is not None and "loss" in path and "beta" not in path:
        up = path[["alpha", "loss"]].rename(loss="beta").assign(loss=path["loss"])
        path_on(axes, up, slice_.attrs.get("seen"))
    for run, color, one in runs(slice_) if options.path else []:
        if "loss" in one and "beta" not in one:
            run_on(axes, run, color, one.assign(beta=one["loss"]))
    mark_given(axes, slice_)


def _computed(axes: Any, at: Any, values: Any, computed: Any, *, last: bool) -> None:
    """A dot at each computed point, where others are interpolated."""
    if not computed.all() and computed.any():
        axes.plot(
            at[computed], values[computed], "o", color=theme.INK, markersize=2.2,
            markeredgewidth=0, label="computed point" if last else None, zorder=3,
        )  # fmt: skip
