"""Runs of which `path=` gives random projections: which planes they have, and where they lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.estimated_path import estimated
from landscape_core.planes.extent import Numbers, framed
from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.planes.through import Through
from landscape_core.storage.recorded_projection import RecordedProjection
from landscape_core.storage.state_entries import Entry

PROJECTION, ERROR, DISTANCE_ERROR = (
    "path_projection",
    "path_standard_error",
    "path_distance_relative_error",
)
"""Attributes: how many numbers of each state were recorded, by run where they differ; the largest
standard error along each axis; that of `path_distance` as a fraction of it."""

INSTEAD = (
    "a plane that does not depend on the path, as Random(), HessianEigenvectors() or"
    " Plane.through(a, b, c) of checkpoints: its axes are vectors of parameters, which random"
    " projections of the states do not give; ll.load of the file gives the principal components of"
    " the projected path"
)


@dataclass(frozen=True, eq=False)
class ProjectedRun:
    """The projections of one run; None is its name if it is alone."""

    name: str | None
    recording: RecordedProjection


@dataclass(frozen=True, eq=False)
class EstimatedPath:
    """The runs on a plane, one after the other, and standard errors (T, D) of the coordinates."""

    runs: Sequence[ProjectedRun]
    projected: ProjectedPath
    errors: Numbers

    def variables(self) -> xr.Dataset:
        """Coordinates, their standard errors and the distance by step, or by run and step.

        NaN where a run has no such step.
        """
        columns: dict[str, Numbers] = {}
        for name, values, errors in zip(
            ("alpha", "beta"), self.projected.coords.T, self.errors.T, strict=False
        ):
            columns |= {f"path_{name}": values, f"path_{name}_standard_error": errors}
        columns["path_distance"] = self.projected.distance
        steps = [run.recording.steps for run in self.runs]
        components = [run.recording.projection.components for run in self.runs]
        free = np.array(components) - self.projected.plane.dimensions
        relative = 1 / np.sqrt(2 * free)
        attrs: dict[str, Any] = {PROJECTION: components, DISTANCE_ERROR: relative.tolist()}
        if len(set(components)) == 1:
            attrs = {PROJECTION: components[0], DISTANCE_ERROR: float(relative[0])}
        attrs[ERROR] = self.errors.max(axis=0).tolist()
        if self.runs[0].name is None:
            found = {name: ("step", values) for name, values in columns.items()}
            return xr.Dataset(found, {"step": steps[0]}, attrs)
        names = np.array([run.name for run in self.runs], dtype=str)
        return xr.Dataset(_by_run(columns, steps), {"run": names, "step": _union(steps)}, attrs)


def check_rule(rule: Directions | Plane | Through | None, recorded: Sequence[ProjectedRun]) -> None:
    """Refuse a plane that depends on projected states, and the choice of one by default.

    Raises:
        SpecError: says why, and what there is instead.
    """
    if not recorded:
        return
    if rule is None:
        value = "left out, which takes the plane of the path,"
    elif isinstance(rule, Directions) and rule.needs_path:
        value = f"{type(rule).__name__}()"
    else:
        return
    raise SpecError("directions", f"{value} with {recorded[0].recording.file}", INSTEAD)


def check_network(recording: RecordedProjection, objective: ModelObjective, field: str) -> None:
    """Refuse projections of other parameters than those that move in an objective.

    Names may have the prefix of a wrapper.

    Raises:
        SpecError: says which.
    """
    shapes = dict(zip(recording.layout.names, recording.layout.shapes, strict=True))
    own = {block.name: block.shape for block in objective.layout.blocks}
    if any(list(one.items()) == list(own.items()) for _, one in Entry((), shapes).stripped()):
        return
    other = [name for name in own if shapes.get(name) != own[name]]
    other += [name for name in shapes if name not in own]
    named = ", ".join(other[:3]) or "the same in another order"
    value = f"{recording.parameters} that differ in {named}"
    accepted = f"the {objective.layout.size} of this network that require a gradient"
    raise SpecError(f"{field}: the parameters of {recording.file}", value, accepted)


def placed(
    plane: Plane,
    runs: Sequence[ProjectedRun],
    *,
    span: float = 1.0,
    ends: tuple[float, float, float, float] | None = None,
) -> EstimatedPath:
    """Estimate where runs lie on a plane, and choose the rectangle that is shown.

    That of a plane with an explained variance ratio shows them, as in `project`.

    Raises:
        PlaneError: the plane is one of other parameters.
    """
    size = runs[0].recording.parameters
    if len(plane.origin) != size:
        raise PlaneError(
            f"the plane has {len(plane.origin)} parameters; those recorded are {size}."
        )
    each = [estimated(plane, run.recording.rows, run.recording.projection) for run in runs]
    coords = np.concatenate([one.coords for one in each])
    distance = np.concatenate([one.distance for one in each])
    middle, half = np.zeros(plane.dimensions), np.ones(plane.dimensions)
    if plane.explained_variance_ratio is not None:
        frame = framed(coords)
        middle, half = frame.middle, frame.half
    low, high = middle - span * half, middle + span * half
    if ends is not None:
        low, high = (np.array(ends[side::2], dtype=float)[: plane.dimensions] for side in (0, 1))
    rows = runs[0].recording.rows
    moved = max(float(np.linalg.norm(rows - rows[0], axis=1).max()), 1e-300)
    projected = ProjectedPath(plane, low, high, coords, distance, distance / moved)
    return EstimatedPath(runs, projected, np.concatenate([one.errors for one in each]))


def _union(steps: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.unique(np.concatenate(steps))


def _by_run(columns: dict[str, Numbers], steps: Sequence[npt.NDArray[Any]]) -> dict[str, Any]:
    """Columns of all runs, one after the other, as tables (run, step)."""
    union = _union(steps)
    rows = np.repeat(np.arange(len(steps)), [len(one) for one in steps])
    places = np.searchsorted(union, np.concatenate(steps))
    tables: dict[str, Any] = {}
    for name, values in columns.items():
        table = np.full((len(steps), len(union)), math.nan)
        table[rows, places] = values
        tables[name] = (("run", "step"), table)
    return tables
