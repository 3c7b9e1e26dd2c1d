"""What is drawn of a slice, whichever page shows it; computed once for all that do."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import equal, joined, labels, lowest, minimized, short_names
from landscape_lab.figures.once import Once, digests
from landscape_lab.figures.pixels import SHADES, Array, box, finer, narrow, raised, shaded
from landscape_lab.figures.reduced import reduced, reduced_limits

COARSE = 40
"""Slices of fewer points along a side also have their lines drawn from the finer picture."""

ONCE = Once()
"""What pages of this process have drawn lately: a class watches the same slices."""


@dataclass(frozen=True, eq=False)
class DrawnSlice:
    """Columns of the sources, and what the axes and the key say.

    `ends` are those of alpha and beta; `names` and `short` what these are called; `range` is that
    of the colours, and `cut` whether something lies above it; `lowest` is the lowest point, where
    one is sought; `broken` says whether something is not finite.
    """

    picture: dict[str, Any]
    lines: dict[str, Any]
    labels: dict[str, Any]
    ends: tuple[float, ...]
    names: tuple[str, ...]
    short: tuple[str, str]
    range: tuple[float, float]
    lowest: tuple[float, float] | None
    cut: bool
    broken: bool


def drawn_slice(
    slice_: xr.Dataset, variable: str, split: str, scale: str, limits: tuple[float, float] | None
) -> DrawnSlice:
    """A variable of a slice as it is drawn; the arguments are those of `Contour.update`."""
    slice_ = reduced(slice_)
    looks = (variable, split, scale, reduced_limits(slice_, variable, limits))
    arrays = (slice_.variables[name].values for name in (variable, "computed", "alpha", "beta"))
    names = tuple(str(slice_.variables[axis].attrs) for axis in ("alpha", "beta"))
    key = (looks, names, minimized(slice_), *digests(*arrays))
    return ONCE.get(slice_, key, lambda: _drawn(slice_, *looks))


def _drawn(
    slice_: xr.Dataset, variable: str, split: str, scale: str, limits: tuple[float, float] | None
) -> DrawnSlice:
    shown = slice_[variable].sel(split=split)
    computed = slice_["computed"].values
    raw = raised(shown.values, computed) if variable == "loss" else shown.values
    alpha, beta = shown["alpha"].values, shown["beta"].values
    heights = theme.decimal_log(raw) if scale == "log" else raw
    low, high = theme.range_of(heights, limits, scale)
    fine, holes = finer(heights)
    shades = shaded(fine, holes, low, high)
    columns = {"shades": shades, "values": narrow(raw), "exact": computed.astype(np.uint8)}
    boxes = box(alpha, beta, shades.shape, "") | box(alpha, beta, raw.shape, "values_")
    smooth = min(raw.shape) < COARSE and not holes.any()
    levels = theme.levels(low, high, scale)
    lines, words = _contoured(fine if smooth else heights, alpha, beta, levels, scale)
    sought = variable == "loss" and minimized(slice_)
    return DrawnSlice(
        picture={name: [thing] for name, thing in (columns | boxes).items()},
        lines=lines,
        labels=words,
        ends=tuple(float(end) for end in (alpha[0], alpha[-1], beta[0], beta[-1])),
        names=tuple(str(shown[a].attrs.get("long_name", a)) for a in ("alpha", "beta")),
        short=short_names(shown),
        range=(low, high),
        lowest=lowest(shown.values, alpha, beta) if sought else None,
        cut=bool((heights[np.isfinite(heights)] > high).any()),
        broken=bool((shades >= SHADES).any()),
    )


def _contoured(
    heights: Array, alpha: Array, beta: Array, levels: Array, scale: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The lines of equal height, and the words on them."""
    drawn = equal(heights, alpha, beta, levels)
    found = [
        (word, line)
        for word, line in zip(theme.words(levels, scale), drawn, strict=True)
        if line is not None
    ]
    half = sum(line is not None for line in drawn[: len(drawn) // 2])
    lines = [line for _, line in found]
    return joined(lines[:half], lines[half:]), labels(found, alpha, beta)
