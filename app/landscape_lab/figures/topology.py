"""What is drawn of a slice's topology: bars, the lines of its merge tree, the curve of its profile.

All heights are losses on the scale of the drawing, decimal logarithms where that is logarithmic.
Figures for pages and for paper draw the same.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme

Array = npt.NDArray[np.floating[Any]]

MOST = 40
"""Bars that are drawn, at most: the longest."""

FINEST = 1600
"""Points of a profile that are drawn, at most: the lowest and the highest of neighbouring ones."""

ROOM = 0.06
"""The fraction of the range of heights that is left free at either end."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars, the longest first: ends on the scale of the drawing, and how their tree is laid out.

    `death` of a bar that never ends is the end of the axis. `order` counts minima from left to
    right as they lie on the topological profile, and `joins` is that of the lower minimum whose
    basin this one joins, its own if there is none; both are empty for loops.
    """

    birth: Array
    death: Array
    endless: npt.NDArray[np.bool_]
    significant: npt.NDArray[np.bool_]
    position: Array
    order: Array
    joins: Array
    words: list[str]
    limits: tuple[float, float]


SLICE = ("loss", "computed")
"""Variables of a slice whose topology can be computed."""


def is_barcode(dataset: object, *, of_minima: bool = False) -> bool:
    """Whether this is a barcode of `landscape_core.analysis.persistence`, or one of minima."""
    needed = {"birth", "death", "significant"} | ({"parent"} if of_minima else set())
    return isinstance(dataset, xr.Dataset) and needed <= set(dataset.data_vars)


def is_slice(dataset: object) -> bool:
    """Whether this is a slice with its splits."""
    return (
        isinstance(dataset, xr.Dataset)
        and set(SLICE) <= set(dataset.data_vars)
        and "split" in dataset["loss"].dims
        and "split" in dataset.coords
    )


def barcode_of(dataset: xr.Dataset, split: str) -> xr.Dataset:
    """The barcode of one split of a slice; a barcode is itself."""
    if is_barcode(dataset):
        return dataset
    from landscape_core.analysis.persistence import persistence  # no page draws by this way

    return persistence(dataset, split)


def profile_of(slice_: xr.Dataset, split: str) -> xr.Dataset:
    """The topological profile of one split of a slice."""
    from landscape_core.analysis.topological_profile import topological_profile

    return topological_profile(slice_, split)


def bars(barcode: xr.Dataset, scale: str, most: int = MOST) -> Bars:
    """The longest bars of a barcode on a scale, at most so many.

    Args:
        barcode: as `landscape_core.analysis.persistence` gives it.
        scale: `log` or `linear` heights.
        most: how many.
    """
    # A bar is no longer than that of the minimum it joins, and comes after it.
    order = np.lexsort((barcode["bar"].values, -barcode["persistence"].values))
    kept = barcode.isel(bar=order[:most])
    endless = np.isinf(kept["death"].values)
    birth, death = (kept[name].values.astype(float) for name in ("birth", "death"))
    # Where all bars are endless, they are drawn up to the highest loss.
    tops = death[~endless] if not endless.all() else [kept.attrs["highest"]] * min(1, len(birth))
    low, high = _span(np.concatenate([birth, tops]), scale)
    heights = _heights(np.concatenate([birth, np.where(endless, birth, death)]), scale)
    birth, ends = np.split(heights, 2)
    positions, places, joins = (np.empty(0) for _ in range(3))
    if "parent" in kept:
        positions = kept["position"].values
        places = np.argsort(np.argsort(positions, kind="stable")).astype(float)
        row = {int(bar): number for number, bar in enumerate(kept["bar"].values)}
        parents = [row.get(int(parent), n) for n, parent in enumerate(kept["parent"].values)]
        joins = places[np.array(parents, dtype=int)]
    words = [
        _words(*row)
        for row in zip(
            kept["birth"].values, kept["death"].values, kept["significant"].values, strict=True
        )
    ]
    return Bars(
        birth, np.where(endless, high, ends), endless, kept["significant"].values, positions,
        places, joins, words, (low, high),
    )  # fmt: skip


def scale_for(losses: Array, scale: str) -> str:
    """The scale asked for; the linear one if a loss of zero or less has no logarithm."""
    return "log" if scale == "log" and not (losses <= 0).any() else "linear"


def tree_lines(found: Bars) -> Array:
    """The lines of the merge tree, (bars, 3, 2): up from the minimum, then across at the saddle."""
    over = np.where(found.endless, found.order, found.joins)
    x = np.stack([found.order, found.order, over], axis=1)
    y = np.stack([found.birth, found.death, found.death], axis=1)
    return np.stack([x, y], axis=2)


def curve(profile: xr.Dataset, scale: str, most: int = FINEST) -> tuple[Array, Array]:
    """Position and height along a topological profile, thinned so that no extremum is lost."""
    position, loss = profile["position"].values, _heights(profile["loss"].values, scale)
    if len(loss) <= most:
        return position, loss
    size = -(-2 * len(loss) // most)
    groups = np.pad(loss, (0, -len(loss) % size), constant_values=np.nan).reshape(-1, size)
    empty = np.isnan(groups)
    lowest = np.where(empty, np.inf, groups).argmin(axis=1)
    highest = np.where(empty, -np.inf, groups).argmax(axis=1)
    ends = np.sort(np.stack([lowest, highest], axis=1), axis=1)
    kept = np.unique(ends + size * np.arange(len(groups))[:, None])
    return position[kept], loss[kept]


def profile_limits(found: Bars | None, heights: Array) -> tuple[float, float]:
    """The ends of the axis of a profile: all saddles, and all but the highest of other heights."""
    ends = found.limits if found else theme.limits(heights)
    if not np.isfinite(heights).any():
        return ends
    return ends[0], max(ends[1], theme.limits(heights)[1])


def ticks(limits: tuple[float, float], scale: str) -> dict[float, str]:
    """Heights to be named along an axis, with the losses there."""
    return theme.ticks(*limits, scale, cut=False)


def summary(barcode: xr.Dataset, most: int = MOST) -> list[str]:
    """What the bars say, in short lines: how many, which are significant, how many are drawn."""
    count, kept = barcode.sizes["bar"], int(barcode["significant"].sum())
    one, many = ("minimum", "minima") if barcode.attrs["dimension"] == 0 else ("loop", "loops")
    lines = [f"{count} {one if count == 1 else many}"]
    if not barcode.attrs["error_known"]:
        lines.append("the error of the loss is not stated yet")
    elif barcode.attrs["error_sources"] not in ("", "arithmetic"):
        lines[0] += f", {kept} longer than twice the error"
        lines.append(f"error: {barcode.attrs['error_sources']}")
    elif kept < count:
        lines[0] += f", {kept} above rounding"
    if count > most:
        lines.append(f"the {most} longest are drawn")
    return lines


def _heights(losses: Array, scale: str) -> Array:
    return np.asarray(np.log10(losses)) if scale == "log" else losses


def _span(losses: Array, scale: str) -> tuple[float, float]:
    """The ends of an axis on which the heights have room."""
    heights = _heights(losses, scale)
    if not heights.size:
        return 0.0, 1.0
    low, high = float(heights.min()), float(heights.max())
    more = ROOM * (high - low) or 0.5 * max(1e-12, abs(high) if scale != "log" else 1.0)
    return low - more, high + more


def _words(birth: float, death: float, significant: bool) -> str:  # noqa: FBT001 - a table's row
    ends = f"{birth:.4g} to {death:.4g}" if np.isfinite(death) else f"{birth:.4g}, never ends"
    length = f", persistence {death - birth:.3g}" if np.isfinite(death) else ""
    return f"{ends}{length}" + ("" if significant else " (not significant)")
