"""How large a table of examples may be, and that its columns have different names."""

from collections.abc import Sequence
from pathlib import Path

from landscape_core.foundation.errors import FileFormatError

MOST_ROWS = 1_000_000
MOST_COLUMNS = 1000
MOST_CELLS = 20_000_000


def check_shape(path: Path, columns: int, rows: int) -> None:
    """Refuse a table that is too large.

    Raises:
        FileFormatError: names its size, and what is read at most.
    """
    if rows > MOST_ROWS or columns > MOST_COLUMNS or rows * columns > MOST_CELLS:
        raise FileFormatError(
            f"{path.name} has {rows} rows or more and {columns} columns; at most {MOST_ROWS} rows,"
            f" {MOST_COLUMNS} columns and {MOST_CELLS} cells are read."
        )


def check_columns(path: Path, names: Sequence[str]) -> None:
    """Refuse more columns than are read, or two of one name.

    Raises:
        FileFormatError: names how many, or the name.
    """
    check_shape(path, len(names), 0)
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FileFormatError(f"{path.name} has two columns with the name {name[:40]!r}.")
        seen.add(name)
