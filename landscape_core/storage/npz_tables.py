"""Tables in files of NumPy: the arrays of an `.npz` file as columns."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError
from landscape_core.foundation.memory import amount
from landscape_core.storage.npz_members import array_in
from landscape_core.storage.table_limits import MOST_COLUMNS, MOST_ROWS, check_columns, check_shape

LARGEST = 2**28
"""Bytes of all arrays of a file."""


def columns_of(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    """The columns of an `.npz` file by name, in the order of its arrays.

    An array (rows,) is a column of its name, an array `x` (rows, D) the columns `x[0]` to `x[D-1]`.

    Raises:
        FileFormatError: arrays of Python objects, which are never unpickled, of more than two
            dimensions, or of different lengths; a damaged or too large file.
    """
    try:
        arrays = _arrays(path)
    except FileFormatError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).partition("\n")[0]
        raise FileFormatError(f"{path.name} cannot be read as .npz: {reason}") from error
    lengths = {len(values) for values in arrays.values()}
    if len(lengths) > 1:
        told = ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
        raise FileFormatError(f"{path.name} has arrays of different lengths: {told[:200]}.")
    found: dict[str, npt.NDArray[Any]] = {}
    names = [
        (array, name, place)
        for array, values in arrays.items()
        for place, name in enumerate(_names(array, values))
    ]
    check_columns(path, [name for _, name, _ in names])
    check_shape(path, len(names), max(lengths, default=0))
    for array, name, place in names:
        values = arrays[array]
        found[name] = np.ascontiguousarray(values if values.ndim == 1 else values[:, place])
    return found


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """All arrays of the file, none larger than what the file says it inflates to."""
    with zipfile.ZipFile(path) as parts:
        members = parts.infolist()
        if len(members) > MOST_COLUMNS:
            raise FileFormatError(
                f"{path.name} has {len(members)} arrays; at most {MOST_COLUMNS} are read."
            )
        size = sum(part.file_size for part in members)
        if size > LARGEST:
            raise FileFormatError(
                f"{path.name} declares {amount(size)} of arrays; at most {amount(LARGEST)} are"
                " read."
            )
        names = [part.filename.removesuffix(".npy") for part in members]
        if twice := [name for name in names if names.count(name) > 1]:
            raise FileFormatError(f"{path.name} has two arrays with the name {twice[0][:40]!r}.")
        return {name: _array(path, parts, part) for name, part in zip(names, members, strict=True)}


def _array(path: Path, parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> npt.NDArray[Any]:
    def check(name: str, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
        if kind.hasobject:
            raise FileFormatError(
                f"{path.name}: {name} holds Python objects, which are not read: save numbers or"
                " text."
            )
        if len(shape) not in (1, 2):
            raise FileFormatError(
                f"{path.name}: {name} has the shape {shape}; a column is (rows,), several are"
                " (rows, D)"
            )
        if shape[0] > MOST_ROWS or max(shape[1:], default=1) > MOST_COLUMNS:
            raise FileFormatError(
                f"{path.name}: {name} has the shape {shape}; at most {MOST_ROWS} rows and"
                f" {MOST_COLUMNS} columns are read."
            )

    return array_in(path, parts, part, check)


def _names(array: str, values: npt.NDArray[Any]) -> list[str]:
    if values.ndim == 1:
        return [array]
    return [f"{array}[{place}]" for place in range(values.shape[1])]
