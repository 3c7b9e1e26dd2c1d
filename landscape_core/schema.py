"""Named data at the border: what a slice is called inside, and any dataset as one netCDF file.

A slice has the dimensions (split, beta, alpha), a line (split, alpha). Its variables are measures,
`loss` at least, and the mask `computed` of those points that are not interpolated. Coordinates
count multiples of the plane's axes.
"""

import io
import json
import secrets
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from landscape_core.errors import FileFormatError, MissingDataError

SPLIT, ALPHA, BETA = "split", "alpha", "beta"
"""Dimensions: the part of the data; along the first and along the second axis."""

COMPUTED = "computed"
"""The variable that says which points were computed."""

LOSS = "loss"
"""The one measure that every slice has."""

UNITS = "multiples of the axis"
"""The unit of alpha and beta."""

AS_JSON = "attributes_in_json"
"""The attribute of a file that names those attributes that netCDF cannot hold as they are."""


def check(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset itself, if it is a slice.

    Raises:
        FileFormatError: a variable or coordinate is missing, or has other dimensions.
    """
    _needs((LOSS, COMPUTED), set(dataset.data_vars), "variable")
    mask = dataset[COMPUTED]
    if mask.dims not in ((ALPHA,), (BETA, ALPHA)):
        raise _wrong(COMPUTED, mask.dims, "('alpha',) or ('beta', 'alpha')")
    if mask.dtype != bool:
        raise FileFormatError(f"'computed' must be boolean; it is {mask.dtype}.")
    dims = (SPLIT, *mask.dims)
    _needs(dims, set(dataset.coords), "coordinate")
    for name in map(str, dataset.data_vars):
        variable = dataset[name]
        if variable.dims != dims and (SPLIT in variable.dims or name == LOSS):
            raise _wrong(name, variable.dims, str(dims))
    return dataset


def save(dataset: xr.Dataset, path: Path) -> None:
    """Write a dataset as one netCDF file, whole or not at all.

    Raises:
        OSError: the place cannot be written to.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}.")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        # In memory first: HDF5 does not survive a disk that fills up under it.
        content = io.BytesIO()
        _encoded(dataset).to_netcdf(content, engine="h5netcdf")
        beside.write_bytes(content.getbuffer())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: Path) -> xr.Dataset:
    """Read what `save` wrote, wholly into memory.

    Raises:
        MissingDataError: no such file.
        FileFormatError: not a netCDF file, or a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingDataError(f"{path}: no such file.")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            return _decoded(opened.load())
    # HDF5 reports damage by whatever its parts happen to meet.
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path} cannot be read as netCDF: {error}") from error


def _encoded(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with attributes that netCDF can hold: text and numbers; others as JSON."""
    others = sorted(str(key) for key, value in dataset.attrs.items() if not _holds(value))
    texts = {key: json.dumps(dataset.attrs[key]) for key in others}
    return dataset.assign_attrs({**texts, AS_JSON: json.dumps(others)})


def _decoded(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset as it was: attributes as they were written, words as fixed-width text."""
    attrs = {name: _plain(value) for name, value in dataset.attrs.items()}
    for name in json.loads(attrs.pop(AS_JSON, "[]")):
        attrs[name] = json.loads(attrs[name])
    words = {
        name: dataset[name].astype(str)
        for name, variable in dataset.variables.items()
        if variable.dtype == object
    }
    in_coords = {name: column for name, column in words.items() if name in dataset.coords}
    others = {name: column for name, column in words.items() if name not in dataset.coords}
    read = dataset.assign_coords(in_coords).assign(others)
    read.attrs = attrs
    return read


def _holds(value: object) -> bool:
    """Whether netCDF holds a value as it is."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    small = not isinstance(value, int) or abs(value) < 2**63
    return small and value != "" and not (isinstance(value, str) and "\0" in value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _needs(names: Iterable[str], present: Container[object], kind: str) -> None:
    for name in names:
        if name not in present:
            raise FileFormatError(f"a slice needs the {kind} {name!r}; this dataset has none.")


def _wrong(name: str, dims: tuple[Any, ...], accepted: str) -> FileFormatError:
    return FileFormatError(f"{name!r} must have the dimensions {accepted}; it has {dims}.")
