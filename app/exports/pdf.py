"""The picture with its caption, as PDF."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from app.exports._still import still
from app.exports.base import Beside, Export, Making
from app.places import Place
from landscape_core.live import Session
from landscape_core.pictures import Picture


@dataclass(frozen=True, kw_only=True)
class Pdf(Export):
    """A drawing for a paper, sharp at any size."""

    label: ClassVar[str] = "PDF picture"
    rank: ClassVar[int] = 3
    suffix: ClassVar[str] = "pdf"
    mime: ClassVar[str] = "application/pdf"

    def made(
        self,
        place: Place,
        picture: Picture,
        session: Session | None = None,
        *,
        beside: Beside = (),
    ) -> Iterator[Making]:
        del session
        return still(place, picture, self.suffix, beside)
