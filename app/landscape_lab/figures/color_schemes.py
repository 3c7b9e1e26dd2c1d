"""Colours of the page and its figures in the light, the dark and the high-contrast scheme.

Figures are built in the light colours of `theme`; `ColorScheme.replaced` says what each of them is
in another scheme, for Bokeh in the browser and for Matplotlib. Pages take theirs from the custom
properties that `ColorScheme.properties` gives. A landscape has the same colours in every scheme.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from landscape_lab.figures import theme

BACKGROUND = "#ffffff"
"""The background of a figure; as the colour of a line or a marker it stays white."""


@dataclass(frozen=True, kw_only=True)
class ColorScheme:
    """One colour for each purpose; `#rrggbb`.

    Attributes:
        dark: whether light letters stand on a dark page.
        surface: behind everything; `raised` behind dialogs and menus.
        ink: text; `muted`: text of less weight; `disabled`: text of what cannot be pressed.
        line: between parts; `frame`: around parts; `control`: around what can be pressed.
        accent: the main colour, as text and as a fill; `on_accent`: text on it;
            `accent_hover`: the fill under the pointer; `accent_ink`: text on `selected`.
        wash, selected, track: fills of what is pressed, chosen, not filled yet.
        alert: a sign that something is wrong; `alert_ink`: text that says so.
        shade: around menus, and over the page while a dialog is open.
        figures: what colours of `theme` are in figures, where they differ.
    """

    dark: bool
    surface: str
    raised: str
    ink: str
    muted: str
    disabled: str
    line: str
    frame: str
    control: str
    accent: str
    on_accent: str
    accent_hover: str
    accent_ink: str
    wash: str
    selected: str
    track: str
    alert: str
    alert_ink: str
    shade: str
    figures: Mapping[str, str]

    def properties(self) -> dict[str, str]:
        """The custom properties of CSS, by name; of colours in figures by their light value."""
        names = (name for name in self.__dataclass_fields__ if name not in ("dark", "figures"))
        found = {f"--{name.replace('_', '-')}": str(getattr(self, name)) for name in names}
        figures = {old: new for old, new in self.replaced().items() if old not in theme.LANDSCAPE}
        return found | {property_of(old): new for old, new in figures.items()}

    def replaced(self) -> dict[str, str]:
        """Colours of figures, except backgrounds, by the light ones that they take the place of."""
        own = {
            theme.INK: self.ink,
            theme.MUTED: self.muted,
            theme.ACCENT: self.accent,
            theme.FRAME: self.frame,
            theme.GRID: self.line,
        }
        return own | dict(self.figures)


def property_of(color: str) -> str:
    """The custom property of CSS that has what a colour of a figure is in the scheme of a page."""
    return f"--color-{color.removeprefix('#')}"


def css(color: str) -> str:
    """A colour of a figure in HTML: that of the scheme of the page, or the light one."""
    return f"var({property_of(color)}, {color})"


LIGHT = ColorScheme(
    dark=False, surface=BACKGROUND, raised=BACKGROUND, ink=theme.INK, muted=theme.MUTED,
    disabled="#6f7c85", line=theme.GRID, frame=theme.FRAME, control="#87959f",
    accent=theme.ACCENT, on_accent=BACKGROUND, accent_hover="#0b5566", accent_ink="#0b5566",
    wash="#eef4f6", selected="#e3f0f3", track="#d6e6ea", alert="#b3261e", alert_ink="#7a1710",
    shade="#1d2a3344", figures={},
)  # fmt: skip

_LINES_ON_DARK = {
    color: theme.mixed(color, "#ffffff", 0.45 * (1 - number / 110))
    for number, color in enumerate(theme.LANDSCAPE[:110])
}
"""Dark colours of the landscape as lines on a dark ground, on which they would not be seen."""

DARK = ColorScheme(
    dark=True, surface="#12181d", raised="#1a2329", ink="#e7edf1", muted="#a9b7c0",
    disabled="#8b99a3", line="#2c373f", frame="#4b5963", control="#768692",
    accent="#5cbcd2", on_accent="#07242c", accent_hover="#84d3e5", accent_ink="#9fe0ef",
    wash="#222d35", selected="#17404b", track="#2f454e", alert="#ff8a75", alert_ink="#ffb4a6",
    shade="#000000aa",
    figures={
        **_LINES_ON_DARK,
        theme.BATCH: "#5d6b75", "#a9cbd3": "#2f6f80", "#5f9fae": "#3f93a8",
        "#2b6cb0": "#6aa6e6", "#117733": "#4cb374", "#882255": "#d676a8", "#6b7280": "#9aa3b2",
        "#33424c": "#cfd9df", "#444444": "#a9b7c0", "#000000": "#e7edf1", "black": "#e7edf1",
    },
)  # fmt: skip
"""Colours of classes that are dark are lighter here; `#444444` and black are Bokeh's own text."""

