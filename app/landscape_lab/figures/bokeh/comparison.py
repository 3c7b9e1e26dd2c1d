"""Two to four runs side by side on one scale of colours, their differences, their metrics."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from bokeh.layouts import column, row
from bokeh.models import Div, Spacer

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import minimized, title_of
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.overlaid import Overlaid
from landscape_lab.figures.bokeh.panels import Heights, Panel
from landscape_lab.figures.bokeh.path import index_of
from landscape_lab.figures.bokeh.runs import Runs
from landscape_lab.figures.bokeh.sizes import enlarge
from landscape_lab.figures.bokeh.style import Style, bar, minus, unknown
from landscape_lab.figures.color_schemes import css
from landscape_lab.figures.comparison_modes import SURFACES
from landscape_lab.figures.outline import stated_region
from landscape_lab.figures.tables import colors, table

MOST = 4
"""Runs that are compared, at most."""

WAITING = "The plane of all paths is being computed;\nit waits while a run goes on."

FILL: dict[str, Any] = {"sizing_mode": "stretch_both", "spacing": 0}

WIDE = ".bk-clearfix { display: block; width: 100%; }"

FOOT, LOW_FOOT = 168, 112
"""Pixels for the figures and the curves below one row of landscapes, and below two."""

SUBTRACTED = (
    "Subtracted at equal coordinates of each picture's own plane: "
    "the same point is another network in each."
)


@dataclass(frozen=True, eq=False)
class Compared:
    """A run that is compared: a letter, what differs in it, and what there is of it.

    `figures` are the metrics of `slice_metrics`, of the same split and scale; without them the
    table tells only what the path tells. `parameters` is how many its network has.
    """

    name: str
    words: str
    slice: xr.Dataset
    path: xr.Dataset
    seen: int
    curves: xr.Dataset
    split: str = "train"
    figures: xr.Dataset | None = None
    parameters: int | None = None


OWN = {0.0: "lowest of each picture", 1.0: "highest of each picture"}
"""What the ends of the colours mean where each picture has its own."""

OVERLAP = 0.5
"""Pictures that have less than this share in common say so."""


class Comparison:
    """Landscapes side by side, or minus the first, or all paths on one plane; metrics below."""

    def __init__(self) -> None:
        """Empty, and as large as there is space."""
        self.panels = [Panel() for _ in range(MOST)]
        self.together = Runs("loss of network A on its data", WAITING)
        self.curves = Overlaid()
        line: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (2, 8, 2, 8)}
        self.names = Div(text="", visible=False, **line)
        self.bar = Div(text="", stylesheets=[WIDE], **line)
        self.table = Div(text="", margin=(4, 8, 0, 8))
        self._blank = Spacer(sizing_mode="stretch_both", visible=False)
        cells = [panel.figure for panel in self.panels]
        self._second = row(*cells[2:], self._blank, **FILL)
        self._grid = column(row(*cells[:2], **FILL), self._second, **FILL)
        self.problem = Div(
            text="", visible=False, margin=(24, 16, 8, 16), sizing_mode="stretch_both"
        )
        self._plane = column(self.names, self.problem, self.together.figure, visible=False, **FILL)
        self._foot = row(
            self.table, self.curves.figure, sizing_mode="stretch_width", height=FOOT, spacing=0
        )
        self.figure = column(self._grid, self._plane, self.bar, self._foot, **FILL)
        self._factor, self._height = 1.0, FOOT

    def update(  # noqa: PLR0913 - all that a comparison is made of
        self,
        runs: Sequence[Compared],
        mode: str = "side",
        scale: str = "log",
        *,
        variable: str = "loss",
        limits: tuple[float, float] | None = None,
        plane: xr.Dataset | None = None,
        problem: str = "",
        level: float = 0.0,
    ) -> None:
        """Show two to four runs.

        Args:
            runs: the first is the reference of the comparison; one alone is shown too.
            mode: `side`, `own` (side by side, each in its own range of colours), `difference` (each
                minus the first at equal coordinates) or `together`; for those of `SURFACES` the
                table and the curves alone, `Surfaces` draws the landscapes.
            scale: `log` or `linear` heights.
            variable: what of the slices is shown, the loss where one does not have it.
            limits: losses of the first and the last colour; by default they hold all pictures.
            plane: for `together`, a slice with the paths of all in the order of the runs, as
                `landscape_core.experiments.slice_of_run.slice_of_trajectory` gives it.
            problem: for `together`, why there is no such plane, in place of it.
            level: the loss below which the region of each is outlined, and its share stated; 0:
                none.
        """
        runs = runs[:MOST]
        together, deep = mode == "together", mode in SURFACES
        put(self._grid, visible=not together and not deep)
        put(self._plane, visible=together)
        put(self.bar, visible=not together and not deep)
        if together:
            self._unite(runs, plane, scale, problem)
        elif not deep:
            loss = variable == "loss" or any(variable not in run.slice for run in runs)
            style = Style("loss", scale, limits) if loss else Style(variable, "linear", None)
            self._spread(runs, mode, style, level if loss and mode != "difference" else 0.0)
        self._height = LOW_FOOT if len(runs) > 2 else FOOT
        put(self._foot, height=round(self._height * self._factor))
        put(self.table, text=table(_heads(runs), _rows(runs, few=len(runs) > 2)))
        names = {run.name: color_of(i) for i, run in enumerate(runs)}
        low = self._height == LOW_FOOT
        self.curves.update([(run.curves, run.seen) for run in runs], names, low=low)

    @property
    def foot(self) -> int:
        """Pixels that the table and the curves take."""
        return round(self._height * self._factor)

    def scale(self, factor: float) -> None:
        """Make type, lines and signs so many times as large as they are by themselves."""
        enlarge(self.figure, factor / self._factor)
        for panel in self.panels:
            panel.enlarge(factor)
        for words in (self.names, self.problem, self.bar, self.table):
            words.styles = {"zoom": f"{factor:g}"}
        self._foot.height = round(self._height * factor)
        self._factor = factor

    def _unite(
        self, runs: Sequence[Compared], plane: xr.Dataset | None, scale: str, problem: str
    ) -> None:
        put(self.problem, text=_plain(problem, theme.MUTED), visible=bool(problem))
        put(self.together.figure, visible=not problem)
        titles = [title(i, run.name, run.words) for i, run in enumerate(runs)]
        put(self.names, text=" &nbsp; ".join(titles), visible=True)
        names = {run.name: color_of(i) for i, run in enumerate(runs)}
        there = plane if plane is not None and "path_alpha" in plane else None
        self.together.update(there, runs[0].split, scale, names)

    def _spread(self, runs: Sequence[Compared], mode: str, style: Style, level: float) -> None:
        """Each run in its panel, and the scale of colours for all."""
        put(self._second, visible=len(runs) > 2)
        put(self._blank, visible=len(runs) == 3)
        slices = [run.slice[style.variable].sel(split=run.split) for run in runs]
        shown = style.heights(slices, own=mode == "own")
        name, said = title_of(runs[0].slice, style.variable, runs[0].split), [""] * len(runs)
        bars, names, note = [bar(name, shown, style.scale)], [run.name for run in runs], ""
        if mode == "own":
            bars = [colors(name, theme.LANDSCAPE, (0, 1), OWN)]
            said = [f" ({name} {style.extent(one)})" for one in shown]
        elif mode == "difference" and len(runs) > 1:
            shown = _less_first(runs, shown)
            unit = "in powers of ten" if style.scale == "log" else f"of the {style.variable}"
            bars = [bar(name, shown[:1], style.scale)]
            bars.append(bar(f"difference {unit}", shown[1:], "linear"))
            names[1:] = [f"{other} − {names[0]}" for other in names[1:]]
            said = [_overlap(runs[0], *pair) for pair in zip(runs, shown, strict=True)]
            note = _plain(SUBTRACTED, theme.MUTED)
        for i, panel in enumerate(self.panels):
            there = i < len(runs)
            put(panel.figure, visible=there)
            if there:
                below, region = stated_region(runs[i].slice, runs[i].split, level)
                words = title(i, names[i], runs[i].words + said[i] + below)
                panel.update(words, shown[i], runs[i].path, runs[i].seen, region)
        bars = [f'<div style="flex: 1; min-width: 220px">{each}</div>' for each in bars]
        put(self.bar, text=f'<div style="display: flex; gap: 12px">{"".join(bars)}</div>{note}')


def color_of(number: int) -> str:
    """The colour in which a run has its letter, its curve and its path among others."""
    return theme.CLASSES[number % len(theme.CLASSES)]


def title(number: int, name: str, words: str) -> str:
    """A run's letter in its colour, and what differs in it, as HTML."""
    return (
        f'<span style="font: {theme.NORMAL}/1.35 {theme.FONT}; color: {css(theme.INK)}">'
        f'<b style="color: {css(color_of(number))}">{html.escape(name)}</b> '
        f"{html.escape(words)}</span>"
    )


