"""Tables of examples in files: CSV, NPZ and Parquet, read as untrusted.

The size of a file, its rows and columns are bounded before they are read. Nothing is run: no pickle
of an NPZ file, no formula of a CSV file, whose cells are numbers or text.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError
from landscape_core.storage import csv_tables, npz_tables, parquet_tables
from landscape_core.storage.bounded_files import check_regular

READERS: dict[str, Callable[[Path], Mapping[str, npt.NDArray[Any]]]] = {
    ".csv": csv_tables.columns_of,
    ".tsv": csv_tables.columns_of,
    ".txt": csv_tables.columns_of,
    ".npz": npz_tables.columns_of,
    ".parquet": parquet_tables.columns_of,
}
"""What reads a table, by the ending of its name."""

LONGEST_NAME = 200
"""Characters of the name of a column."""


@dataclass(frozen=True)
class Column:
    """One column: its name, its values (rows,), and how many of them are missing.

    Numbers are float64, with NaN where one is missing or not finite; text is of objects, with an
    empty text where one is missing. `logical` says that the numbers were true (1) and false (0).
    """

    name: str
    values: npt.NDArray[Any]
    missing: int
    logical: bool = False

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.values.dtype != object


@dataclass(frozen=True)
class DataTable:
    """A table: its columns by name, in the order of the file, all of the same length."""

    columns: dict[str, Column]
    rows: int


def read_table(path: Path) -> DataTable:
    """The table in a file; read again only when the file has changed.

    Raises:
        MissingDataError: there is no such regular file.
        MissingPackageError: a Parquet file, and no package that reads it.
        FileFormatError: a file of another format, a damaged one, or one that is too large.
    """
    check_regular(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise FileFormatError(
            f"{path.name} is no table: its name must end with {', '.join(READERS)}."
        )
    found = path.stat()
    return _read(path.resolve(), (found.st_size, found.st_mtime_ns, found.st_ino))


@functools.lru_cache(maxsize=4)
def _read(path: Path, mark: tuple[int, int, int]) -> DataTable:
    del mark  # of the bytes that are read
    found = READERS[path.suffix.lower()](path)
    columns = [_column(path, name, values) for name, values in found.items()]
    rows = len(columns[0].values) if columns else 0
    if len(columns) < 2 or rows < 1:
        raise FileFormatError(
            f"{path.name} has {len(columns)} columns and {rows} rows: a table of examples has a"
            " column to predict, at least one other, and a row for each example."
        )
    return DataTable({column.name: column for column in columns}, rows)


def _column(path: Path, name: str, values: npt.NDArray[Any]) -> Column:
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise FileFormatError(
            f"{path.name}: the name of a column must be printable and have at most {LONGEST_NAME}"
            f" characters; got {name[:40]!r}."
        )
    if values.dtype.kind not in "biuf":
        texts = np.array([_text(one) for one in values.tolist()], dtype=object)
        return _frozen(Column(name, texts, int(np.count_nonzero(texts == ""))))
    numbers = values.astype(np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    missing = int(np.count_nonzero(np.isnan(numbers)))
    return _frozen(Column(name, numbers, missing, values.dtype.kind == "b"))


def _text(value: Any) -> str:
    """A cell as text; empty where it is missing: None, or NaN, which differs from itself."""
    if value is None or value != value:
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip()


def _frozen(column: Column) -> Column:
    column.values.flags.writeable = False  # it is shared by all who read the file
    return column
