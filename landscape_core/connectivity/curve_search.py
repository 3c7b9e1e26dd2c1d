"""The search for a curve of low loss between two points, and what is read along it.

Garipov et al., 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs,
arXiv:1802.10026; Draxler et al., 2018, Essentially No Barriers in Neural Network Energy Landscape,
arXiv:1803.00885. The barrier is defined in `landscape_core.connectivity.barrier`.
"""

import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
import xarray as xr

from landscape_core.connectivity.alignment import matching, permuted, permuted_buffers
from landscape_core.connectivity.barrier import End, Profile
from landscape_core.connectivity.connection import check_resolution
from landscape_core.connectivity.curve_plane import CurvePlane
from landscape_core.connectivity.paths.base import Curve, Kind, Path
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import UPDATE_INTERVAL
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective

SHARE = 0.2
"""The fraction of the time, about, that goes into reading the loss along unfinished curves."""


@public_call
def compute_connection(  # noqa: PLR0913 - the options are by name
    parts: Objective | Mapping[str, Objective],
    first: Vector,
    last: Vector,
    *,
    path: Path | None = None,
    align: bool = False,
    points: int = 61,
    resolution: int = 0,
    seed: int = 0,
) -> Iterator[xr.Dataset]:
    """The curve between two points of the user's objective, as it improves; the last is the result.

    The datasets are those of `connect_runs`: `loss`, `straight_loss` (split, t) and so on. Running
    statistics are those that the objective has; with batch normalization give one that estimates
    them anew, `objective.with_batch_norm("reestimated")`.

    Args:
        parts: an objective, or one for each split (`train`, `test`); the curve is trained on the
            first.
        first: the parameters (P,) where the curve begins.
        last: those where it ends.
        path: method that finds the path; by default a quadratic Bezier curve.
        align: first put the hidden units of `last` in the order nearest to `first`.
        points: of the curve, at which the losses are read.
        resolution: grid points per axis on the plane of the curve; 0: none.
        seed: of places and mini-batches.

    Raises:
        SpecError: no parts, ends that are not finite or of another size than the objective, or a
            network that cannot be aligned.
    """
    check_resolution("resolution", resolution)
    named = {"train": parts} if isinstance(parts, Objective) else dict(parts)
    if not named:
        raise SpecError("parts", parts, "at least one objective, by the name of its split")
    one = next(iter(named.values()))
    buffers = one.buffers if isinstance(one, ModelObjective) else {}
    ends = (End(first, buffers), End(last, buffers))
    search = CurveSearch(named, ends, path or Bezier(), align, points, resolution, seed)
    shown = None
    for _, dataset in search.found():
        if dataset is not shown:
            yield dataset
        shown = dataset


def curve_of(dataset: xr.Dataset) -> Curve:
    """The curve of a connection's dataset."""
    kind = cast(Kind, dataset.attrs["curve"])
    return Curve(torch.from_numpy(dataset["nodes"].values), kind)


@dataclass(frozen=True, eq=False)
class CurveSearch:
    """The search for a curve between two ends, given by their parameters and statistics."""

    parts: Mapping[str, Objective]
    ends: tuple[End, End]
    path: Path
    align: bool
    points: int
    resolution: int
    seed: int

    def found(self) -> Iterator[tuple[int, xr.Dataset]]:
        """How many curves there were, and the connection by the latest that was read."""
        objective, (first, last) = next(iter(self.parts.values())), self.ends
        told: dict[Hashable, Any] = {}
        if self.align:
            told = dict(Profile(self.parts, self.ends, self.points).straight().data_vars)
            last = _reordered(objective, first, last, self.seed)
        reader = Profile(self.parts, (first, last), self.points)
        straight = reader.straight()
        if self.align:
            straight = straight.rename(
                {name: str(name).replace("straight", "aligned") for name in straight.data_vars}
            ).assign(told)
        for done, found in self._curves(reader, objective, (first, last)):
            yield done, found.assign(straight.data_vars)

    def _curves(
        self, reader: Profile, objective: Objective, ends: tuple[End, End]
    ) -> Iterator[tuple[int, xr.Dataset]]:
        shown: xr.Dataset | None = None
        curve: Curve | None = None
        told, again = -UPDATE_INTERVAL, 0.0
        first, last = (end.theta for end in ends)
        for done, curve in enumerate(self.path.connect(objective, first, last, self.seed)):
            now = time.monotonic()
            if shown is None or now > again:
                shown = reader.dataset(curve)
                took = time.monotonic() - now
                again = now + took / SHARE
            if now - told > UPDATE_INTERVAL:
                told = now
                yield done, shown
        if curve is not None:
            shown = reader.dataset(curve)
            yield self.path.curves, shown
            if self.resolution:
                plane = CurvePlane(self.parts, ends, self.points, self.resolution)
                yield self.path.curves, shown.assign(plane.columns(curve))


def _reordered(objective: Objective, first: End, last: End, seed: int) -> End:
    """The last end with its hidden units in the order nearest to the first."""
    if not isinstance(objective, ModelObjective):
        raise SpecError("align", "on", "off for a problem without a network")
    orders = matching(objective, first.theta, last.theta, seed)
    return End(
        permuted(objective, last.theta, orders), permuted_buffers(objective, last.buffers, orders)
    )
