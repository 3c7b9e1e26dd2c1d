"""Tables in Parquet files, where pyarrow or fastparquet is installed."""

import contextlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError, MissingPackageError
from landscape_core.foundation.memory import amount
from landscape_core.storage.bounded_files import check_regular
from landscape_core.storage.table_limits import check_columns, check_shape

LARGEST = 2**26
"""Bytes of a file."""

ENGINES = ("pyarrow", "fastparquet")
"""The packages that read Parquet, the preferred one first."""


def available() -> bool:
    """Whether a package that reads Parquet is installed."""
    return bool(_installed())


def columns_of(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    """The columns of a Parquet file by name; rows and columns are counted before they are read.

    Raises:
        MissingPackageError: neither pyarrow nor fastparquet is installed.
        FileFormatError: a damaged or too large file.
    """
    if not available():
        raise MissingPackageError(
            f"{path.name}: reading Parquet needs the package pyarrow or fastparquet"
            " (pip install pyarrow); without one, save the table as CSV."
        )
    size = check_regular(path)
    if size > LARGEST:
        raise FileFormatError(
            f"{path.name} has {amount(size)}, and at most {amount(LARGEST)} are read."
        )
    try:
        return _read(path)
    except FileFormatError:
        raise
    except Exception as error:  # a damaged file raises anything
        reason = str(error).partition("\n")[0]
        raise FileFormatError(f"{path.name} cannot be read as Parquet: {reason}") from error


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    if ENGINES[0] in _installed():
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            check_columns(path, names)
            check_shape(path, len(names), file.metadata.num_rows)
            table = file.read()
        return {name: table.column(name).to_numpy() for name in names}
    import fastparquet

    with contextlib.ExitStack() as files:  # which it leaves open

        def opened(name: str, mode: str = "rb") -> Any:
            return files.enter_context(Path(name).open(mode))

        other = fastparquet.ParquetFile(str(path), open_with=opened)
        names = list(map(str, other.columns))
        check_columns(path, names)
        check_shape(path, len(names), int(other.count()))
        frame = other.to_pandas(columns=names, index=False)
    return {name: frame[name].to_numpy() for name in names}


def _installed() -> list[str]:
    return [name for name in ENGINES if find_spec(name)]