def _plain(words: str, color: str) -> str:
    return f'<span style="font: {theme.NORMAL}/1.35 {theme.FONT}; color: {css(color)}">' + (
        f"{html.escape(words)}</span>"
    )


def _less_first(runs: Sequence[Compared], shown: Sequence[Heights]) -> list[Heights]:
    """The first, and each of the others minus the first, where the axes mean the same."""
    found = [
        one if _alike(runs[0], run) else unknown(one) for run, one in zip(runs, shown, strict=True)
    ]
    return [shown[0], *minus(shown[0], found[1:])]


def _alike(first: Compared, run: Compared) -> bool:
    """Whether two networks have as many parameters, as far as is known."""
    return None in (first.parameters, run.parameters) or first.parameters == run.parameters


def _overlap(first: Compared, run: Compared, shown: Heights) -> str:
    """That two pictures have little or nothing in common, where that is so."""
    if not _alike(first, run):
        return (
            f" (not subtracted: {run.parameters:,} parameters, "
            f"{first.name} has {first.parameters:,})"
        )
    share = float(np.isfinite(shown.heights.values).mean())
    if not shown.diverging or share > OVERLAP:
        return ""
    return f" (the two planes have {share:.0%} in common: random directions have more)"


def _heads(runs: Sequence[Compared]) -> list[tuple[str, str]]:
    return [(run.name, color_of(i)) for i, run in enumerate(runs)]


