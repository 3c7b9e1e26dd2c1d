"""Two to four runs beside each other on one scale of colours, their differences, their figures."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from bokeh.layouts import column, row
from bokeh.models import Div, Spacer

from app import theme
from app.views.axes import put
from app.views.overlaid import Overlaid
from app.views.panels import DIFFERENCES, Heights, Panel, difference
from app.views.path import index_of
from app.views.pixels import SHADES, Array
from app.views.runs import Runs
from app.views.sizes import enlarge
from app.views.tables import colors, table

MOST = 4
"""Runs that are compared, at most."""

MODES = ("side", "difference", "together")

WAITING = "The paths are put on one plane\nonce the runs are held."

FILL: dict[str, Any] = {"sizing_mode": "stretch_both", "spacing": 0}

NAMED = 5
"""Heights named below a scale of colours, at most."""

WIDE = ".bk-clearfix { display: block; width: 100%; }"

FOOT = 168
"""Pixels for the figures and the curves below the landscapes."""


@dataclass(frozen=True, eq=False)
class Compared:
    """A run that is compared: a letter, what differs in it, and what there is of it.

    `figures` are those of `landscape_core.figures`, of the same split and scale; without them the
    table tells only what the path tells.
    """

    name: str
    words: str
    slice: xr.Dataset
    path: xr.Dataset
    seen: int
    curves: xr.Dataset
    split: str = "train"
    figures: xr.Dataset | None = None


OVERLAP = 0.5
"""Pictures that have less than this share in common say so."""


class Comparison:
    """Landscapes side by side, or minus the first, or all paths on one plane; figures below."""

    def __init__(self) -> None:
        """Empty, and as large as there is space."""
        self.panels = [Panel() for _ in range(MOST)]
        self.together = Runs("loss on the data of A", WAITING)
        self.curves = Overlaid()
        line: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (2, 8, 2, 8)}
        self.names = Div(text="", visible=False, **line)
        self.bar = Div(text="", stylesheets=[WIDE], **line)
        self.table = Div(text="", margin=(4, 8, 0, 8))
        self._blank = Spacer(sizing_mode="stretch_both", visible=False)
        cells = [panel.figure for panel in self.panels]
        self._second = row(*cells[2:], self._blank, **FILL)
        self._grid = column(row(*cells[:2], **FILL), self._second, **FILL)
        self._plane = column(self.names, self.together.figure, visible=False, **FILL)
        self._foot = row(
            self.table, self.curves.figure, sizing_mode="stretch_width", height=FOOT, spacing=0
        )
        self.figure = column(self._grid, self._plane, self.bar, self._foot, **FILL)
        self._factor = 1.0

    def update(
        self,
        runs: Sequence[Compared],
        mode: str = "side",
        scale: str = "log",
        *,
        variable: str = "loss",
        limits: tuple[float, float] | None = None,
        plane: xr.Dataset | None = None,
    ) -> None:
        """Show two to four runs.

        Args:
            runs: the first is the one from which others are told apart; one alone is shown too.
            mode: `side`, `difference` (each minus the first at equal coordinates) or `together`.
            scale: `log` or `linear` heights.
            variable: what of the slices is shown, the loss where one does not have it.
            limits: losses of the first and the last colour; by default they hold all pictures.
            plane: for `together`, a slice with the paths of all in the order of the runs, as
                `landscape_core.tasks.look_at` gives it.
        """
        runs = runs[:MOST]
        together = mode == "together"
        put(self._grid, visible=not together)
        put(self._plane, visible=together)
        put(self.bar, visible=not together)
        if together:
            self._unite(runs, plane, scale)
        else:
            loss = variable == "loss" or any(variable not in run.slice for run in runs)
            look = _Look("loss", scale, limits) if loss else _Look(variable, "linear", None)
            self._spread(runs, mode, look)
        put(self.table, text=table(_heads(runs), _rows(runs)))
        names = {run.name: color_of(i) for i, run in enumerate(runs)}
        self.curves.update([(run.curves, run.seen) for run in runs], names)

    def scale(self, factor: float) -> None:
        """Make type, lines and signs so many times as large as they are by themselves."""
        enlarge(self.figure, factor / self._factor)
        for panel in self.panels:
            panel.enlarge(factor)
        for words in (self.names, self.bar, self.table):
            words.styles = {"zoom": f"{factor:g}"}
        self._foot.height = round(FOOT * factor)
        self._factor = factor

    def _unite(self, runs: Sequence[Compared], plane: xr.Dataset | None, scale: str) -> None:
        titles = [title(i, run.name, run.words) for i, run in enumerate(runs)]
        put(self.names, text=" &nbsp; ".join(titles), visible=True)
        names = {run.name: color_of(i) for i, run in enumerate(runs)}
        there = plane if plane is not None and "path_alpha" in plane else None
        self.together.update(there, runs[0].split, scale, names)

    def _spread(self, runs: Sequence[Compared], mode: str, look: "_Look") -> None:
        """Each run in its panel, and the scale of colours for all."""
        put(self._second, visible=len(runs) > 2)
        put(self._blank, visible=len(runs) == 3)
        shown = look.heights(runs)
        bars = [_bar(look.title(runs[0].split), shown, look.scale)]
        names = [run.name for run in runs]
        if mode == "difference" and len(runs) > 1:
            shown = [shown[0], *_minus(shown[0], shown[1:])]
            unit = "in powers of ten" if look.scale == "log" else f"of the {look.variable}"
            bars = [_bar(look.title(runs[0].split), shown[:1], look.scale)]
            bars.append(_bar(f"difference {unit}", shown[1:], "linear"))
            names[1:] = [f"{name} − {runs[0].name}" for name in names[1:]]
        for i, panel in enumerate(self.panels):
            there = i < len(runs)
            put(panel.figure, visible=there)
            if there:
                words = title(i, names[i], runs[i].words + _overlap(shown[i]))
                panel.update(words, shown[i], runs[i].path, runs[i].seen)
        bars = [f'<div style="flex: 1; min-width: 220px">{bar}</div>' for bar in bars]
        put(self.bar, text=f'<div style="display: flex; gap: 12px">{"".join(bars)}</div>')


@dataclass(frozen=True)
class _Look:
    """What of the slices is shown, and at which heights."""

    variable: str
    scale: str
    limits: tuple[float, float] | None

    def heights(self, runs: Sequence[Compared]) -> list[Heights]:
        """Of each run, all with the same range."""
        found = [run.slice[self.variable].sel(split=run.split) for run in runs]
        found = [each.transpose("beta", "alpha") for each in found]
        lift: Callable[[Array], Array] = theme.decimal_log if self.scale == "log" else np.asarray
        lifted = [each.copy(data=lift(each.values)) for each in found]
        every = np.concatenate([each.values.ravel() for each in lifted])
        ends = theme.range_of(every, self.limits, self.scale)
        levels = theme.levels(*ends, self.scale)
        return [
            Heights(heights, raw.values, ends, levels)
            for heights, raw in zip(lifted, found, strict=True)
        ]

    def title(self, split: str) -> str:
        """What the colours mean."""
        return f"{'training' if split == 'train' else split} {self.variable}"


def color_of(number: int) -> str:
    """The colour in which a run has its letter, its curve and its path among others."""
    return theme.CLASSES[number % len(theme.CLASSES)]


def title(number: int, name: str, words: str) -> str:
    """A run's letter in its colour, and what differs in it, as HTML."""
    return (
        f'<span style="font: {theme.NORMAL}/1.35 {theme.FONT}; color: {theme.INK}">'
        f'<b style="color: {color_of(number)}">{html.escape(name)}</b> {html.escape(words)}</span>'
    )


