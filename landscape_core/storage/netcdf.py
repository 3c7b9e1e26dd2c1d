"""Any dataset as one netCDF file, written whole or not at all."""

import io
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from landscape_core.foundation.errors import FileFormatError
from landscape_core.storage import atomic_files, schema
from landscape_core.storage.bounded_files import check_memory, check_regular
from landscape_core.storage.hdf5_contents import check_contents, is_bare

AS_JSON = "attributes_in_json"
"""The attribute of a file that names those attributes that netCDF cannot hold as they are."""

OF_FILE = "attribute_of_the_file"
"""The attribute of a file that names one which the dataset did not have: the schema's version."""

DAMAGE = (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError)
"""What HDF5 reports damage by: whatever its parts happen to meet."""

OF_THE_FORMAT = frozenset(
    ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_NCProperties", "_nc3_strict")
) | {"_Netcdf4Coordinates", "_Netcdf4Dimid"}
"""Attributes in HDF5 by which netCDF keeps dimensions; they are not the dataset's."""


def save(dataset: xr.Dataset, path: Path) -> None:
    """Write a dataset as one netCDF file, whole or not at all.

    Raises:
        OSError: the place cannot be written to, or holds something else than a regular file.
    """
    path = Path(path)
    atomic_files.check_target(path)
    atomic_files.write(path, [to_bytes(dataset)])


def check_folder(path: Path) -> None:
    """Refuse a file whose folder is not there, or whose place holds no regular file.

    Raises:
        FileNotFoundError: there is no such folder.
        FileExistsError: there is a symbolic link, a folder, a device, a pipe or a socket.
    """
    atomic_files.check_output(Path(path))


def to_bytes(dataset: xr.Dataset) -> bytes:
    """A dataset as the bytes of one netCDF file."""
    # In memory: HDF5 does not survive a disk that fills up under it.
    content = io.BytesIO()
    with _without_workers():
        _encoded(dataset).to_netcdf(content, engine="h5netcdf")
    return content.getvalue()


def _without_workers() -> AbstractContextManager[Any]:
    """Let xarray write without asking dask's scheduler, where there is one, for a lock.

    No one else writes into our memory; and that lock is not always known yet when it is taken.
    """
    dask = sys.modules.get("dask")
    return dask.config.set(scheduler="threads") if dask is not None else nullcontext()


def from_bytes(content: bytes) -> xr.Dataset:
    """What `to_bytes` was given; bytes behind the end of the netCDF file do not matter.

    Three times as fast as `load`, which reads other people's netCDF as well.

    Raises:
        FileFormatError: not a netCDF file, or one of another version of the schema.
    """
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            stored = [item for item in file.items() if not is_bare(item[1])]
            variables = {name: _variable(file, name, column) for name, column in stored}
            attrs = _attributes(file)
        schema.check_version(attrs, "this file")
        return _decoded(xr.decode_cf(xr.Dataset(variables, attrs=attrs)).load())
    except FileFormatError:
        raise
    except DAMAGE as error:
        raise FileFormatError(f"the content cannot be read as netCDF: {error}") from error


def load(path: Path) -> xr.Dataset:
    """Read what `save` wrote, wholly into memory.

    Raises:
        MissingDataError: no such file, or no regular one.
        FileFormatError: not a netCDF file, a damaged one, one of another version of the schema, or
            one that refers to other files or declares more than it holds.
    """
    path = Path(path)
    check_memory(path, check_regular(path))
    try:
        with h5py.File(path, "r") as file:  # before h5netcdf, which prints what it fails at
            check_contents(file, path)
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            schema.check_version(opened.attrs, str(path))
            return _decoded(opened.load())
    except FileFormatError:
        raise
    except DAMAGE as error:
        raise FileFormatError(f"{path} cannot be read as netCDF: {error}") from error


def _variable(file: h5py.File, name: str, column: h5py.Dataset) -> xr.Variable:
    """A stored variable as it is in the file: its dimensions, still encoded values, attributes."""
    dims: tuple[str, ...] = (name,)
    if not h5py.h5ds.is_scale(column.id):
        scales = column.attrs["DIMENSION_LIST"] if column.ndim else ()
        dims = tuple(file[scale[0]].name.lstrip("/") for scale in scales)
    is_text = h5py.check_string_dtype(column.dtype) is not None
    return xr.Variable(dims, (column.asstr() if is_text else column)[()], _attributes(column))


def _attributes(of: h5py.Dataset | h5py.File) -> dict[str, Any]:
    names = [name for name in of.attrs if name not in OF_THE_FORMAT]
    return {name: _single(of.attrs[name]) for name in names}


def _single(value: Any) -> Any:
    """An attribute as netCDF means it: a list of one is that one, nothing is no text."""
    if isinstance(value, h5py.Empty):
        return ""
    return value[0] if isinstance(value, np.ndarray) and value.shape == (1,) else value


def _encoded(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with attributes that netCDF can hold: text and numbers; others as JSON."""
    others = sorted(str(key) for key, value in dataset.attrs.items() if not _holds(value))
    texts = {key: json.dumps(dataset.attrs[key]) for key in others}
    known = schema.VERSION in dataset.attrs
    of_file = {} if known else {OF_FILE: schema.VERSION}
    version = {schema.VERSION: schema.SCHEMA_VERSION, **of_file}
    return dataset.assign_attrs({**texts, AS_JSON: json.dumps(others), **version})


def _decoded(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset as it was: attributes as they were written, words as fixed-width text."""
    attrs = {name: _plain(value) for name, value in dataset.attrs.items()}
    attrs.pop(attrs.pop(OF_FILE, None), None)
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