READINGS = (
    ("loss", "train", "training loss", "{:.3g}"),
    ("loss", "test", "test loss", "{:.3g}"),
    ("accuracy", "test", "test accuracy", "{:.1%}"),
)
"""What the table gives of the point where each run stands."""

METRICS = {
    "minima": ("minima of the slice", "{:.0f}"),
    "variation_excess": ("excess variation", "{:.1%}"),
    "lowest": ("lowest loss of the slice", "{:.3g}"),
    "not_finite": ("not finite, fraction of the slice", "{:.1%}"),
}
"""The metrics that the table gives, in which words, what tells smooth from chaotic first.

The distance from a quadratic and the convex share are left out: a smooth bowl that is no parabola
scores in them as a chaotic landscape does.
"""

FEW = ("training loss", "test loss", *(METRICS[name][0] for name in list(METRICS)[:2]))
"""The rows that are given where there is little space."""


def _rows(runs: Sequence[Compared], *, few: bool) -> list[tuple[str, list[str]]]:
    """The quantities shown of each run: its landscape, then where it stands."""
    rows: list[tuple[str, list[str]]] = []
    sought = minimized(runs[0].slice)
    for name, (label, words) in METRICS.items():
        values = [np.nan if run.figures is None else float(run.figures[name]) for run in runs]
        told = np.nansum(values) > 0 if name == "not_finite" else name != "lowest" or sought
        if np.isfinite(values).any() and told:
            rows.append((label, [_said(words, value) for value in values]))
    rows.append(("step shown", [str(_step(run)) for run in runs]))
    for name, split, label, words in READINGS:
        values = [_reading(run, name, split) for run in runs]
        if np.isfinite(values).any():
            called = label if sought or name != "loss" else title_of(runs[0].slice, name, split)
            rows.append((called, [_said(words, value) for value in values]))
    return [row for row in rows if row[0] in FEW] if few else rows


def _said(words: str, value: float) -> str:
    return words.format(value) if np.isfinite(value) else "–"


def _step(run: Compared) -> int:
    return int(run.path["step"][index_of(run.path, run.seen)])


def _reading(run: Compared, name: str, split: str) -> float:
    """A value of the curves at the step looked at, NaN if there is none."""
    if name not in run.curves or split not in run.curves["split"].values:
        return float("nan")
    values = run.curves[name].sel(split=split)
    return float(values[index_of(run.curves, run.seen)])
