"""The loss over the plane of a curve, and where the curve runs on it.

Garipov et al., 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs, figure 1,
arXiv:1802.10026: the plane shows all of a curve with one inner node, and most of one with more.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from landscape_core.connectivity.barrier import End
from landscape_core.connectivity.barrier_height import Floats
from landscape_core.connectivity.paths.base import Curve, plane_of_curve, project_curve
from landscape_core.foundation.errors import PlaneError
from landscape_core.models.closure_network import ClosureNetwork
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.planes.moving_buffers import MovingBuffers
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.probe import probe
from landscape_core.slices.slice import compute_slice

MARGIN = 0.2
"""How far the picture of a curve's plane goes beyond it, as a fraction of its extent."""

STATED = ("batch_norm", "statistics", "checked_points", "checked_deviation")
"""The attributes of a slice that say how its loss came about."""


@dataclass(frozen=True, eq=False)
class CurvePlane:
    """The plane of a curve between two ends: which data are read on it, and at how many points."""

    parts: Mapping[str, Objective]
    ends: tuple[End, End]
    points: int
    resolution: int

    def columns(self, curve: Curve) -> dict[Hashable, Any]:
        """The loss over the curve's plane and the projected curve; nothing if it is straight."""
        try:
            plane = _with_buffers(plane_of_curve(curve), self.ends)
        except PlaneError:
            return {}
        networks = {n: p for n, p in self.parts.items() if isinstance(p, ModelObjective)}
        parts = {name: _anywhere(part, plane) for name, part in networks.items()}
        if not parts:
            return {}
        coords, distance = (
            found.numpy(force=True) for found in project_curve(curve, plane, self.points)
        )
        *_, slice_ = compute_slice(probe(parts, plane, {}), self._grid(coords))
        return {
            "plane_loss": slice_["loss"].assign_attrs(_stated(slice_)).variable,
            "alpha": slice_["alpha"],
            "beta": slice_["beta"],
            "curve_alpha": ("t", coords[:, 0]),
            "curve_beta": ("t", coords[:, 1]),
            "curve_distance": ("t", distance),
        }

    def _grid(self, coords: Floats) -> Grid:
        """The grid around a curve's coordinates (n, 2)."""
        low, high = coords.min(axis=0), coords.max(axis=0)
        more = MARGIN * (high - low).max()
        return Grid(
            resolution=self.resolution,
            alpha_low=low[0] - more,
            alpha_high=high[0] + more,
            beta_low=low[1] - more,
            beta_high=high[1] + more,
        )


def _with_buffers(plane: Plane, ends: tuple[End, End]) -> Plane:
    """A curve's plane with the buffers of both ends, which change along the line between them."""
    first, last = (end.buffers for end in ends)
    return plane.through_states(MovingBuffers.through(first, last, first), 2)


def _anywhere(part: ModelObjective, plane: Plane) -> ModelObjective:
    """A part whose statistics mean something on all of a plane, at the ends their own.

    Where both ends have the same, they are perhaps nobody's, and estimated anew, unless only a
    closure knows from which inputs.
    """
    if part.batch_norm not in ("running", "interpolated"):
        return part
    if plane.buffers is None or not plane.buffers.moves:
        if isinstance(part.module, ClosureNetwork):
            return part
        return part.with_batch_norm("reestimated")
    return part.with_buffers(plane.buffers.origin).with_batch_norm("interpolated")


def _stated(slice_: xr.Dataset) -> dict[str, Any]:
    """What a slice says of its statistics and its checks, for the variable that holds its loss."""
    return {name: slice_.attrs[name] for name in STATED if name in slice_.attrs}
