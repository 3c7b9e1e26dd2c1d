"""The picture with its caption, as PDF."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._still import still
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class Pdf(Export):
    """A vector image for a paper."""

    label: ClassVar[str] = "PDF image"
    rank: ClassVar[int] = 3
    suffix: ClassVar[str] = "pdf"
    mime: ClassVar[str] = "application/pdf"
    group: ClassVar[str] = "Picture"

    def made(self, shown: Shown) -> Iterator[Making]:
        return still(shown, self.suffix)
