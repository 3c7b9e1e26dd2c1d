"""The values of the slice as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from landscape_core.storage import formats
from landscape_lab.exports._data import dataset
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class CSV(Export):
    """The slice as a table for spreadsheets, a row for each point."""

    label: ClassVar[str] = "CSV table"
    rank: ClassVar[int] = 10
    suffix: ClassVar[str] = "csv"
    mime: ClassVar[str] = "text/csv"

    def made(self, shown: Shown) -> Iterator[Making]:
        found = dataset(shown.place, shown.picture)
        yield Making(1, 1, formats.content(found, Path(f"slice.{self.suffix}")))
