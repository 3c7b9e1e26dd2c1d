"""The same place on many random planes: a single one is a sample of size one.

With n planes, the standard error of a figure's mean is s / sqrt(n), s being the standard deviation
with n - 1 (Cochran, Sampling Techniques, 1977, section 2.4).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from landscape_core.analysis.slice_metrics import slice_metrics
from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import canonical, name_of, to_plain
from landscape_core.foundation.registry import find
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Directions
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.plane_of_slice import without_plane
from landscape_core.slices.probe import Probe
from landscape_core.slices.slice import compute_slice
from landscape_core.storage.store import Store

PLANE, STATISTIC = "plane", "statistic"
"""Dimensions: the planes of an ensemble; what is said of a figure over them."""

STATISTICS = ("mean", "standard deviation", "standard error")

SPREAD = "_spread"
"""How the variable ends that holds the statistics of a figure."""

GRID = Grid.square(1.0, 25)

JOIN: Any = {
    "data_vars": "all",
    "coords": "minimal",
    "compat": "override",
    "join": "exact",
    "combine_attrs": "drop_conflicts",
}


@public_call
def ensemble(
    parts: Mapping[str, ModelObjective],
    directions: Directions | str,
    *,
    planes: int = 9,
    grid: Grid = GRID,
    seed: int = 0,
    store: Store | None = None,
) -> Iterator[xr.Dataset]:
    """Exact slices through one centre, after each plane those so far: loss (plane, split, ...).

    The coordinate `seed` (plane,) says which directions each was drawn with: `seed`, `seed` + 1 and
    so on, as `landscape` and `probe_of` draw them. One plane alone is `isel(plane=0)`, a slice.

    Args:
        parts: the data, by the name of its split; the centre is where the first part starts.
        directions: a rule that draws, or its name.
        planes: how many.
        grid: which points of each.
        seed: of the first plane.
        store: keeps each slice.

    Raises:
        SpecError: no planes, no parts, no rule, or one that needs a path; before any work.
        PlaneError: a rule that gives the same plane for every seed; before any slice.
    """
    if planes < 1:
        raise SpecError("planes", planes, "at least 1")
    accepted = "a rule that draws its plane, for instance random"
    if isinstance(directions, str):
        directions = find(Directions, directions)()
    if not isinstance(directions, Directions):
        raise SpecError("directions", type(directions).__name__, accepted)
    if directions.needs_path:
        raise SpecError("directions", name_of(type(directions)), accepted)
    first = [probe_of(parts, directions, seed=seed + i) for i in range(min(planes, 2))]
    _check_drawn(first)
    about = {"directions": canonical(to_plain(directions))}
    slices: list[xr.Dataset] = []
    for i in range(planes):
        read = first[i] if i < 2 else probe_of(parts, directions, seed=seed + i)
        *_, last = compute_slice(read, grid, about, store=store)
        slices.append(without_plane(last))  # each is the rule's for its seed
        yield _joined(slices, seed)


def spread(ensemble_: xr.Dataset, split: str = "train", scale: str = "linear") -> xr.Dataset:
    """Every metric by plane, `<figure>` (plane,), and `<figure>_spread` (statistic,).

    Statistics are the mean over planes, the standard deviation (n - 1) and the standard error of
    the mean. A figure that is NaN on one plane has NaN statistics, and the last two are NaN where
    there is one plane.

    Args:
        ensemble_: what `ensemble` yields.
        split: which part of the data.
        scale: `linear` or `log` heights.

    Raises:
        SpecError: no ensemble, or an unknown split or scale.
    """
    if PLANE not in ensemble_.dims:
        raise SpecError("ensemble", tuple(ensemble_.dims), "a dataset with the dimension 'plane'")
    count = ensemble_.sizes[PLANE]
    each = [slice_metrics(ensemble_.isel({PLANE: i}), split, scale) for i in range(count)]
    table = xr.concat(each, dim=PLANE, **JOIN).assign_coords({PLANE: ensemble_[PLANE]})
    statistics = {
        f"{name}{SPREAD}": (STATISTIC, _statistics(column.values), column.attrs)
        for name, column in table.data_vars.items()
    }
    return table.assign(statistics).assign_coords({STATISTIC: list(STATISTICS)})


def _check_drawn(reads: Sequence[Probe]) -> None:
    """Refuse planes that do not depend on the seed."""
    if len(reads) > 1 and torch.equal(reads[0].plane.axes, reads[1].plane.axes):
        raise PlaneError("the planes of an ensemble must differ; these directions ignore the seed.")


def _joined(slices: Sequence[xr.Dataset], seed: int) -> xr.Dataset:
    joined = xr.concat(slices, dim=PLANE, **JOIN)
    for name in joined.data_vars:
        joined[name].values.flags.writeable = False
    drawn = {"long_name": "seed of the directions"}
    numbers = np.arange(len(slices))
    return joined.assign_coords({PLANE: numbers, "seed": (PLANE, seed + numbers, drawn)})


def _statistics(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    """The mean of values (n,), their standard deviation and the standard error of the mean."""
    deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return [float(values.mean()), deviation, deviation / math.sqrt(len(values))]
