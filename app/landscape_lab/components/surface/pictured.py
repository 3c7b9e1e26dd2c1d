"""What a surface is sent of a slice and a run: a buffer of numbers, labels, the usual camera."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import lowest, minimized, title_of
from landscape_lab.figures.bokeh.path import ages, best, index_of
from landscape_lab.figures.camera import HOME, Camera, usual
from landscape_lab.figures.pixels import raised
from landscape_lab.figures.reduced import divisor_of, reduced, reduced_limits

Array = npt.NDArray[np.floating[Any]]
Spot = tuple[float, float, float]
Labels = tuple[str, str, str]
"""Names of the two axes and of the height."""

PAST = 12
"""Index in a frame's header of the number of trajectory points up to the current step."""

NOWHERE = (np.nan, np.nan, np.nan)


class Pictured(NamedTuple):
    """A buffer as `packed` makes it, the labels, and from where the picture is usually seen."""

    frame: bytes
    labels: Labels
    home: Camera = HOME


def pictured(  # noqa: PLR0913 - all that one picture is made of
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    *,
    variable: str = "loss",
    split: str = "train",
    scale: str = "log",
    limits: tuple[float, float] | None = None,
    seen: int | None,
    point: tuple[float, ...] | None = None,
    signs: bool = True,
    ends: tuple[float, float] | None = None,
) -> Pictured:
    """A slice with a path on it; the arguments are those of `Surface.update`.

    Without `signs`, the best point of the path has none; `ends` are the lowest and the highest
    height that is drawn, in place of what follows from the limits.
    """
    slice_ = slice_ if ends is not None else reduced(slice_)
    limits = reduced_limits(slice_, variable, limits)
    shown = slice_[variable].sel(split=split)
    raw, alpha, beta = shown.values, shown["alpha"].values, shown["beta"].values
    lift = theme.decimal_log if scale == "log" else np.asarray
    settled = raised(raw, slice_["computed"].values) if variable == "loss" else raw
    heights = lift(settled)
    track, here, times, high = np.empty((0, 3)), -1, np.empty(0), None
    divisor = divisor_of(slice_, variable) or 1.0
    if path is not None:
        known = path[variable].values if variable in path else np.full(len(path["step"]), np.nan)
        track = np.stack([path["alpha"], path["beta"], lift(known / divisor)], axis=1)
        here, times = index_of(path, seen), ages(path)
        high = best(path, here) if signs and minimized(slice_) else None
    low = lowest(raw, alpha, beta) if variable == "loss" and minimized(slice_) else None
    title = title_of(slice_, variable, split)
    ends = theme.range_of(heights, limits, scale) if ends is None else ends
    frame = packed(
        heights,
        alpha,
        beta,
        track,
        None if low is None else (*low, np.nan),
        ends,
        trail(
            here,
            times,
            best=None if high is None else tuple(track[high]),
            point=None if point is None else _spot(point, lift, divisor),
        ),
        scale=scale,
    )
    told = [track[[0, here], :2]] if len(track) else []
    told += [] if low is None else [np.array([low])]
    names = (_named(shown["alpha"]), _named(shown["beta"]), title)
    return Pictured(frame, names, _home(heights, ends, alpha, beta, told))


def _spot(point: tuple[float, ...], lift: Callable[[Any], Any], divisor: float) -> Spot:
    """A point at its true loss, if it has one; else it is drawn on the surface."""
    alpha, beta, *known = point
    return alpha, beta, float(lift(np.array([known[0] / divisor]))[0]) if known else np.nan


def trail(
    here: int, times: Array, *, best: Spot | None = None, point: Spot | None = None
) -> tuple[int, Array]:
    """Extra frame data of a trajectory: points up to now, two markers, and times.

    Args:
        here: the index of the path's point that is looked at.
        times: how late each point of the path is, 0 to 1.
        best: alpha, beta and height of the best point so far.
        point: of a point that the user looks at; without height it is on the surface.
    """
    return here + 1, np.concatenate([best or NOWHERE, point or NOWHERE, times])


def packed(  # noqa: PLR0913 - all that one picture is made of
    heights: Array,
    alpha: Array,
    beta: Array,
    path: Array,
    minimum: Spot | None,
    limits: tuple[float, float],
    extra: tuple[int, Array] | None = None,
    *,
    scale: str = "linear",
) -> bytes:
    """One buffer of float32: 14 numbers of header, the heights row by row, the path, the rest."""
    low = minimum or NOWHERE
    past, rest = extra or (0, np.empty(0))
    ends = (alpha[0], alpha[-1], beta[0], beta[-1])
    header = (*heights.shape, len(path), *limits, *ends, *low, past, scale == "log")
    parts = (np.array(header), heights.ravel(), path.ravel(), rest)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and shown as that
        return np.concatenate(parts).astype(np.float32).tobytes()


def _home(
    heights: Array, ends: tuple[float, float], alpha: Array, beta: Array, points: Sequence[Array]
) -> Camera:
    """From where these points, (K, 2) of alpha and beta, are seen on the heights (beta, alpha)."""
    if not points:
        return HOME
    low, high = ends
    corner, far = np.array([alpha[0], beta[0]]), np.array([alpha[-1], beta[-1]])
    with np.errstate(invalid="ignore"):
        return usual(
            (heights - low) / (high - low), (np.concatenate(points) - corner) / (far - corner)
        )


def _named(axis: xr.DataArray) -> str:
    return str(axis.attrs.get("long_name", axis.name))
