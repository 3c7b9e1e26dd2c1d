"""The claim of a lab, what it shows and its source: next to its pictures, or folded above them."""

import html
from typing import Any

import panel as pn

from landscape_core.labs.base import Lab
from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import put

NARROW, PROJECTED = "900px", theme.PROJECTOR["--drawer"]
"""Widths of the page below which the settings are a drawer and the words stand above the pictures;
in projector mode it is the second."""

FONT = f"font:calc(12.5px*var(--scale,1))/1.45 {theme.FONT};color:var(--ink,{theme.INK})"

RING = "outline:calc(2px*var(--scale,1)) solid var(--accent,#0f6e84)"

WORDS = f""".words:focus-visible{{{RING};outline-offset:-2px}}
h2{{font-size:1.05em;font-weight:650;color:var(--accent,#0f6e84);margin:10px 0 2px}}
p{{margin:0;overflow-wrap:anywhere}}
summary{{cursor:pointer;color:var(--accent,#0f6e84);font-weight:600;padding:3px 0;min-height:24px;
 box-sizing:border-box;width:max-content}}
summary:focus-visible{{{RING}}}
@media (pointer:coarse){{summary{{min-height:44px;padding:12px 0}}}}
section summary{{font-size:1.05em;font-weight:650;margin-top:7px}}
"""

COLUMN = f"""{WORDS}
:host{{{FONT};width:calc(320px*var(--scale,1));flex:1 1 0px!important}}
.words{{position:absolute;inset:0;overflow-y:auto;scrollbar-width:thin;padding:0 14px 12px 16px}}
@container (max-width: {NARROW}){{:host{{display:none!important}}}}
@container (max-width: {PROJECTED}){{:host(.projected){{display:none!important}}}}
"""

ABOVE = f"""{WORDS}
:host{{{FONT};display:none!important;flex:none;box-sizing:border-box;padding:0 16px;z-index:30}}
@container (max-width: {NARROW}){{:host{{display:block!important}}}}
@container (max-width: {PROJECTED}){{:host(.projected){{display:block!important}}}}
.words{{position:absolute;inset:100% 0 auto;columns:2 20em;column-gap:28px;max-height:60vh;
 overflow-y:auto;padding:2px 16px 12px;background:var(--surface,#fff);
 box-shadow:0 6px 14px var(--shade,#1d2a3333)}}
section{{break-inside:avoid;padding-top:4px}}
h2{{margin-top:0}}
"""

PARTS = {"claim": "The claim", "shows": "What it shows", "source": "Source"}
"""The attributes of a lab that are shown, and their headings."""


class LabWords:
    """Two panes with the same words, of which the width of the page shows one."""

    def __init__(self) -> None:
        """No words yet."""
        self._kind: type[Lab] | None = None
        self._folded = False
        look: dict[str, Any] = {"margin": 0}
        self.column = pn.pane.HTML("", stylesheets=[COLUMN], **look)
        self.above = pn.pane.HTML("", stylesheets=[ABOVE], sizing_mode="stretch_width", **look)

    def show(self, kind: type[Lab]) -> None:
        """Show the words of a lab."""
        self._kind = kind
        text = "".join(self._section(name, getattr(kind, name)) for name in PARTS)
        # What may scroll can be reached by keys.
        words = f'<div class="words" role="region" aria-label="The claim" tabindex="0">{text}</div>'
        folded = f"<details><summary>The claim, what it shows, source</summary>{words}</details>"
        put(self.column, object=words)
        put(self.above, object=folded)

    def fold(self, *, folded: bool) -> None:
        """Fold what the lab shows while a tour asks for it, so as not to give the answer away."""
        if folded != self._folded:
            self._folded = folded
            if self._kind is not None:
                self.show(self._kind)

    def _section(self, name: str, text: str) -> str:
        heading, words = PARTS[name], f"<p>{html.escape(text)}</p>"
        if self._folded and name == "shows":
            return f"<section><details><summary>{heading}</summary>{words}</details></section>"
        return f"<section><h2>{heading}</h2>{words}</section>"

    def scale(self, *, projects: bool) -> None:
        """Leave more room to the pictures on a projector, or as much as before."""
        for pane in (self.column, self.above):
            put(pane, css_classes=["projected"] if projects else [])
