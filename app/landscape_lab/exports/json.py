"""The numbers themselves, as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from landscape_core.storage import formats
from landscape_lab.exports._data import dataset
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class JSON(Export):
    """The slice, the path and all settings as text for other programs."""

    label: ClassVar[str] = "JSON data"
    rank: ClassVar[int] = 11
    suffix: ClassVar[str] = "json"
    mime: ClassVar[str] = "application/json"

    def made(self, shown: Shown) -> Iterator[Making]:
        found = dataset(shown.place, shown.picture)
        yield Making(1, 1, formats.content(found, Path(f"slice.{self.suffix}")))
