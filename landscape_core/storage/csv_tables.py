"""Tables in text files: values separated by commas, semicolons or tabs."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError
from landscape_core.storage.bounded_files import bounded_text
from landscape_core.storage.table_limits import check_shape

LARGEST = 2**26
"""Bytes of a file."""

SEPARATORS = (",", ";", "\t")

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""Cells that stand for a missing value."""


def columns_of(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    """The columns of a text file in UTF-8 by name: numbers, truth values, or text as objects.

    The separator is the one of comma, semicolon and tab that is most frequent in the first row.
    The first row has the names, unless all of its cells are numbers: then columns are called
    `column 1` and so on. Numbers have a decimal point. Cells are never evaluated.

    Raises:
        FileFormatError: a row has another number of cells than the first, two columns have one
            name, or the file is too large or not in UTF-8.
    """
    try:
        text = bounded_text(path, LARGEST)
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path.name} is not text in UTF-8: save it as UTF-8.") from error
    if "\0" in text:
        raise FileFormatError(f"{path.name} is not text: it has a zero byte.")
    separator = _separator(text)
    first, rows = _checked_rows(path, text, separator)
    named = not all(map(_is_number, first))
    names = [name.strip() for name in first] if named else [""] * len(first)
    names = [name or f"column {place}" for place, name in enumerate(names, 1)]
    check_shape(path, names, rows - named)
    skipped = _lines_of_first(text, separator) if named else 0
    import pandas  # takes a while to import

    frame = pandas.read_csv(
        io.StringIO(text), sep=separator, header=None, skiprows=skipped,
        names=range(len(names)), index_col=False, na_values=list(MISSING), keep_default_na=False,
        skipinitialspace=True, low_memory=False, float_precision="round_trip",
    )  # fmt: skip
    if len(frame) != rows - named:
        raise FileFormatError(f"{path.name} cannot be read: its rows or quotes are damaged.")
    return {name: frame[place].to_numpy() for place, name in enumerate(names)}


def _separator(text: str) -> str:
    """The most frequent separator in the first row that has one, outside of quotes."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    outside = "".join(first.split('"')[::2])
    return max(SEPARATORS, key=outside.count)


def _checked_rows(path: Path, text: str, separator: str) -> tuple[list[str], int]:
    """The cells of the first row, and how many rows there are; all have equally many cells."""
    first: list[str] = []
    count = 0
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            if not row:
                continue
            first, count = first or row, count + 1
            if len(row) != len(first):
                raise FileFormatError(
                    f"{path.name}: row {count} has {len(row)} cells, and the first has"
                    f" {len(first)}."
                )
    except csv.Error as error:
        raise FileFormatError(f"{path.name}: after row {count}, {error}.") from error
    if not count:
        raise FileFormatError(f"{path.name} is empty.")
    return first, count


def _lines_of_first(text: str, separator: str) -> int:
    """How many lines there are before the second row."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    next((row for row in reader if row), None)
    return reader.line_num


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
