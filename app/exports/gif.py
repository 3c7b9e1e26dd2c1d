"""The run as moving pictures, as GIF."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from app.exports._film import SECONDS, filmed
from app.exports.base import Beside, Export, Making
from app.places import Place
from app.views.animation import Frame, gif
from landscape_core.live import Session
from landscape_core.pictures import Picture


@dataclass(frozen=True, kw_only=True)
class Gif(Export):
    """The current run up to this step, moving."""

    label: ClassVar[str] = "GIF animation"
    rank: ClassVar[int] = 4
    suffix: ClassVar[str] = "gif"
    mime: ClassVar[str] = "image/gif"

    def made(
        self,
        place: Place,
        picture: Picture,
        session: Session | None = None,
        *,
        beside: Beside = (),
    ) -> Iterator[Making]:
        del beside
        frames: list[Frame] = []
        yield from filmed(place, picture, session, frames)
        total = len(frames) + 1
        yield Making(total, total, gif(frames, SECONDS))
