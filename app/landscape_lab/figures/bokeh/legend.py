"""What the signs on a picture of the landscape mean."""

from typing import Any

import numpy as np
from bokeh.core.properties import value
from bokeh.models import CustomJS, Legend, LegendItem
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh import path
from landscape_lab.figures.bokeh.axes import put

SIGNS = {
    "start": ("circle", path.START[1], theme.INK, path.START[3]),
    "now": ("circle", *path.NOW[1:]),
    "lowest on path": ("star", path.BEST[1], theme.INK, path.BEST[3]),
    "lowest on slice": ("x", theme.INK, theme.INK, 2.0),
    "point": ("diamond", path.LOOKED_AT[1], theme.INK, path.LOOKED_AT[3]),
    "dots": ("dot", theme.INK, theme.INK, 1.0),
    "not finite": ("square", theme.NOT_FINITE, theme.NOT_FINITE_STRIPE, 2.0),
}

SELDOM = ("lowest on path", "point", "dots", "not finite", "far off")
"""Signs that are explained only where there are some."""

MOST_ROWS = 4

ROWS = f"""
    const size = parseFloat(legend.label_text_font_size)
    const width = ({{label}}) => sign * size + 0.56 * size * (label.value ?? String(label)).length
    const widths = legend.items.filter((item) => item.visible).map(width)
    const room = plot.inner_width + (outside ? plot.min_border_left : plot.min_border_right)
    const needed = (rows) => {{
      const columns = Array(Math.ceil(widths.length / rows)).fill(0)
      widths.forEach((one, i) => {{
        const column = i % columns.length
        columns[column] = Math.max(columns[column], one)
      }})
      return columns.reduce((sum, one) => sum + one, 0)
    }}
    let rows = 1
    while (rows < {MOST_ROWS} && needed(rows) > room) rows += 1
    legend.nrows = rows
"""
"""As few lines of signs as fit: `sign` is the width of one without its text, relative to the type;
`outside` says whether the legend begins at the left of the axes rather than with them."""


class Key:
    """A line of signs and words above a figure."""

    def __init__(self, plot: figure) -> None:
        """All words, of which those for what is seldom there are hidden."""
        self.items = {"early": _line(plot, "early", 0), "late": _line(plot, "late", -1)}
        for name, (marker, fill, line, width) in SIGNS.items():
            sign = plot.scatter(
                [np.nan], [np.nan], marker=marker, fill_color=fill, line_color=line,
                line_width=width,
            )  # fmt: skip
            self.items[name] = LegendItem(label=value(name), renderers=[sign])
        far = plot.line(
            [np.nan], [np.nan], color=theme.INK, width=2, line_dash=[2, 4], line_cap="round"
        )
        self.items["far off"] = LegendItem(label=value("far off"), renderers=[far])
        for name in SELDOM:
            self.items[name].visible = False
        self.legend = Legend(items=list(self.items.values()))
        theme.key(self.legend)
        self.legend.update(glyph_width=16, glyph_height=16, spacing=4)
        plot.add_layout(self.legend, "above")
        words = {"legend": self.legend, "plot": plot, "sign": 2.4, "outside": True}
        rows = CustomJS(args=words, code=ROWS)
        plot.js_on_change("inner_width", rows)
        # Not on the items: a legend is built anew whenever anything changes that they lead to, and
        # through this call that would be all of the figure.
        self.legend.js_on_change("tags", rows)

    def show(self, **visible: bool) -> None:
        """Explain these signs, or no more; spaces in their names are underscores here."""
        for name, shown in visible.items():
            put(self.items[name.replace("_", " ")], visible=shown)
        put(self.legend, tags=[name for name, item in self.items.items() if item.visible])

    def add(self, words: str, renderer: Any) -> None:
        """Explain one more line, for good."""
        self.legend.items.append(LegendItem(label=value(words), renderers=[renderer]))


def _line(plot: figure, words: str, place: int) -> LegendItem:
    """A piece of the path in its colour at one end of time, seen on white too."""
    ends: tuple[list[float], list[float]] = ([np.nan], [np.nan])
    halo = plot.line(*ends, color=theme.HALO, width=5, alpha=0.7)
    line = plot.line(*ends, color=theme.TIME[place], width=2.6)
    return LegendItem(label=value(words), renderers=[halo, line])
