"""HDF5 files of the program loss-landscape: surfaces, directions, projected trajectories.

Li, Xu, Taylor, Studer and Goldstein, "Visualizing the Loss Landscape of Neural Nets", 2018;
github.com/tomgoldstein/loss-landscape. `plot_surface.py` writes a surface: `xcoordinates`,
`ycoordinates` (a line has none), `train_loss`, `train_acc`, `test_loss` and `test_acc`, -1 where
nothing is computed yet, accuracies in percent (other programs write fractions). `net_plotter.py`
writes the groups `xdirection` and `ydirection`, a tensor each parameter or each entry of the state
dictionary. `projection.py` writes `proj_xcoord` and `proj_ycoord`, a number each checkpoint.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.foundation.errors import FileFormatError, LandscapeError, SpecError
from landscape_core.storage import netcdf, schema
from landscape_core.storage.bounded_files import check_memory, check_regular
from landscape_core.storage.hdf5_contents import check_contents, is_bare

Floats = npt.NDArray[np.float64]

ENDINGS = (".h5", ".hdf5")
"""How the names of such files end."""

SURFACE, DIRECTIONS, PROJECTION = "surface", "directions", "projection"

MARKS = {"xcoordinates": SURFACE, "xdirection": DIRECTIONS, "proj_xcoord": PROJECTION}
"""What the root of a file holds, and the kind of file that this tells."""

SPLITS = ("train", "test")

MISSING = -1.0
"""The loss and the accuracy of a point that is not computed yet."""

PERCENT = 100.0

FRACTIONS = (
    "{}: no accuracy is above 1, so accuracies are read as fractions. plot_surface.py writes"
    " percentages; if these are percentages, divide the accuracy by 100."
)

UNIT = "accuracies_read_as"
"""The attribute of a surface that says what its accuracies were taken for."""

FIRST_INDICES = ("x", "y")
"""What the first index of the losses of a plane can count."""

UNSAID = (
    "{} is read with x as the first index of its losses, as its shape says. plot_surface.py itself "
    "fills them with y as the first one: load such a file with first_index='y', and this one with "
    "first_index='x' (--first-index on the command line)."
)

NOT_COMPUTED = "not_computed"
"""The attribute of a surface that counts the points of each split that are not computed."""


def is_named_so(path: Path) -> bool:
    """Whether a file has the name of an HDF5 file, as all of these have."""
    return path.suffix.lower() in ENDINGS


def kind_of(path: Path) -> str:
    """Which kind of file of loss-landscape this is; empty for any other HDF5 file.

    Raises:
        MissingDataError: there is no such regular file.
        FileFormatError: it is no HDF5 file, is damaged, refers to other files, or declares more
            than it holds.
    """
    with _opened(path) as file:
        return next((kind for name, kind in MARKS.items() if name in file), "")


def read_surface(path: Path, first_index: str | None = None) -> xr.Dataset:
    """The slice in a surface file: loss and accuracy (split, beta, alpha), computed (beta, alpha).

    What is not computed is NaN; a point of which one split is computed is `computed`, and the
    attribute `not_computed` counts the points that are missing, of each split. Accuracies are
    fractions in the dataset; those of the file are taken for percentages, and for fractions, with a
    warning, where none is above 1, as the attribute `accuracies_read_as` says. The names of what
    else the file holds are the attribute `not_read`.

    Args:
        path: the file.
        first_index: what the first index of the losses of a plane counts, `x` or `y`; None: x, with
            a warning where the other one would give another slice.

    Raises:
        SpecError: another first index.
        FileFormatError: as `kind_of`; or coordinates or values are missing or of wrong shapes.
    """
    if first_index not in (None, *FIRST_INDICES):
        raise SpecError("first_index", first_index, "x or y")
    with _opened(path) as file:
        names = ("xcoordinates", "ycoordinates") if "ycoordinates" in file else ("xcoordinates",)
        sides = [_coordinates(file, name, path) for name in names]
        splits = [split for split in SPLITS if f"{split}_loss" in file]
        if not splits:
            raise FileFormatError(f"{path} must hold train_loss or test_loss; it holds neither.")
        shape = tuple(len(side) for side in sides)
        stored = {
            name: _values(file, name, shape, path)
            for split in splits
            for name in (f"{split}_loss", f"{split}_acc")
            if name in file
        }
        attrs = _attributes(file, path, {*names, *stored, "dir_file"})
    if len(shape) == 2:
        attrs |= {"first_index": first_index or "x"}
        attrs["notice"] += f" (first index {attrs['first_index']})"
    grids = {name: _grid(values, first_index or "x") for name, values in stored.items()}
    found = _slice(grids, sides, splits, attrs, path)
    if len(shape) == 2:
        _tell_order(stored, path, first_index)
    return found


def read_projection(path: Path) -> xr.Dataset:
    """The trajectory in a projection file: path_alpha and path_beta (step), numbered from 0.

    Raises:
        FileFormatError: as `kind_of`; or the two are no lists of numbers of equal length.
    """
    with _opened(path) as file:
        found = [_numbers(file, name, path) for name in ("proj_xcoord", "proj_ycoord")]
    if found[0].ndim != 1 or found[0].shape != found[1].shape:
        shapes = " and ".join(str(one.shape) for one in found)
        raise FileFormatError(
            f"{path}: proj_xcoord and proj_ycoord must be lists of equal length; their shapes are"
            f" {shapes}."
        )
    columns = {f"path_{side}": ("step", one) for side, one in zip(SIDES, found, strict=True)}
    notice = f"{path.name} of loss-landscape"
    return xr.Dataset(columns, {"step": np.arange(len(found[0]))}, {"notice": notice})


def read_directions(path: Path) -> list[list[npt.NDArray[Any]]]:
    """The tensors of each direction in a direction file, one direction or two, in their order.

    Raises:
        FileFormatError: as `kind_of`; or a direction is no group of numbered tensors.
    """
    with _opened(path) as file:
        if "xdirection" not in file:
            raise FileFormatError(f"{path} must hold the group xdirection; it does not.")
        names = [name for name in ("xdirection", "ydirection") if name in file]
        return [_tensors(file, name, path) for name in names]


SIDES = (schema.ALPHA, schema.BETA)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """A file whose contents are checked before any of it is read."""
    check_memory(path, check_regular(path))
    try:
        with h5py.File(path, "r") as file:
            check_contents(file, path)
            yield file
    except LandscapeError:
        raise
    except netcdf.DAMAGE as error:
        raise FileFormatError(f"{path} cannot be read as HDF5: {error}") from error


def _array(group: h5py.Group, name: str, path: Path) -> npt.NDArray[Any]:
    """A stored array of real numbers."""
    found = group.get(name)
    shown = f"{path}: {group.name.rstrip('/')}/{name}"
    if not isinstance(found, h5py.Dataset) or found.shape is None or is_bare(found):
        raise FileFormatError(f"{shown} must be an array; it is none.")
    if found.dtype.kind not in "fiu":
        raise FileFormatError(f"{shown} must hold real numbers; it holds {found.dtype}.")
    return np.asarray(found[()])


def _numbers(file: h5py.File, name: str, path: Path) -> Floats:
    return _array(file, name, path).astype(np.float64)


def _coordinates(file: h5py.File, name: str, path: Path) -> Floats:
    """The coordinates along a side, finite and each once."""
    found = _numbers(file, name, path)
    if found.ndim != 1 or not found.size:
        raise FileFormatError(f"{path}: {name} must be a list; its shape is {found.shape}.")
    if not np.isfinite(found).all() or len(np.unique(found)) < len(found):
        raise FileFormatError(f"{path}: {name} must hold finite numbers, each once.")
    return found


def _values(file: h5py.File, name: str, shape: tuple[int, ...], path: Path) -> Floats:
    """Losses or accuracies, a number for each point."""
    found = _numbers(file, name, path)
    if found.shape != shape:
        raise FileFormatError(
            f"{path}: {name} must have the shape {shape}, a number for each coordinate; its shape"
            f" is {found.shape}."
        )
    return found


def _tensors(file: h5py.File, name: str, path: Path) -> list[npt.NDArray[Any]]:
    """The numbered tensors of a direction."""
    group = file[name]
    if not isinstance(group, h5py.Group) or set(group) != {str(n) for n in range(len(group))}:
        raise FileFormatError(f"{path}: {name} must be a group of tensors named 0, 1, 2 and so on.")
    return [_array(group, str(number), path) for number in range(len(group))]


def _attributes(file: h5py.File, path: Path, read: set[str]) -> dict[str, Any]:
    """Where a slice comes from, and what of the file is not in it."""
    attrs: dict[str, Any] = {"notice": f"{path.name} of loss-landscape"}
    found = file.get("dir_file")
    if isinstance(found, h5py.Dataset) and found.shape == ():
        text = h5py.check_string_dtype(found.dtype)
        attrs |= {"dir_file": found.asstr(errors="replace")[()]} if text is not None else {}
    rest = sorted(set(file) - read)
    return attrs | ({"not_read": rest} if rest else {})


def _tell_order(stored: dict[str, Floats], path: Path, first_index: str | None) -> None:
    """Warn where the order of the indices matters and nobody has said it."""
    if first_index is None and any(
        not np.array_equal(_grid(one, "x"), _grid(one, "y"), equal_nan=True)
        for one in stored.values()
    ):
        warnings.warn(UNSAID.format(path), stacklevel=4)


def _grid(values: Floats, first_index: str) -> Floats:
    """Values (beta, alpha) or (alpha,) of values as they are stored.

    With y as the first index they are in the order of `numpy.meshgrid(x, y)`, row by row, whatever
    the shape says: so does `scheduler.py` of loss-landscape enumerate the points.
    """
    return values.T if first_index == "x" else values.reshape(values.shape[::-1])


def _slice(
    grids: dict[str, Floats],
    sides: Sequence[Floats],
    splits: list[str],
    attrs: dict[str, Any],
    path: Path,
) -> xr.Dataset:
    """The dataset of values (beta, alpha) by their names in the file, sides in rising order."""
    losses = np.stack([grids[f"{split}_loss"] for split in splits])
    known = losses != MISSING
    nothing = np.full(losses.shape[1:], MISSING)
    measured = np.stack([grids.get(f"{split}_acc", nothing) for split in splits])
    measured = np.where(known & (measured != MISSING), measured, np.nan)
    largest = float(np.nanmax(measured, initial=0.0))
    unit = 1.0 if 0 < largest <= 1 else PERCENT
    if unit == 1.0:
        warnings.warn(FRACTIONS.format(path), stacklevel=4)
    if ((measured < 0) | (measured > PERCENT)).any():
        raise FileFormatError(
            f"{path}: accuracies must be percentages, from 0 to 100; they are from"
            f" {np.nanmin(measured):g} to {np.nanmax(measured):g}."
        )
    dims = SIDES[: len(sides)][::-1]
    variables: dict[str, Any] = {
        schema.LOSS: ((schema.SPLIT, *dims), np.where(known, losses, np.nan)),
        schema.COMPUTED: (dims, known.any(axis=0)),
    }
    if any(f"{split}_acc" in grids for split in splits):
        variables["accuracy"] = ((schema.SPLIT, *dims), measured / unit)
        attrs = attrs | {UNIT: "fractions" if unit == 1.0 else "percentages"}
    if not known.all():
        attrs = attrs | {NOT_COMPUTED: [int((~one).sum()) for one in known]}
    coords = {schema.SPLIT: splits, **dict(zip(SIDES, sides, strict=False))}
    return schema.check(xr.Dataset(variables, coords, attrs).sortby(list(dims)))
