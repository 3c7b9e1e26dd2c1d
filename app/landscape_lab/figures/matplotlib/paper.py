"""The figure that a picture is drawn on, its caption, and the bytes of a file; by Matplotlib."""

import io
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.figure_style import USUAL, FigureStyle
from landscape_lab.figures.matplotlib.pgf import archive

WIDTH, HEIGHT = 6.4, 5.1
"""The size in inches without the caption."""

SENTENCE, SETTINGS = (9.0, 86), (7.0, 112)
"""Size of the letters in points, and letters of a line of a figure `WIDTH` wide, at most."""

SPACING, MARGIN = 1.25, 0.06
"""Between lines, in heights of a letter; and around the words, in inches."""

SIZES: Any = {
    "font.size": 9, "font.family": "sans-serif", "axes.edgecolor": theme.FRAME,
    # Words stay words in SVG and PDF: they can be searched and changed.
    "svg.fonttype": "none", "svg.hashsalt": "landscape", "pdf.fonttype": 42,
}  # fmt: skip

_STYLE = threading.RLock()
"""Held while the parameters of Matplotlib are changed: they are those of all threads."""

FORMS = ("png", "svg", "pdf", "pgf")
"""Formats of files; `pgf` is an archive of a picture for LaTeX and the bitmaps in it."""

# Without a date or a drawn identity, the same picture gives the same bytes.
METADATA: dict[str, Any] = {
    "png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None},
}  # fmt: skip


@contextmanager
def sizes(style: FigureStyle = USUAL) -> Iterator[None]:
    """The parameters of Matplotlib for a style within the block, of one thread after another.

    `rc_context` alone, entered in two threads, may leave the process with the wrong parameters.
    """
    from matplotlib import rc_context  # takes half a second to import

    with _STYLE, rc_context(SIZES | style.parameters()):
        yield


class Caption:
    """What is said below a picture: a sentence, and the settings in smaller type."""

    def __init__(self, sentence: str, settings: str, width: float = WIDTH) -> None:
        """Both broken into lines of a figure so many inches wide; either may be empty."""
        # No line begins with a dot between two settings.
        self._parts = [
            (textwrap.wrap(text.replace(" ·", "\u00a0·"), round(width / WIDTH * letters)), points)
            for text, (points, letters) in ((sentence, SENTENCE), (settings, SETTINGS))
        ]

    @property
    def height(self) -> float:
        """How much room they take, in inches; 0 if both are empty."""
        lines = sum(self._height(part) for part in self._parts)
        return MARGIN + lines if lines else 0.0

    def put(self, figure: Any) -> None:
        """Write the words at the foot of a figure, and keep what is drawn above them."""
        total = figure.get_figheight()
        share = self.height / total
        figure.get_layout_engine().set(rect=(0, share, 1, 1 - share))
        top = self.height
        for (lines, points), color in zip(self._parts, (theme.INK, theme.MUTED), strict=True):
            figure.text(
                MARGIN / figure.get_figwidth(), top / total, "\n".join(lines), va="top",
                fontsize=points, color=color, linespacing=SPACING,
            )  # fmt: skip
            top -= self._height((lines, points))

    @staticmethod
    def _height(part: tuple[list[str], float]) -> float:
        lines, points = part
        return len(lines) * points * SPACING * 1.04 / 72 + (MARGIN if lines else 0)


def blank(size: tuple[float, float]) -> Any:
    """A figure of so many inches that no window and no notebook knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes half a second to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def content(figure: Any, form: str, style: FigureStyle = USUAL) -> bytes:
    """The figure as the bytes of a file of a form; the same figure gives the same bytes."""
    drawn = io.BytesIO()
    with sizes(style):
        if form == "pgf":
            return archive(figure, style.dots_per_inch)
        figure.savefig(drawn, format=form, dpi=style.dots_per_inch, metadata=METADATA[form])
    return drawn.getvalue()
