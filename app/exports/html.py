"""The picture as a page of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from app.exports._data import drawn
from app.exports.base import Beside, Export, Making
from app.places import Place
from landscape_core.live import Session
from landscape_core.pictures import Picture


@dataclass(frozen=True, kw_only=True)
class Html(Export):
    """The current run, to explore by pointer in any browser without a network."""

    label: ClassVar[str] = "Interactive page"
    rank: ClassVar[int] = 6
    suffix: ClassVar[str] = "html"
    mime: ClassVar[str] = "text/html"

    def made(
        self,
        place: Place,
        picture: Picture,
        session: Session | None = None,
        *,
        beside: Beside = (),
    ) -> Iterator[Making]:
        del session, beside
        from app.views import stills  # matplotlib takes half a second to import

        yield Making(0, 1)
        shown = drawn(place, picture)
        page = stills.web_page(shown.slice, shown.path, **shown.looks())
        yield Making(1, 1, page.encode())
