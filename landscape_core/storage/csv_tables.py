"""Tables in text files: values separated by commas, semicolons or tabs."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError
from landscape_core.storage.bounded_files import bounded_text, check_memory
from landscape_core.storage.table_limits import check_columns, check_shape

LARGEST = 2**26
"""Bytes of a file."""

SEPARATORS = (",", ";", "\t")

MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"))
"""Cells that stand for a missing value."""

LOGICAL = {"true": True, "false": False}

DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")

GROWTH = 16
"""Bytes of memory that a character may take while it is read, as in a row of nothing but commas."""

ROWS = 4096
"""Rows that are converted at a time."""


def columns_of(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    """The columns of a text file in UTF-8 by name: numbers, truth values, or text as objects.

    The separator is the one of comma, semicolon and tab that is most frequent in the first row,
    where commas between digits do not count with another one. The first row has the names, unless
    all of its cells are numbers: then columns are called `column 1` and so on. Numbers have a
    decimal point. Cells are never evaluated.

    Raises:
        FileFormatError: a row has another number of cells than the first, two columns have one
            name, it is not clear whether the first row has names, or the file is too large or not
            in UTF-8.
    """
    try:
        text = bounded_text(path, LARGEST)
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path.name} is not text in UTF-8: save it as UTF-8.") from error
    if "\0" in text:
        raise FileFormatError(f"{path.name} is not text: it has a zero byte.")
    check_memory(path, GROWTH * len(text))
    first = next(_rows(path, text), None)
    if first is None:
        raise FileFormatError(f"{path.name} is empty.")
    named = _has_names(path, first)
    names = [name.strip() for name in first] if named else [""] * len(first)
    names = [name or f"column {place}" for place, name in enumerate(names, 1)]
    check_columns(path, names)
    numbers = _numbers(path, text, len(names), named)
    texts = {place: list[str]() for place, found in enumerate(numbers) if found is None}
    if texts:
        for row in _examples(path, text, named):
            for place, cells in texts.items():
                cells.append(row[place].strip())
    return {
        name: _texts(texts[place]) if found is None else found
        for place, (name, found) in enumerate(zip(names, numbers, strict=True))
    }


def _rows(path: Path, text: str) -> Iterator[list[str]]:
    """The rows that are not empty, each with as many cells as the first."""
    separator, columns, count = _separator(text), 0, 0
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for row in filter(None, reader):
            columns, count = columns or len(row), count + 1
            if len(row) != columns:
                raise FileFormatError(
                    f"{path.name}: row {count} has {len(row)} cells, and the first has {columns}."
                )
            yield row
    except csv.Error as error:
        raise FileFormatError(f"{path.name}: after row {count}, {error}.") from error


def _examples(path: Path, text: str, named: bool) -> Iterator[list[str]]:  # noqa: FBT001
    """The rows without that of the names."""
    rows = _rows(path, text)
    if named:
        next(rows)
    return rows


def _separator(text: str) -> str:
    """The most frequent separator in the first row that has one, outside of quotes."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    outside = "".join(first.split('"')[::2])
    if any(outside.count(one) for one in SEPARATORS[1:]):
        outside = DECIMAL_COMMA.sub("", outside)
    return max(SEPARATORS, key=outside.count)


def _has_names(path: Path, first: list[str]) -> bool:
    """Whether the first row has names: text, or with it numbers that count, as of data frames.

    Raises:
        FileFormatError: text and other numbers, as in a row of values.
    """
    numbers = [cell.strip() for cell in first if _is_number(cell.strip())]
    if len(numbers) == len(first):
        return False
    counted = [one.isdecimal() and int(one) for one in numbers]
    counting = len(numbers) > 1 and counted == [*range(counted[0], counted[0] + len(numbers))]
    if numbers and not counting:
        raise FileFormatError(
            f"{path.name}: the first row has text and numbers, as {numbers[0]!r}, so it may"
            " be names or values: put a row before it in which each column has a name, no number."
        )
    return True


def _numbers(
    path: Path,
    text: str,
    columns: int,
    named: bool,  # noqa: FBT001
) -> list[npt.NDArray[np.float64] | None]:
    """The numbers of each column, missing ones as NaN; None of a column that has text."""
    parts: list[list[npt.NDArray[np.float64]] | None] = [[] for _ in range(columns)]
    rows = 0
    for block in _blocks(_examples(path, text, named)):
        rows += len(block)
        check_shape(path, columns, rows)
        for place, cells in enumerate(zip(*block, strict=True)):
            found = parts[place]
            if found is not None:
                try:
                    found.append(np.array([_number(cell) for cell in cells]))
                except ValueError:
                    parts[place] = None
    return [None if found is None else np.concatenate([*found, np.empty(0)]) for found in parts]


def _blocks(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    block: list[list[str]] = []
    for row in rows:
        block.append(row)
        if len(block) == ROWS:
            yield block
            block = []
    if block:
        yield block


def _number(cell: str) -> float:
    """The number in a cell, NaN where it is missing.

    Raises:
        ValueError: it holds something else; Python's own `1_000` is no number of a table.
    """
    if cell in MISSING:
        return math.nan
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        return not math.isnan(_number(cell.strip()))
    except ValueError:
        return False


def _texts(cells: list[str]) -> npt.NDArray[Any]:
    """Truth values, if all are such; text otherwise, empty where it is missing."""
    if all(cell.lower() in LOGICAL for cell in cells):
        return np.array([LOGICAL[cell.lower()] for cell in cells])
    known: dict[str, str] = {}  # equal cells are one object
    texts = ["" if cell in MISSING else known.setdefault(cell, cell) for cell in cells]
    return np.array(texts, dtype=object)
