"""The picture with its caption, as PNG."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._still import still
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class Png(Export):
    """A picture for a page or a talk: 6.4 inches wide, 300 dots an inch."""

    label: ClassVar[str] = "PNG picture"
    rank: ClassVar[int] = 1
    suffix: ClassVar[str] = "png"
    mime: ClassVar[str] = "image/png"

    def made(self, shown: Shown) -> Iterator[Making]:
        return still(shown, self.suffix)
