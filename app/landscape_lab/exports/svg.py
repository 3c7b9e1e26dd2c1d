"""The picture with its caption, as SVG."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._still import still
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class Svg(Export):
    """A vector image for a paper or the web, with editable text."""

    label: ClassVar[str] = "SVG image"
    rank: ClassVar[int] = 2
    suffix: ClassVar[str] = "svg"
    mime: ClassVar[str] = "image/svg+xml"
    group: ClassVar[str] = "Picture"

    def made(self, shown: Shown) -> Iterator[Making]:
        return still(shown, self.suffix)
