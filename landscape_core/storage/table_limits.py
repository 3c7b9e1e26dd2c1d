"""How large a table of examples may be, and that its columns have different names."""

from collections.abc import Sequence
from pathlib import Path

from landscape_core.foundation.errors import FileFormatError

MOST_ROWS = 1_000_000
MOST_COLUMNS = 1000
MOST_CELLS = 20_000_000


def check_shape(path: Path, names: Sequence[str], rows: int) -> None:
    """Refuse a table that is too large, or two of whose columns have one name.

    Raises:
        FileFormatError: names what is too large or twice there.
    """
    columns = len(names)
    if rows > MOST_ROWS or columns > MOST_COLUMNS or rows * columns > MOST_CELLS:
        raise FileFormatError(
            f"{path.name} has {rows} rows and {columns} columns; at most {MOST_ROWS} rows,"
            f" {MOST_COLUMNS} columns and {MOST_CELLS} cells are read."
        )
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FileFormatError(f"{path.name} has two columns with the name {name[:40]!r}.")
        seen.add(name)
