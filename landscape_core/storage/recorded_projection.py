"""Random projections of the states of a network that were recorded in training, in one file.

Each row of `projected_state` (step, component) is R theta of the parameters theta (P,) that require
a gradient, laid end to end; `tensor`, `tensor_shape` and `tensor_dtype` (tensor) list these. The
attributes `projection_seed` and `projection_block` determine R; `projection_check` are its first
entries.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.storage import netcdf
from landscape_core.storage.random_projection import ENTRIES, Numbers, RandomProjection
from landscape_core.storage.recorded_states import (
    PROJECTED,
    RecordedStates,
    StateLayout,
    layout_in,
    layout_variables,
    states_in,
)

SEED, BLOCK, CHECK = "projection_seed", "projection_block", "projection_check"
"""The attributes that determine R, and its first entries."""

FEWEST, MOST = 10, 2**16
"""How many numbers of a state are kept, at least and at most."""

AXES = ("alpha", "beta")


@final
@dataclass(frozen=True, eq=False)
class RecordedProjection:
    """The projections (T, K) of states, after how many steps each was recorded, and by which R."""

    layout: StateLayout
    steps: npt.NDArray[Any]
    rows: Numbers
    projection: RandomProjection
    file: str

    def __len__(self) -> int:
        """The number of recorded states."""
        return len(self.steps)

    @property
    def parameters(self) -> int:
        """P, how many numbers a state has."""
        return sum(math.prod(shape) for shape in self.layout.shapes)

    def dataset(self) -> xr.Dataset:
        """The projections as they are written into a file."""
        columns, names = layout_variables(self.layout)
        return xr.Dataset(
            columns | {PROJECTED: (("step", "component"), self.rows)},
            {"step": self.steps, "tensor": names},
            {
                SEED: self.projection.seed,
                BLOCK: self.projection.block,
                CHECK: self.projection.checked(),
            },
        )


def recorded(path: Path) -> RecordedStates | RecordedProjection:
    """The states in a file that `record` has written, or their projections.

    Raises:
        MissingDataError: there is no such file.
        FileFormatError: it is none of netCDF, damaged, or holds no recorded states.
    """
    found = netcdf.load(path)
    return projection_in(found, path) if PROJECTED in found else states_in(found, path)


def projection_in(found: xr.Dataset, path: Path) -> RecordedProjection:
    """The projections that a dataset of a file holds.

    Raises:
        FileFormatError: it is damaged, or NumPy draws other random numbers than when it was made.
    """
    damaged = FileFormatError(f"{path} is a damaged file of projected states.")
    try:
        layout = layout_in(found)
        steps, rows = found["step"].values, found[PROJECTED].values
        seed, block = int(found.attrs[SEED]), int(found.attrs[BLOCK])
        check = np.atleast_1d(np.asarray(found.attrs[CHECK], np.float64))
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise damaged from error
    if steps.dtype.kind != "i" or rows.dtype != np.float64 or rows.ndim != 2:
        raise damaged
    count, components = rows.shape
    fits = FEWEST <= components <= MOST and 0 < block <= max(1, ENTRIES // components)
    if not fits or not layout.is_valid or steps.shape != (count,) or len(set(steps.flat)) != count:
        raise damaged
    projection = RandomProjection(components, seed, block)
    if not np.isfinite(rows).all() or check.tolist() != projection.checked():
        raise FileFormatError(
            f"{path} is damaged, or this version of NumPy draws other random numbers than the one"
            " that recorded it."
        )
    return RecordedProjection(layout, steps, rows, projection, str(path))


def path_components(recording: RecordedProjection) -> xr.Dataset:
    """The principal components of a projected path, estimated from its projections alone.

    `path_alpha` and `path_beta` (step) are the coordinates along the first two, around the mean of
    the path; `explained_variance_ratio` (axis) and its standard error, to leading order in
    1/sqrt(K). The attribute `path_distance_relative_error` is the standard error of the distance of
    two states as a fraction of it: 1/sqrt(2K).

    Raises:
        SpecError: fewer than three states, or a path that does not move in two directions.
    """
    if len(recording) < 3:
        raise SpecError("a projected path", f"{len(recording)} states", "at least 3")
    moves = recording.rows - recording.rows.mean(axis=0)
    left, lengths, _ = np.linalg.svd(moves, full_matrices=False)
    rounding = 1e-12 * float(np.linalg.norm(recording.rows))
    if lengths[1] <= rounding:
        raise SpecError("a projected path", "on a line or a point", "one that moves in a plane")
    shares = np.square(lengths) / np.square(lengths).sum()
    # Along each principal direction R multiplies the variance by an independent chi^2_K / K.
    spread = np.square(1 - shares) + np.square(shares).sum() - np.square(shares)
    components = recording.projection.components
    errors = shares * np.sqrt(2 / components * spread)
    coords = left[:, :2] * lengths[:2]
    coords *= np.where(coords[-1] < coords[0], -1.0, 1.0)
    return xr.Dataset(
        {f"path_{name}": ("step", coords[:, at]) for at, name in enumerate(AXES)}
        | {
            "explained_variance_ratio": ("axis", shares[:2]),
            "explained_variance_ratio_standard_error": ("axis", errors[:2]),
        },
        {"step": recording.steps, "axis": list(AXES)},
        {
            "path_projection": components,
            "path_distance_relative_error": 1 / math.sqrt(2 * components),
        },
    )