def _minus(first: Heights, others: Sequence[Heights]) -> list[Heights]:
    """Each of the others minus the first, in one range around zero."""
    found = [difference(other.heights, first.heights) for other in others]
    sizes = np.abs(np.concatenate([each.values.ravel() for each in found]))
    most = theme.limits(sizes)[1]
    zero = np.zeros(1)
    return [Heights(each, each.values, (-most, most), zero, diverging=True) for each in found]


def _overlap(shown: Heights) -> str:
    """That two pictures have little in common, where that is so."""
    share = float(np.isfinite(shown.heights.values).mean())
    if not shown.diverging or share > OVERLAP:
        return ""
    return f" (the two planes have {share:.0%} in common: random directions have more)"


def _bar(words: str, shown: Sequence[Heights], scale: str) -> str:
    """The scale of colours that pictures share, with few words below it."""
    (low, high), diverging = shown[0].limits, shown[0].diverging
    palette = DIFFERENCES[:SHADES] if diverging else theme.LANDSCAPE
    cut = not diverging and any(bool((one.heights > high).any()) for one in shown)
    ticks = list(theme.ticks(low, high, scale, cut=cut).items())[::-1]
    few = dict(ticks[:: max(1, -(-len(ticks) // NAMED))])
    return colors(words, palette, shown[0].limits, few)


def _heads(runs: Sequence[Compared]) -> list[tuple[str, str]]:
    return [(run.name, color_of(i)) for i, run in enumerate(runs)]


READINGS = (
    ("loss", "train", "training loss there", "{:.3g}"),
    ("loss", "test", "test loss there", "{:.3g}"),
    ("accuracy", "test", "test accuracy there", "{:.1%}"),
)
"""What the table gives of the point where each run stands."""

TOLD = {
    "lowest": ("lowest loss in the picture", "{:.3g}"),
    "minima": ("minima in the picture", "{:.0f}"),
    "convex_share": ("convex, share of the picture", "{:.0%}"),
    "roughness": ("roughness, share of the range", "{:.1%}"),
    "not_finite": ("not finite, share of the picture", "{:.1%}"),
}
"""The figures that the table gives, in which words."""


def _rows(runs: Sequence[Compared]) -> list[tuple[str, list[str]]]:
    """What is told of each run: where it stands, then its landscape."""
    rows = [("step looked at", [str(_step(run)) for run in runs])]
    for name, split, label, words in READINGS:
        values = [_reading(run, name, split) for run in runs]
        if np.isfinite(values).any():
            rows.append((label, [_said(words, value) for value in values]))
    for name, (label, words) in TOLD.items():
        values = [np.nan if run.figures is None else float(run.figures[name]) for run in runs]
        if np.isfinite(values).any() and (name != "not_finite" or np.nansum(values) > 0):
            rows.append((label, [_said(words, value) for value in values]))
    return rows


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
