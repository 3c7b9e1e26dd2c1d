"""The run as moving pictures, as WebP."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._film import filmed
from landscape_lab.exports.base import Export, Making, Shown
from landscape_lab.figures.matplotlib.animation import SECONDS, Frame, webp


@dataclass(frozen=True, kw_only=True)
class Webp(Export):
    """The current run up to this step in all colours, for pages and slides in a browser."""

    label: ClassVar[str] = "WebP animation"
    rank: ClassVar[int] = 6
    suffix: ClassVar[str] = "webp"
    mime: ClassVar[str] = "image/webp"
    group: ClassVar[str] = "Film"

    def made(self, shown: Shown) -> Iterator[Making]:
        frames: list[Frame] = []
        yield from filmed(shown, frames)
        total = len(frames) + 1
        yield Making(total, total, webp(frames, SECONDS))
