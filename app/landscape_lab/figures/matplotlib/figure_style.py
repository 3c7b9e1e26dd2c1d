"""How a picture looks on paper, whatever it shows: width, font, colours, caption, resolution."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from landscape_lab.figures.color_schemes import DARK, LIGHT, ColorScheme
from landscape_lab.figures.matplotlib.base import spec_error

WIDTHS = {"column": 3.25, "page": 6.75}
"""Inches of one column and of both columns of a paper, as the style of ICML has them."""

NARROW = 4.5
"""Inches of a figure below which its type is smaller and its key has fewer columns."""

LEAST, MOST = 2.0, 20.0
"""Inches that a figure may be wide."""

DOTS = (30, 1200)
"""Dots per inch that a bitmap may have."""

FONTS: dict[str, dict[str, Any]] = {
    "sans": {"font.family": ["sans-serif"], "mathtext.fontset": "dejavusans"},
    "serif": {"font.family": ["STIXGeneral", "DejaVu Serif"], "mathtext.fontset": "stix"},
    "tex": {
        "font.family": ["cmr10", "DejaVu Serif"], "mathtext.fontset": "cm",
        "axes.formatter.use_mathtext": True, "axes.unicode_minus": False,
    },
}  # fmt: skip
"""Families that Matplotlib brings along: DejaVu Sans, STIX (as Times), Computer Modern (as TeX)."""

THEMES = ("light", "dark", "transparent", "dark-transparent")
"""Dark letters on white, light ones on dark, and both without a background."""

CAPTIONS = ("below", "separate", "none")
"""In the picture, as text for the caption of a paper, or left out."""

LETTERS = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
"""Parameters of Matplotlib for the colours of words."""

KEYS = {"#dfe4e7": "#5a6973"}
"""The ground of a key on a dark page: the white and the dark signs of a path are seen on both."""


@dataclass(frozen=True, kw_only=True)
class FigureStyle:
    """The style of a figure; `checked_style` makes one of what a user gives.

    Attributes:
        width: inches; None: as the kind of picture has it.
        font: one of `FONTS`.
        theme: one of `THEMES`.
        caption: one of `CAPTIONS`.
        dots_per_inch: of a bitmap.
    """

    width: float | None = None
    font: str = "sans"
    theme: str = "light"
    caption: str = "below"
    dots_per_inch: int = 300

    @property
    def scheme(self) -> ColorScheme:
        """The colours of letters, axes and grids."""
        return DARK if self.theme.startswith("dark") else LIGHT

    @property
    def see_through(self) -> bool:
        """Whether there is no background."""
        return self.theme.endswith("transparent")

    def size(self, usual: tuple[float, float]) -> tuple[float, float]:
        """Inches of a figure that usually has others; a narrow one is a little higher."""
        width, height = usual
        if self.width is None:
            return usual
        return self.width, height * self.width / width * (1.12 if self.width < NARROW else 1.0)

    def parameters(self) -> dict[str, Any]:
        """What differs from Matplotlib's own parameters."""
        scheme = self.scheme
        ground = "none" if self.see_through else scheme.surface
        found = FONTS[self.font] | {
            "figure.facecolor": ground, "axes.facecolor": ground, "savefig.facecolor": "auto",
            "axes.edgecolor": LIGHT.frame,
        }  # fmt: skip
        if self.width is not None and self.width < NARROW:
            found["font.size"] = 8
        if scheme.dark:
            text = (
                "text.color",
                "axes.labelcolor",
                "axes.titlecolor",
                "xtick.color",
                "ytick.color",
            )
            found |= dict.fromkeys(text, scheme.ink) | {"axes.edgecolor": scheme.frame}
        return found


USUAL = FigureStyle()
"""The style of figures of which nobody says anything."""


def checked_style(
    *,
    width: Any = None,
    font: str = "sans",
    theme: str = "light",
    caption: str = "below",
    dots_per_inch: Any = 300,
) -> FigureStyle:
    """The style that a user asks for; a width is `column`, `page` or inches.

    Raises:
        SpecError: a value that is not accepted.
    """
    for name, value, known in (
        ("font", font, tuple(FONTS)), ("theme", theme, THEMES), ("caption", caption, CAPTIONS),
    ):  # fmt: skip
        if value not in known:
            raise spec_error(name, value, "one of " + ", ".join(known))
    inches = _inches(width)
    low, high = DOTS
    whole = isinstance(dots_per_inch, int) and not isinstance(dots_per_inch, bool)
    if not whole or not low <= dots_per_inch <= high:
        raise spec_error("dpi", dots_per_inch, f"a whole number from {low} to {high}")
    return FigureStyle(
        width=inches, font=font, theme=theme, caption=caption, dots_per_inch=dots_per_inch
    )


def _inches(width: Any) -> float | None:
    if width is None:
        return None
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    inches = float(width) if _is_number(width) else float("nan")
    if not LEAST <= inches <= MOST:
        named = " or ".join(map(repr, WIDTHS))
        raise spec_error("width", width, f"{named}, or inches from {LEAST:g} to {MOST:g}")
    return inches


def _is_number(value: Any) -> bool:
    if isinstance(value, Real):
        return not isinstance(value, bool)
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)


def recolored(figure: Any, scheme: ColorScheme) -> None:
    """Give all that is drawn on a figure in light colours those of a scheme."""
    table = scheme.replaced() | (KEYS if scheme.dark else {})
    for artist in figure.findobj():
        for name in ("color", "markerfacecolor", "markeredgecolor", "facecolor", "edgecolor"):
            read, write = (getattr(artist, f"{how}_{name}", None) for how in ("get", "set"))
            if read is not None and write is not None:
                _replace(read, write, table)
        info = getattr(artist, "_axinfo", None)  # of an axis of three dimensions
        if info is not None:
            info["grid"]["color"] = table.get(info["grid"]["color"], info["grid"]["color"])


def _replace(
    read: Callable[[], Any], write: Callable[[Any], None], table: Mapping[str, str]
) -> None:
    """Write one colour, or one for each member of a collection, where the table has another."""
    from matplotlib.colors import is_color_like, to_hex, to_rgba  # takes half a second to import

    given = read()
    if isinstance(given, str) and given == "none":
        return
    if is_color_like(given):
        found, alpha = table.get(to_hex(given)), to_rgba(given)[3]
        if found is not None and alpha > 0:
            write(found if alpha == 1 else (found, alpha))
        return
    try:
        each = [to_rgba(one) for one in given]
    except (TypeError, ValueError):
        return
    if any(to_hex(one) in table for one in each):
        write([to_rgba(table.get(to_hex(one), to_hex(one)), one[3]) for one in each])
