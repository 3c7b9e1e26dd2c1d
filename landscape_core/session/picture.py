"""What is seen of a run: which slice is asked for, and one complete picture of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.planes.plane import Plane
from landscape_core.session.view import View
from landscape_core.slices.grid import Grid
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
    """A place on a picture and what was measured of the network there; `values` as in readings."""

    alpha: float
    beta: float
    values: dict[str, float]


@dataclass(frozen=True, eq=False)
class Picture:
    """One complete look at a run, in named arrays.

    `seen` is the recorded step that is looked at; the readings, the boundary and the studies are of
    it. Where `point` is given, the boundary is that of the network there. `path` and `curves` are
    of the whole run, also where an earlier step is looked at.

    `path` holds the shadow (alpha, beta) of each recorded iterate, its distance from the plane, how
    far `off` that is as a share of the way the run has gone, and its true loss. `curvature` holds
    what was measured of the curvature along the run, where that was asked for, and `studies` what
    was found of the present point, by the name of the study. `captured` is the share of the squared
    motion since the start that lies in the plane. `notice` says why the plane is not the one asked
    for, or is empty. `standard_error` is that of the mean loss at the present point, where the
    slice uses only some of the examples.
    """

    run: Run
    view: View
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


@dataclass(frozen=True, eq=False)
class Seen:
    """A plane, the rectangle of it that is shown, and the path's shadow on it.

    `distance` is how far each iterate lies off the plane, `off` the same as a share of the farthest
    that any has moved, and `captured` the share of the squared motion that lies along the plane.
    """

    plane: Plane
    middle: npt.NDArray[np.float64]
    half: npt.NDArray[np.float64]
    coords: npt.NDArray[np.float64]
    distance: torch.Tensor
    off: torch.Tensor
    captured: float

    def grid(self, resolution: int) -> Grid:
        """The points that are shown, so many along each side."""
        low, high = self.middle - self.half, self.middle + self.half
        return Grid(
            resolution=resolution,
            alpha_low=low[0],
            alpha_high=high[0],
            beta_low=low[-1],
            beta_high=high[-1],
        )

    def path(self, steps: npt.NDArray[np.int64], losses: npt.NDArray[np.float64]) -> xr.Dataset:
        """The path's shadow by step, with the true losses of its iterates."""
        return xr.Dataset(
            {
                "alpha": ("step", self.coords[:, 0]),
                "beta": ("step", self.coords[:, 1]),
                "loss": ("step", losses),
                "distance": ("step", self.distance.numpy(force=True)),
                "off": ("step", self.off.numpy(force=True)),
            },
            {"step": steps},
        )
