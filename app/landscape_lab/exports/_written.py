"""What files of numbers share: they are written as those of `landscape_core.storage.formats`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from landscape_core.storage import formats
from landscape_lab.exports._data import dataset, drawn
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class ValueFile(Export):
    """The slice and its path as they were computed."""

    def made(self, shown: Shown) -> Iterator[Making]:
        found = dataset(shown.place, shown.picture)
        yield Making(1, 1, formats.content(found, Path(f"slice.{self.suffix}")))


@dataclass(frozen=True, kw_only=True)
class SurfaceFile(Export):
    """The slice as it is drawn, with its path."""

    def made(self, shown: Shown) -> Iterator[Making]:
        seen = drawn(shown.place, shown.picture)
        made = formats.content(
            seen.slice, Path(f"slice.{self.suffix}"),
            split=seen.split, variable=seen.variable, scale=seen.scale,
        )  # fmt: skip
        yield Making(1, 1, made)