LIGHT_CONTRAST = ColorScheme(
    dark=False, surface=BACKGROUND, raised=BACKGROUND, ink="#000000", muted="#1f2a31",
    disabled="#4a565e", line="#000000", frame="#000000", control="#000000",
    accent="#00465a", on_accent=BACKGROUND, accent_hover="#002f3d", accent_ink="#00303d",
    wash="#e3edf0", selected="#d2e8ee", track="#b9d3da", alert="#8f0f08", alert_ink="#6a0d07",
    shade="#00000066",
    figures={
        theme.GRID: "#c3ccd2", theme.FRAME: "#4a565e", theme.BATCH: "#7d8a93",
        theme.SPLITS["test"]: "#a3550c", "#a9cbd3": "#5f9fae", "#e07b39": "#b3520f",
        "#c2a83e": "#846d0e", "#56b4d3": "#1e7894", "#cc6677": "#a83c50", "#44aa99": "#1c7466",
        "#999933": "#6b6b12", "#444444": "#000000",
    },
)  # fmt: skip

DARK_CONTRAST = ColorScheme(
    dark=True, surface="#000000", raised="#0b0f12", ink="#ffffff", muted="#d7e0e5",
    disabled="#aab6bd", line="#ffffff", frame="#ffffff", control="#ffffff",
    accent="#7fe3f7", on_accent="#000000", accent_hover="#b5f0fb", accent_ink="#c8f4fc",
    wash="#20282d", selected="#0d3d49", track="#40535b", alert="#ffa08f", alert_ink="#ffc7bc",
    shade="#000000cc",
    figures={
        **DARK.figures, theme.GRID: "#4b5963", theme.FRAME: "#aab6bd", theme.BATCH: "#8b99a3",
        theme.SPLITS["test"]: "#ffb056", "#444444": "#ffffff", "#000000": "#ffffff",
        "black": "#ffffff", "#33424c": "#ffffff",
    },
)  # fmt: skip

SCHEMES = {
    "light": LIGHT,
    "dark": DARK,
    "light-contrast": LIGHT_CONTRAST,
    "dark-contrast": DARK_CONTRAST,
}
"""By the name that the attribute `data-scheme` of a document gives."""


TOOLTIPS = """.bk-Tooltip{--tooltip-color:var(--raised);--tooltip-text:var(--ink);
--tooltip-border:var(--frame);--tooltip-arrow-color:var(--raised)}"""
"""The words under the pointer in figures of Bokeh, which hang on the body of the document."""


def css_rules() -> str:
    """The rules that give a document the colours of the scheme which its `data-scheme` names."""
    rules = []
    for name, scheme in SCHEMES.items():
        said = ";".join(f"{key}:{value}" for key, value in scheme.properties().items())
        kind, filter_ = ("dark", "brightness(1.35)") if scheme.dark else ("light", "none")
        rules.append(
            f":root[data-scheme={name}]{{--color-scheme:{kind};--thumbnail:{filter_};{said}}}"
        )
    return "\n".join([*rules, TOOLTIPS])


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    dim, bright = sorted(map(_luminance, (one, other)))
    return (bright + 0.05) / (dim + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
