"""The run as moving pictures, as GIF."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._film import filmed
from landscape_lab.exports.base import Export, Making, Shown
from landscape_lab.figures.matplotlib.animation import SECONDS, Frame, gif


@dataclass(frozen=True, kw_only=True)
class Gif(Export):
    """An animation of the current run up to this step."""

    label: ClassVar[str] = "GIF animation"
    rank: ClassVar[int] = 5
    suffix: ClassVar[str] = "gif"
    mime: ClassVar[str] = "image/gif"
    group: ClassVar[str] = "Film"

    def made(self, shown: Shown) -> Iterator[Making]:
        frames: list[Frame] = []
        yield from filmed(shown, frames)
        total = len(frames) + 1
        yield Making(total, total, gif(frames, SECONDS))
