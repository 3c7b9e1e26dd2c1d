"""The extent of a slice, chosen by its values: a stated rule in place of a number by habit.

A plane that a path or given states determine is framed by these. Around one state, the picture
reaches to where the loss is ten times that at the centre, but no farther than the parameters are
long, and never so near that the loss differs by rounding alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from landscape_core.foundation.errors import SpecError
from landscape_core.planes.extent import MARGIN, Numbers, framed
from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.slices.probe import Probe

Ends = tuple[float, float, float, float]
"""The lower and the upper end of alpha, then of beta."""

AUTO = "auto"
"""What is given in place of a span for the extent to be chosen."""

REASON = "span_reason"
"""The attribute that says how the extent was chosen."""

RISE = 10.0
"""The loss at the end of an axis as a multiple of that at the centre."""

HALVINGS = 10
"""How often the largest half-width is halved at most."""

CLEAR = 1000.0
"""Multiples of rounding by which the loss has to rise from the centre to the end of an axis."""

PATH = "shows the path, with a margin"
STATES = "shows the states that the plane goes through, with a margin"


@dataclass(frozen=True)
class Extent:
    """The ends of alpha and of beta, and how they were chosen; `span=` takes it."""

    ends: Ends
    reason: str

    @property
    def low(self) -> tuple[float, float]:
        """The lower ends of alpha and beta."""
        return self.ends[0], self.ends[2]

    @property
    def high(self) -> tuple[float, float]:
        """The upper ends of alpha and beta."""
        return self.ends[1], self.ends[3]

    def __str__(self) -> str:
        """The ends and the reason in one line."""
        low_a, high_a, low_b, high_b = self.ends
        same = (low_a, high_a) == (low_b, high_b)
        beta = "" if same else f", {low_b:.4g} to {high_b:.4g}"
        return f"{low_a:.4g} to {high_a:.4g}{beta}: {self.reason}"


def chosen_extent(read: Probe, projected: ProjectedPath | None = None) -> Extent:
    """Choose what of a plane is shown.

    Args:
        read: what is read at each point; its plane has its final origin.
        projected: the path on it, with the rectangle that frames it where the path determines the
            plane; None without one.
    """
    plane = read.plane
    if projected is not None and plane.explained_variance_ratio is not None:
        return Extent(_ends(projected.low, projected.high), PATH)
    if plane.given:
        frame = framed(np.array(plane.given, dtype=float))
        return Extent(_ends(frame.middle - frame.half, frame.middle + frame.half), STATES)
    half, reason = _half_width(read)
    path = np.empty((0, 1)) if projected is None else projected.coords
    reach = (1 + MARGIN) * float(np.abs(path[np.isfinite(path)]).max(initial=0.0))
    if reach > half:
        half, reason = reach, f"{reason}; widened to show the path"
    return Extent((-half, half, -half, half), reason)


def reason_of(extent: Extent | None) -> dict[str, str]:
    """The attribute that states the reason of an extent; none where no rule has chosen it."""
    return {} if extent is None else {REASON: extent.reason}


def within(projected: ProjectedPath, extent: Extent | None) -> ProjectedPath:
    """The same projected path with the rectangle of an extent, if there is one."""
    if extent is None:
        return projected
    count = projected.plane.dimensions
    low, high = np.array(extent.low[:count]), np.array(extent.high[:count])
    return replace(projected, low=low, high=high)


def union(extents: Sequence[Extent], names: Sequence[str] = ()) -> Extent:
    """The smallest extent that contains all of them, with the reason of each.

    Raises:
        SpecError: there are none.
    """
    if not extents:
        raise SpecError("extents", extents, "at least one")
    ends = np.array([one.ends for one in extents])
    (low_a, low_b), (high_a, high_b) = ends[:, ::2].min(axis=0), ends[:, 1::2].max(axis=0)
    told = [f"{name} {one}" for name, one in zip(names, extents, strict=True)] if names else []
    told = told or [str(one) for one in extents]
    words = f"contains the extents chosen for each of {len(extents)} models ({'; '.join(told)})"
    reason = words if len(extents) > 1 else extents[0].reason
    return Extent((float(low_a), float(high_a), float(low_b), float(high_b)), reason)


def _ends(low: Numbers, high: Numbers) -> Ends:
    """The ends by axis; of a line, beta has those of alpha."""
    return float(low[0]), float(high[0]), float(low[-1]), float(high[-1])


def _half_width(read: Probe) -> tuple[float, str]:
    """The half-width of the picture around one state, and the reason."""
    largest, limit = _largest(read.plane)
    centre = float(_losses(read, np.zeros((1, read.plane.dimensions)))[0])
    if not math.isfinite(centre):
        return largest, f"{limit}; the loss at the centre is not finite"
    rounding = float(torch.finfo(read.plane.origin.dtype).eps) * max(1.0, abs(centre))
    enough, clear = (RISE - 1) * abs(centre), CLEAR * rounding
    wanted = centre + max(enough, clear)
    found = _highest(read, largest)
    if found < wanted:
        return largest, f"{limit}; from the centre to the ends of the axes {_rise(centre, found)}"
    half, found = _smallest(read, largest, wanted)
    if math.isinf(found):
        half, found = _finite(read, half)
        words = "the largest half-width tried at which the loss is finite at the ends of the axes"
        return half, f"{words}, as it is not finite farther out: {_rise(centre, found)}"
    times = f"{RISE:g} times that at the centre" if centre > 0 else f"higher by {RISE - 1:g} |loss|"
    times = times if enough >= clear else f"higher by {CLEAR:g} times its rounding"
    why = f"the smallest half-width at which the loss at an end of an axis is {times} or more"
    return half, f"{why}: {_rise(centre, found)}"


def _smallest(read: Probe, largest: float, wanted: float) -> tuple[float, float]:
    """The smallest half-width on the way down from the largest one with this loss, and the loss.

    Halved as long as the loss is high enough, then divided once more by the square root of two.
    """
    half = largest
    for factor, tries in ((2.0, HALVINGS), (math.sqrt(2), 1)):
        for _ in range(tries):
            if _highest(read, half / factor) < wanted:
                break
            half /= factor
    return half, _highest(read, half)


def _finite(read: Probe, half: float) -> tuple[float, float]:
    """A smaller half-width with finite losses at the ends of the axes, and the highest of them."""
    found = math.inf
    for _ in range(2 * HALVINGS):
        half /= math.sqrt(2)
        found = _highest(read, half)
        if math.isfinite(found):
            break
    return half, found


def _largest(plane: Plane) -> tuple[float, str]:
    """The half-width at which the longest axis is as long as the parameters that move, in words.

    Rounded to a power of the square root of two, so that it is steady while the parameters change;
    1 where these are all 0.
    """
    axes = plane.axes.double()
    norm = float(plane.origin.double()[(axes != 0).any(dim=0)].norm())
    ratio = norm / float(axes.norm(dim=1).max())
    if not (ratio > 0 and math.isfinite(ratio)):
        return 1.0, "one unit of the axes, as all parameters are 0"
    words = "the half-width at which the displacement is about as long as the parameters"
    return float(2 ** (round(2 * math.log2(ratio)) / 2)), words


def _highest(read: Probe, half: float) -> float:
    """The highest loss at the ends of the axes; infinity where one is not finite."""
    unit = np.eye(read.plane.dimensions)
    found = _losses(read, half * np.concatenate([unit, -unit]))
    return float(found.max()) if np.isfinite(found).all() else math.inf


def _losses(read: Probe, coords: Numbers) -> Numbers:
    """The loss (K,), the first of the measures, on the first part of the data at coordinates."""
    values: Numbers = read(coords)[0, 0]
    return values


def _rise(centre: float, found: float) -> str:
    """From where to where the loss rises."""
    words = "what is not finite" if math.isinf(found) else f"{found:.3g}"
    return f"the loss goes from {centre:.3g} to {words}"
