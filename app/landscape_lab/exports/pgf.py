"""The picture as PGF, whose words LaTeX sets in the fonts of the paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._still import still
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class Pgf(Export):
    """A figure for LaTeX in the fonts of the paper: an archive with figure.pgf and its bitmaps."""

    label: ClassVar[str] = "PGF for LaTeX"
    rank: ClassVar[int] = 4
    suffix: ClassVar[str] = "pgf.zip"
    mime: ClassVar[str] = "application/zip"
    group: ClassVar[str] = "Picture"

    def made(self, shown: Shown) -> Iterator[Making]:
        return still(shown, "pgf")
