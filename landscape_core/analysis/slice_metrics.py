"""Metrics of the shape of a slice, so that two landscapes are compared by numbers as well.

With f the heights of the picture, R = max f - min f over its finite points the displayed range, and
persistence as in `landscape_core.analysis.merge_tree`:

- `minima` counts the basins of persistence above noise * R, the deepest included; `rim_minima`
  those of them at the edge of the picture, which may go on beyond it.
- `saddles` counts the passes at which such a basin meets a deeper one, and those at which a lake
  closes around a hill, an island of such persistence, or around what is not finite. Without the
  latter, minima - saddles + islands = 1 (Edelsbrunner and Harer, Computational Topology, 2010,
  chapter VII).
- `convex_share` and `saddle_share` are fractions of the inner points, taken where all nine values
  around are finite: there the matrix of second differences is positive definite, or indefinite. Its
  definiteness does not depend on the units of the axes (Sylvester's law of inertia).
- `roughness` = rms(f - q) / R, where q is the quadratic polynomial (6 coefficients, on a line 3)
  nearest to f in least squares.
- `variation_excess` is the mean over all rows and columns g of the picture of [TV(g) - (g_first +
  g_last - 2 min g)] / R, where TV(g) is the sum of |differences|: how much up and down there is
  beyond once down and once up. On a line it is twice the total persistence, less the deepest, as a
  fraction of R.

All of these are the same for f and a f + b, a > 0; a flat picture has R = 0 and shares 0.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.analysis.merge_tree import merge_tree
from landscape_core.foundation.errors import SpecError
from landscape_core.storage import schema

Floats = npt.NDArray[np.float64]

SCALES = {"linear": "loss", "log": "decades of the loss"}
"""The scales of heights, and the unit of each."""

RAYS = 360
"""Directions in which the width of a minimum is looked for."""

ROUNDING = 16
"""By how many units in the last place a height may be wrong."""

SHARE, NUMBER, OF_RANGE = "fraction of the inner points", "1", "fraction of the range"

MEANINGS = {
    "minima": (NUMBER, "local minima of persistence above the noise threshold"),
    "rim_minima": (NUMBER, "minima among these at the edge of the picture"),
    "saddles": (NUMBER, "saddles between basins and around maxima"),
    "largest_persistence": (OF_RANGE, "largest persistence except that of the deepest minimum"),
    "total_persistence": (OF_RANGE, "total persistence of all minima except the deepest"),
    "convex_share": (SHARE, "where the picture's Hessian is positive definite"),
    "saddle_share": (SHARE, "where the picture's Hessian is indefinite"),
    "roughness": (OF_RANGE, "rms residual of the best quadratic fit"),
    "variation_excess": (OF_RANGE, "mean total variation of the lines beyond a unimodal profile"),
    "range": ("", "range of the heights"),
    "lowest": ("loss", "lowest loss"),
    "centre": ("loss", "loss at the centre"),
    "width": (schema.UNITS, "radius around the centre within which the loss stays low"),
    "not_finite": ("fraction of the points", "where the loss is not finite"),
}
"""The metrics of a slice: the unit and the description of each."""


def slice_metrics(
    slice_: xr.Dataset,
    split: str = "train",
    scale: str = "linear",
    *,
    noise: float = 0.01,
    delta: float = 0.1,
) -> xr.Dataset:
    """The metrics of `MEANINGS`, one variable without dimensions each, with `unit` and `long_name`.

    The module's documentation defines them. `lowest`, `centre`, `width` and `not_finite` are of the
    loss itself on either scale. The centre is where the coordinates are 0; `width` is the largest
    radius r, in multiples of the axes, such that along all rays from there the loss stays below
    that of the centre + delta up to r; NaN if that circle does not fit on the picture. Between
    points the loss is linear. A line has no indefinite points: its `saddle_share` is NaN. What
    cannot be said is NaN. All values count, interpolated ones too: the attribute `estimated_error`
    of a slice, the largest error of those as a fraction of the range, is passed on.

    Args:
        slice_: dims (split, beta, alpha) or (split, alpha).
        split: which part of the data.
        scale: `linear`, or `log`: the heights are decimal logarithms of the loss, and zero and less
            take that of the least positive value.
        noise: the fraction of the range up to which persistence does not count.
        delta: by how much the loss may rise within `width`.

    Raises:
        SpecError: an unknown split or scale, a noise outside [0, 1), a delta that is not positive.
        FileFormatError: the dataset is no slice.
    """
    _check(scale, noise, delta)
    loss = _loss(slice_, split)
    values = loss.values.astype(np.float64)
    heights = _decimal_log(values) if scale == "log" else values
    rounding = _rounding(heights, slice_.attrs.get("dtype", "float64"))
    extent = _extent(heights, rounding)
    finite = values[np.isfinite(values)]
    sides = [loss[str(dim)].values for dim in loss.dims]
    found = {
        **_basins(heights, extent, max(noise * extent, rounding)),
        **_definite(heights, rounding),
        "roughness": _share(_off_quadratic(heights), extent),
        "variation_excess": _share(_excess(heights), extent),
        "range": extent,
        "lowest": finite.min() if finite.size else np.nan,
        "centre": float(_between(values, sides, np.zeros((len(sides), 1)))[0]),
        "width": _width(values, sides, delta),
        "not_finite": 1 - finite.size / values.size,
    }
    attrs = {"split": split, "scale": scale, "noise": noise, "delta": delta}
    if "estimated_error" in slice_.attrs:
        attrs["estimated_error"] = slice_.attrs["estimated_error"]
    return xr.Dataset({name: _named(name, found[name], scale) for name in MEANINGS}, attrs=attrs)


def _check(scale: str, noise: float, delta: float) -> None:
    if scale not in SCALES:
        raise SpecError("scale", scale, "one of " + ", ".join(SCALES))
    if not 0 <= noise < 1:
        raise SpecError("noise", noise, "at least 0 and less than 1")
    if not 0 < delta < np.inf:
        raise SpecError("delta", delta, "positive and finite")


def _loss(slice_: xr.Dataset, split: str) -> xr.DataArray:
    """The loss of one part of the data, (beta, alpha) or (alpha,)."""
    known = schema.check(slice_)[schema.SPLIT].values.tolist()
    if split not in known:
        raise SpecError("split", split, "one of " + ", ".join(known))
    return slice_[schema.LOSS].sel({schema.SPLIT: split})


def _named(name: str, value: float, scale: str) -> xr.Variable:
    unit, title = MEANINGS[name]
    return xr.Variable((), float(value), {"unit": unit or SCALES[scale], "long_name": title})


def _decimal_log(values: Floats) -> Floats:
    """The decimal logarithm; zero and less take that of the least positive value."""
    finite = np.isfinite(values)
    least = values[finite & (values > 0)].min(initial=np.inf)
    lifted = np.maximum(np.where(finite, values, 1.0), least if least < np.inf else 1.0)
    return np.where(finite, np.log10(lifted), values)


def _rounding(heights: Floats, dtype: str) -> float:
    """By how much a height may be wrong that was computed in this type."""
    eps = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
    largest = np.abs(heights[np.isfinite(heights)]).max(initial=0.0)
    return ROUNDING * eps.get(dtype, 2.0**-52) * float(largest)


def _extent(heights: Floats, rounding: float) -> float:
    """The range of the finite heights, NaN if there are none; 0 where rounding makes all of it."""
    finite = heights[np.isfinite(heights)]
    if not finite.size:
        return np.nan
    extent = float(np.ptp(finite))
    return extent if extent > rounding else 0.0


def _share(size: float, extent: float) -> float:
    return size / extent if extent else 0.0


def _basins(heights: Floats, extent: float, least: float) -> dict[str, float]:
    """The metrics that come from persistence above the least that counts."""
    lasting = [basin for basin in merge_tree(heights) if basin.persistence > least]
    ended = [basin.persistence for basin in lasting if basin.saddle is not None]
    rim = [basin for basin in lasting if _on_rim(basin.index, heights.shape)]
    return {
        "minima": len(lasting),
        "rim_minima": len(rim),
        "saddles": len(ended) + _islands(heights, least),
        "largest_persistence": _share(max(ended, default=0.0), extent),
        "total_persistence": _share(sum(ended), extent),
    }


def _on_rim(index: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return any(i in (0, n - 1) for i, n in zip(index, shape, strict=True))


def _islands(heights: Floats, least: float) -> int:
    """How many hills of a grid a rising lake closes around, none of them at the edge."""
    finite = np.isfinite(heights)
    if heights.ndim == 1 or not finite.any():
        return 0
    # Walls, and what lies around the picture, are hills too, higher than any other.
    wall = 2 * heights[finite].max() - heights[finite].min() + 1
    walled = np.pad(np.where(finite, heights, wall), 1, constant_values=wall)
    hills = merge_tree(-walled, 4)  # below, points meet across corners; above, they then do not
    return sum(hill.saddle is not None and hill.persistence > least for hill in hills)


def _definite(heights: Floats, rounding: float) -> dict[str, float]:
    """The shares of points where the second differences are positive definite, and indefinite."""
    f, least = np.where(np.isfinite(heights), heights, np.nan), 4 * rounding
    if f.ndim == 1:
        second = f[2:] - 2 * f[1:-1] + f[:-2]
        second = second[np.isfinite(second)]
        share = np.mean(second > least) if second.size else np.nan
        return {"convex_share": float(share), "saddle_share": np.nan}
    middle = f[1:-1, 1:-1]
    aa = f[1:-1, 2:] - 2 * middle + f[1:-1, :-2]
    bb = f[2:, 1:-1] - 2 * middle + f[:-2, 1:-1]
    ab = (f[2:, 2:] - f[2:, :-2] - f[:-2, 2:] + f[:-2, :-2]) / 4
    known = np.isfinite(aa + bb + ab)
    if not known.any():
        return {"convex_share": np.nan, "saddle_share": np.nan}
    mean, half = (aa + bb)[known] / 2, np.hypot((aa - bb)[known] / 2, ab[known])
    low, high = mean - half, mean + half  # the eigenvalues
    return {
        "convex_share": float(np.mean(low > least)),
        "saddle_share": float(np.mean((low < -least) & (high > least))),
    }


def _off_quadratic(heights: Floats) -> float:
    """The rms distance of the finite heights from the quadratic nearest to them."""
    grid = np.meshgrid(*[np.linspace(-1, 1, n) for n in heights.shape], indexing="ij")
    finite = np.isfinite(heights)
    axes = [side[finite] for side in grid]
    pairs = itertools.combinations_with_replacement(axes, 2)
    terms = np.stack([np.ones(finite.sum()), *axes, *[a * b for a, b in pairs]], axis=1)
    if len(terms) == 0:
        return np.nan
    f = heights[finite] - heights[finite].mean()
    coefficients, *_ = np.linalg.lstsq(terms, f, rcond=None)
    return float(np.sqrt(np.mean((f - terms @ coefficients) ** 2)))


def _excess(heights: Floats) -> float:
    """Mean over all lines of the variation beyond once down and once up, each finite run alone."""
    lines = [heights] if heights.ndim == 1 else [*heights, *heights.T]
    excess = 0.0
    for line in lines:
        for g in np.split(line, np.flatnonzero(np.diff(np.isfinite(line))) + 1):
            if np.isfinite(g[0]):
                excess += float(np.abs(np.diff(g)).sum() - (g[0] + g[-1] - 2 * g.min()))
    return max(0.0, excess) / len(lines)  # below zero it is rounding


def _width(values: Floats, sides: Sequence[Floats], delta: float) -> float:
    """The radius up to which the loss stays below the centre's + delta; NaN if it is not seen."""
    reach = min(min(-side[0], side[-1]) for side in sides)
    centre = _between(values, sides, np.zeros((len(sides), 1)))
    if reach <= 0 or not np.isfinite(centre).all():
        return np.nan
    step = min(float(np.diff(side).min()) for side in sides) / 2
    turns = np.linspace(0, 2 * np.pi, RAYS if len(sides) == 2 else 2, endpoint=False)
    rays = np.stack([np.sin(turns), np.cos(turns)])[-len(sides) :]
    radii = np.linspace(0, reach, int(np.ceil(reach / step - 1e-6)) + 1)
    rise = _between(values, sides, rays[:, :, None] * radii) - centre
    outside = ~(np.isfinite(rise) & (rise < delta))
    outside = outside[crossed := outside.any(axis=1)]
    if not len(outside):
        return np.nan
    row, first = np.arange(len(outside)), outside.argmax(axis=1)
    inner, outer = rise[crossed][row, first - 1], rise[crossed][row, first]
    share = np.where(np.isfinite(outer), (delta - inner) / (outer - inner), 0.0)
    return float((radii[first - 1] + share * (radii[first] - radii[first - 1])).min())


def _between(values: Floats, sides: Sequence[Floats], coords: Floats) -> Floats:
    """The values (...) at coordinates (D, ...), linear between the points; NaN off the picture."""
    total, inside = np.zeros(coords.shape[1:]), np.ones(coords.shape[1:], dtype=bool)
    lower, shares = [], []
    for side, x in zip(sides, coords, strict=True):
        # Rounded: a point of the grid is read alone, whatever its neighbours are.
        at = np.round(np.interp(x, side, np.arange(len(side))), 9)
        lower.append(np.minimum(at.astype(np.int64), len(side) - 2))
        shares.append(at - lower[-1])
        slack = 1e-9 * (side[-1] - side[0])
        inside &= (x >= side[0] - slack) & (x <= side[-1] + slack)
    for corner in itertools.product((0, 1), repeat=len(sides)):
        weights = [s if c else 1 - s for c, s in zip(corner, shares, strict=True)]
        weight = np.prod(weights, axis=0)
        here = values[tuple(i + c for i, c in zip(lower, corner, strict=True))]
        with np.errstate(invalid="ignore"):  # one infinity less another is NaN
            total += np.multiply(weight, here, out=np.zeros_like(total), where=weight > 0)
    return np.where(inside, total, np.nan)
