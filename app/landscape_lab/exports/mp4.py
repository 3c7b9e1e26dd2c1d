"""The run as moving pictures, as MP4."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._film import filmed
from landscape_lab.exports.base import Export, Making, Shown
from landscape_lab.figures.matplotlib.animation import SECONDS, Frame, ffmpeg, mp4

LACKS = "Needs ffmpeg on the machine that runs the app; GIF and WebP films do not."
"""What is said where it cannot be made."""


@dataclass(frozen=True, kw_only=True)
class Mp4(Export):
    """The current run up to this step as a film, in more colours."""

    label: ClassVar[str] = "MP4 film"
    rank: ClassVar[int] = 7
    suffix: ClassVar[str] = "mp4"
    mime: ClassVar[str] = "video/mp4"
    group: ClassVar[str] = "Film"

    def made(self, shown: Shown) -> Iterator[Making]:
        frames: list[Frame] = []
        yield from filmed(shown, frames)
        total = len(frames) + 1
        yield Making(total, total, mp4(frames, SECONDS))

    @classmethod
    def lacks(cls) -> str:
        return "" if ffmpeg() else LACKS
