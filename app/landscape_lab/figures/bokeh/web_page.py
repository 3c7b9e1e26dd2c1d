"""A slice as a page without a network: from above with a slider along the path, or a line."""

import html
from typing import Any

import xarray as xr
from bokeh.embed import components
from bokeh.layouts import column
from bokeh.models import Div
from bokeh.resources import Resources

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import others, runs, title_of
from landscape_lab.figures.bokeh import given_points
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.lines import profiles
from landscape_lab.figures.bokeh.sliders import Along
from landscape_lab.figures.captions import caption

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Loss landscape</title>{scripts}<style>
body {{ margin: 16px; max-width: 820px; font: 13px {font}; color: {ink} }}
nav {{ display: flex; gap: 4px; margin: 0 0 8px }}
nav button {{ font: inherit; color: inherit; padding: 4px 12px; border-radius: 6px;
  border: 1px solid {edge}; background: #fff; cursor: pointer }}
nav button[aria-pressed=true] {{ background: {accent}; border-color: {accent}; color: #fff }}
main {{ display: grid }} main section {{ grid-area: 1 / 1; min-width: 0; height: {height}px }}
main section[aria-hidden=true] {{ visibility: hidden }}
</style></head><body>{body}</body></html>
"""

BOTH = """<nav aria-label="View"><button type="button">2-D</button>
<button type="button">3-D</button></nav>
<main><section>{flat}</section><section>{deep}</section></main>
<script>
const buttons = document.querySelectorAll("nav button");
const show = chosen => document.querySelectorAll("main section").forEach((section, index) => {{
  section.setAttribute("aria-hidden", index !== chosen);
  buttons[index].setAttribute("aria-pressed", index === chosen);
}});
buttons.forEach((button, index) => {{ button.onclick = () => show(index); }});
show({first});
</script>"""
"""A slice from above and as a surface, one at a time."""

TALL = 620
"""Height of the picture on a page, in pixels."""


def web_page(  # noqa: PLR0913 - all that one page is made of
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    *,
    variable: str = "loss",
    split: str = "train",
    scale: str = "linear",
    limits: tuple[float, float] | None = None,
    relief: str = "",
    deep: bool = False,
    with_runs: bool = True,
) -> str:
    """A page with the slice to look at with the pointer; it asks nothing of any network.

    A slider moves along the path, which is as `sliders.walk` gives it. The `relief` is the HTML of
    another view of the slice, which is shown at first if that is `deep`; `with_runs` says whether
    the paths of several runs are drawn; the other arguments are those of `Contour.update`.
    """
    rows: list[Any] = []
    if "beta" in slice_.dims:
        view = Contour()
        view.update(slice_, None, variable=variable, split=split, scale=scale, limits=limits)
        for number, other in others(slice_):
            color = theme.CLASSES[(number - 1) % len(theme.CLASSES)]
            view.add_path(f"run {number}", other, color)
        for name, color, one in runs(slice_) if with_runs else []:
            view.add_path(name, one, color)
        given_points.mark_given(view.figure, slice_)
        drawn: Any = view.figure
        if path is not None:
            called = title_of(slice_, "loss", "train")
            rows = Along(view.figure, path, slice_.attrs.get("seen"), called).rows
    else:
        plots = profiles(slice_, scale)
        given_points.mark_given(plots[0], slice_)
        drawn = column(plots, sizing_mode="stretch_both")
    drawn.update(sizing_mode="stretch_width", height=TALL)
    note = Div(
        text=html.escape(caption(slice_)),
        styles={"color": theme.MUTED, "font": f"12px {theme.FONT}"},
    )
    below = column(*rows, note, sizing_mode="stretch_width")
    # Bokeh's own scripts alone: where Panel is loaded, `file_html` adds some that must be fetched.
    raw = Resources(mode="inline", components=["bokeh", "bokeh-widgets"]).js_raw
    script, (flat, rest) = components((drawn, below))
    picture = BOTH.format(flat=flat, deep=relief, first=int(deep)) if relief else flat
    return PAGE.format(
        scripts="".join(f"<script>{text}</script>" for text in raw) + script,
        body=picture + rest,
        font=theme.FONT,
        ink=theme.INK,
        edge=theme.FRAME,
        accent=theme.ACCENT,
        height=TALL,
    )
