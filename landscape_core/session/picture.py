"""A complete picture of a run at one moment: slice, trajectory, readings, side results."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import xarray as xr

from landscape_core.models.weight_change import WeightChange
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.recorder import Entry
from landscape_core.training.run import Run

Status = Literal["ready", "running", "paused", "finished", "diverged"]


@dataclass(frozen=True)
class Readings:
    """The numbers at a state; `values` as `train_loss`, `test_accuracy`."""

    step: int
    epoch: float
    seconds: float
    values: dict[str, float]


@dataclass(frozen=True)
class Point:
    """A point of a picture and the measures of the network there; `values` as in readings.

    Where weights were changed by hand, these are the `changes`, and the network lies off the plane,
    at a Euclidean `distance`; alpha and beta are then those of its projection. It is `passing`
    where a mouse is over it, which will be elsewhere in a moment.
    """

    alpha: float
    beta: float
    values: dict[str, float]
    distance: float = 0.0
    changes: tuple[WeightChange, ...] = ()
    passing: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """One complete picture of a run, in named arrays.

    `seen` is the recorded step that is inspected; the readings, the boundary and the studies are of
    it. Where `point` is given, the boundary is that of the network there. `path` and `curves` are
    of the whole run, also where an earlier step is inspected.

    `path` holds the projection (alpha, beta) of each recorded iterate, its true loss, its distance
    from the plane, and `off`, that distance divided by the largest distance of any iterate from the
    start. `curvature` holds the curvature along the run, where that was asked for, and `studies`
    the results for the inspected iterate, by the name of the study. `captured` is the fraction of
    the squared distance from the start, summed over all iterates, that lies in the plane. `notice`
    says why the plane is not the one asked for, or is empty. `standard_error` is that of the mean
    loss at the inspected iterate, where the slice uses only some of the examples. `network` is what
    the network is at the inspected iterate or the point, where that was asked for; see
    `network_dataset`. `stays` says that the plane is the same at every step of the run.
    """

    run: Run
    spec: SliceSpec
    status: Status
    readings: Readings
    slice: xr.Dataset
    path: xr.Dataset
    curves: xr.Dataset
    boundary: xr.Dataset | None
    points: xr.Dataset | None
    captured: float
    notice: str
    standard_error: float = 0.0
    curvature: xr.Dataset | None = None
    studies: Mapping[str, xr.Dataset] = field(default_factory=dict)
    seen: int = 0
    point: Point | None = None
    network: xr.Dataset | None = None
    stays: bool = False


def under(path: xr.Dataset, slice_: xr.Dataset, split: str) -> xr.Dataset:
    """The path with the loss of the picture `under` it, interpolated; NaN outside the picture."""
    from scipy.interpolate import interpn

    shown = slice_["loss"].sel(split=split)
    with np.errstate(invalid="ignore"):  # beside an infinite value there is none
        below = interpn(
            (shown["beta"].values, shown["alpha"].values),
            shown.values,
            np.stack([path["beta"].values, path["alpha"].values], axis=1),
            bounds_error=False,
            fill_value=np.nan,
        )
    return path.assign(under=("step", below))


def projected_path(entries: Sequence[Entry], projected: ProjectedPath) -> xr.Dataset:
    """The recorded iterates on the plane by step: alpha, beta, loss, distance, off."""
    columns = {
        **projected.columns(),
        "loss": np.array([entry.values.get("train_loss", math.nan) for entry in entries]),
        "distance": projected.distance,
        "off": projected.relative_distance,
    }
    steps = np.array([entry.state.index for entry in entries])
    return xr.Dataset({n: ("step", values) for n, values in columns.items()}, {"step": steps})
