"""The picture with its caption, as PNG."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._still import still
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class Png(Export):
    """A bitmap for documents and slides."""

    label: ClassVar[str] = "PNG image"
    rank: ClassVar[int] = 1
    suffix: ClassVar[str] = "png"
    mime: ClassVar[str] = "image/png"
    group: ClassVar[str] = "Picture"

    def made(self, shown: Shown) -> Iterator[Making]:
        return still(shown, self.suffix)
