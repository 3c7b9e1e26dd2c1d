"""The sheet on which a picture is drawn, and the words below it; by matplotlib."""

import textwrap
from typing import Any, BinaryIO

from landscape_lab.figures import theme

WIDTH, HEIGHT, DOTS_PER_INCH = 6.4, 5.1, 300
"""The size on paper in inches without the words, and how fine it is drawn."""

SENTENCE, SETTINGS = (9.0, 86), (7.0, 112)
"""Size of the letters in points, and letters of a line, at most."""

SPACING, MARGIN = 1.25, 0.06
"""Between lines, in heights of a letter; and around the words, in inches."""

DIGEST: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


class Words:
    """What is said below a picture: a sentence, and the settings in smaller type."""

    def __init__(self, sentence: str, settings: str, wide: float = 1.0) -> None:
        """Both broken into lines on a sheet so many times as wide; either may be empty."""
        # No line begins with a dot between two settings.
        self._parts = [
            (textwrap.wrap(text.replace(" ·", "\u00a0·"), round(wide * letters)), points)
            for text, (points, letters) in ((sentence, SENTENCE), (settings, SETTINGS))
        ]

    @property
    def height(self) -> float:
        """How much room they take, in inches."""
        return MARGIN + sum(self._height(part) for part in self._parts)

    def write(self, paper: Any, file: BinaryIO, form: str) -> None:
        """Put the words below what is drawn, and write the figure."""
        total = paper.get_figheight()
        share = self.height / total
        paper.get_layout_engine().set(rect=(0, share, 1, 1 - share))
        top = self.height
        colors = (theme.INK, theme.MUTED)
        for (lines, points), color in zip(self._parts, colors, strict=True):
            paper.text(
                MARGIN / paper.get_figwidth(), top / total, "\n".join(lines), va="top",
                fontsize=points, color=color, linespacing=SPACING,
            )  # fmt: skip
            top -= self._height((lines, points))
        # Without a date or a drawn identity, the same picture gives the same bytes.
        paper.savefig(file, format=form, dpi=DOTS_PER_INCH, metadata=DIGEST.get(form))

    @staticmethod
    def _height(part: tuple[list[str], float]) -> float:
        lines, points = part
        return len(lines) * points * SPACING * 1.04 / 72 + (MARGIN if lines else 0)
