"""The picture as a page of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from app.exports._data import drawn
from app.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class Html(Export):
    """The current run, to explore by pointer in any browser without a network."""

    label: ClassVar[str] = "Interactive page"
    rank: ClassVar[int] = 6
    suffix: ClassVar[str] = "html"
    mime: ClassVar[str] = "text/html"

    def made(self, shown: Shown) -> Iterator[Making]:
        from app.views import stills  # matplotlib takes half a second to import

        yield Making(0, 1)
        seen = drawn(shown.place, shown.picture)
        page = stills.web_page(seen.slice, seen.path, **seen.looks())
        yield Making(1, 1, page.encode())
