"""The picture with its caption, as PNG."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from app.exports._still import still
from app.exports.base import Beside, Export, Making
from app.places import Place
from landscape_core.live import Session
from landscape_core.pictures import Picture


@dataclass(frozen=True, kw_only=True)
class Png(Export):
    """A picture for a page or a talk: 6.4 inches wide, 300 dots an inch."""

    label: ClassVar[str] = "PNG picture"
    rank: ClassVar[int] = 1
    suffix: ClassVar[str] = "png"
    mime: ClassVar[str] = "image/png"

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
