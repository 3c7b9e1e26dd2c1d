"""The surface for programs of three-dimensional modelling."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from landscape_core.storage import formats
from landscape_lab.exports._data import drawn
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class OBJ(Export):
    """The surface as it is drawn, with the path, for Blender."""

    label: ClassVar[str] = "OBJ surface"
    rank: ClassVar[int] = 13
    suffix: ClassVar[str] = "obj"
    mime: ClassVar[str] = "model/obj"

    def made(self, shown: Shown) -> Iterator[Making]:
        seen = drawn(shown.place, shown.picture)
        made = formats.content(
            seen.slice, Path(f"slice.{self.suffix}"),
            split=seen.split, variable=seen.variable, scale=seen.scale,
        )  # fmt: skip
        yield Making(1, 1, made)
