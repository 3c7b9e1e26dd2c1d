"""Datasets in files of every format that is read or written; the name of the file says which."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.storage import atomic_files, loss_landscape_h5, netcdf, schema
from landscape_core.storage.file_endings import MESH, OPTIONS, check_ending
from landscape_core.storage.mesh_files import obj_text, vtp_text
from landscape_core.storage.recorded_projection import path_components, projection_in
from landscape_core.storage.recorded_states import PROJECTED
from landscape_core.storage.slice_mesh import mesh_of
from landscape_core.storage.tables import csv_text, json_text

PATH = ("path_alpha", "path_beta")


def load(
    path: str | Path, *, projection: str | Path | None = None, first_index: str | None = None
) -> xr.Dataset:
    """Read a dataset: netCDF as `save` writes it, or a file of the program loss-landscape (.h5).

    Of the latter a surface gives a slice, and a projection `path_alpha` and `path_beta` (step),
    which have no losses. What a surface does not hold yet is NaN. Of a file of
    `record(projection=)` these are the coordinates along the first two principal components of the
    path, as its random projections give them, with their `explained_variance_ratio` (axis).

    Args:
        path: the file.
        projection: a projection file, whose trajectory is put onto the slice.
        first_index: what the first index of the losses of a surface counts: `x`, or `y` as in files
            that plot_surface.py has filled; by default x, with a warning where it matters.

    Raises:
        MissingDataError: no such file, or no regular one.
        FileFormatError: a file of another format, a damaged one, one of another version of the
            schema, or one that refers to other files or declares more than it holds.
        SpecError: a projection for what is no slice of a plane or has a path, or a first index for
            what is no surface; or projected states that do not move in two directions.
    """
    path = Path(path)
    kind = loss_landscape_h5.kind_of(path) if loss_landscape_h5.is_named_so(path) else ""
    if kind == loss_landscape_h5.DIRECTIONS:
        raise FileFormatError(
            f"{path} holds directions, no losses: GivenVectors(file=...) takes it"
            " (--directions given on the command line)."
        )
    if kind == loss_landscape_h5.SURFACE:
        found = loss_landscape_h5.read_surface(path, first_index)
    elif first_index is not None:
        raise SpecError("first_index", first_index, "left out for what is no surface (.h5)")
    elif kind == loss_landscape_h5.PROJECTION:
        found = loss_landscape_h5.read_projection(path)
    else:
        found = netcdf.load(path)
        if PROJECTED in found:
            found = path_components(projection_in(found, path))
    return found if projection is None else with_projection(found, load(projection))


def is_projection(dataset: xr.Dataset) -> bool:
    """Whether this is a trajectory on a plane without the plane, as a projection file gives it."""
    return set(dataset.data_vars) == set(PATH)


def with_projection(slice_: xr.Dataset, projection: xr.Dataset) -> xr.Dataset:
    """A slice with the trajectory of a projection file on it.

    Raises:
        SpecError: it is no slice of a plane, it has a path, or the other is no projection.
    """
    if not is_projection(projection):
        raise SpecError("projection", sorted(map(str, projection.data_vars)), "a projection file")
    if schema.LOSS not in slice_ or not set(PATH_SIDES) <= set(slice_.dims):
        accepted = "for a slice of two dimensions: loss (split, beta, alpha)"
        raise SpecError("projection", sorted(map(str, slice_.data_vars)), accepted)
    if PATH[0] in slice_:
        raise SpecError("projection", "a second path", "left out: this slice has a path")
    return slice_.assign({name: projection[name] for name in PATH})


PATH_SIDES = (schema.ALPHA, schema.BETA)


def save(
    dataset: xr.Dataset,
    path: str | Path,
    *,
    split: str | None = None,
    variable: str | None = None,
    scale: str | None = None,
    path_line: bool = True,
) -> None:
    """Write a dataset in the format that the name of the file says, whole or not at all.

    `.nc` (netCDF) holds all there is, `.json` as well, with NaN and infinity as null. `.csv` has a
    row for each point of a slice. `.vtp` (for ParaView, PyVista, VTK) and `.obj` are the slice as
    a surface of triangles without the points that are not finite, of heights that are multiplied by
    a factor that the file states, and the path as a line.

    Args:
        dataset: what is written.
        path: the file.
        split: of a table, a surface or a line: which part of the data; by default every one of a
            table, and `train` of a surface.
        variable: of a surface: the heights; by default the loss.
        scale: of a surface: `linear` (by default) or `log`, the decimal logarithm.
        path_line: of a surface: whether the path is in the file.

    Raises:
        SpecError: another ending, or a value that is not accepted.
        FileFormatError: no slice, where one is needed.
        OSError: the place cannot be written to, or holds something else than a regular file.
    """
    path = Path(path)
    options = {"split": split, "variable": variable, "scale": scale}
    made = content(dataset, path, **options, path_line=path_line)
    atomic_files.check_target(path)
    atomic_files.write(path, [made])


def content(
    dataset: xr.Dataset,
    path: Path,
    *,
    split: str | None = None,
    variable: str | None = None,
    scale: str | None = None,
    path_line: bool = True,
) -> bytes:
    """The bytes of the file that `save` would write; arguments and errors as there."""
    ending = check_ending(path)
    given = {"split": split, "variable": variable, "scale": scale}
    for name, value in given.items():
        if value is not None and name not in OPTIONS[ending]:
            raise SpecError(name, value, f"left out for a {ending} file")
    if not isinstance(dataset, xr.Dataset):
        raise SpecError("dataset", type(dataset).__name__, "an xarray.Dataset")
    chosen = {name: value for name, value in given.items() if value is not None}
    more = {"path_line": path_line} if OPTIONS[ending] == MESH else {}
    return WRITERS[ending](dataset, **chosen, **more)


def _vtp(dataset: xr.Dataset, **chosen: Any) -> bytes:
    return vtp_text(mesh_of(dataset, **chosen)).encode()


def _obj(dataset: xr.Dataset, **chosen: Any) -> bytes:
    return obj_text(mesh_of(dataset, **chosen)).encode()


def _csv(dataset: xr.Dataset, **chosen: Any) -> bytes:
    return csv_text(dataset, **chosen).encode()


def _json(dataset: xr.Dataset) -> bytes:
    return json_text(dataset).encode()


WRITERS: dict[str, Callable[..., bytes]] = {
    ".nc": netcdf.to_bytes,
    ".csv": _csv,
    ".json": _json,
    ".vtp": _vtp,
    ".obj": _obj,
}
"""What makes the bytes of a file, by its ending."""
