"""Marks of a panel drawn by Matplotlib."""

from collections.abc import Callable
from typing import Any

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures import marks as m

LEGEND_ROOM = 8
"""Labels up to which a legend has one column."""

CROWDED = 50
"""Names of an axis times the letters of the longest, above which they are turned."""

SLANT = 25
"""By how many degrees."""


def draw_panel(axes: Any, panel: m.Panel) -> None:
    """Draw a panel on Axes."""
    axes.set_title(panel.title, fontsize=9, color=theme.INK, loc="left")
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    _set_scale(axes, panel)
    for mark in panel.marks:
        DRAWN[type(mark)](axes, mark)
    _set_sides(axes, panel)
    if panel.equal:
        axes.set_aspect("equal", adjustable="box")
    if not any(isinstance(mark, m.Cells) for mark in panel.marks):
        axes.grid(color=theme.GRID)
        axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _key(axes)


def _set_sides(axes: Any, panel: m.Panel) -> None:
    """Names in place of numbers, and ends, where the panel has them."""
    sides = (("x", panel.x_ticks, panel.x_range), ("y", panel.y_ticks, panel.y_range))
    for side, ticks, ends in sides:
        if ticks:
            getattr(axes, f"set_{side}ticks")(list(ticks), list(ticks.values()))
        if ends is not None:
            getattr(axes, f"set_{side}lim")(*ends)
    count, longest = len(panel.x_ticks), max(map(len, panel.x_ticks.values()), default=0)
    if (count > 3 and longest > 6) or count * longest > CROWDED:
        for name in axes.get_xticklabels():  # its end at its place: else it lies below the next
            name.set(rotation=SLANT, ha="right", rotation_mode="anchor")


def _set_scale(axes: Any, panel: m.Panel) -> None:
    for side, scale in (("x", panel.x_scale), ("y", panel.y_scale)):
        if scale == "symlog":
            least = _least(panel, side)
            getattr(axes, f"set_{side}scale")("symlog", linthresh=least)
        elif scale == "log":
            getattr(axes, f"set_{side}scale")("log")


def _least(panel: m.Panel, side: str) -> float:
    """Where a symmetric logarithm becomes linear: a thousandth of the largest value."""
    columns = (getattr(mark, side, None) for mark in panel.marks)
    values = [np.abs(np.ravel(column)) for column in columns if column is not None]
    largest = max(
        (float(np.nanmax(each)) for each in values if each.size and np.isfinite(each).any()),
        default=1.0,
    )
    return 1e-3 * (largest or 1.0)


def _key(axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        axes.legend(
            handles, labels, facecolor=theme.SURFACE, framealpha=0.85, edgecolor="none", fontsize=7,
            labelcolor=theme.MUTED, ncols=1 + len(labels) // LEGEND_ROOM,
        )  # fmt: skip


def _line(axes: Any, mark: m.Line) -> None:
    axes.plot(
        mark.x, mark.y, color=mark.color, linewidth=0.8 * mark.width, alpha=mark.opacity,
        label=mark.label or None, linestyle="--" if mark.dashed else "-",
        marker="o" if mark.dots else None, markersize=3,
    )  # fmt: skip


def _band(axes: Any, mark: m.Band) -> None:
    axes.fill_between(
        mark.x, mark.low, mark.high, color=mark.color, alpha=mark.opacity, linewidth=0
    )


def _dots(axes: Any, mark: m.Dots) -> None:
    axes.scatter(
        mark.x, mark.y, s=np.square(mark.size), c=mark.color, alpha=mark.opacity,
        label=mark.label or None, linewidths=0, zorder=3,
    )  # fmt: skip


def _arrows(axes: Any, mark: m.Arrows) -> None:
    axes.quiver(
        mark.x0, mark.y0, mark.x1 - mark.x0, mark.y1 - mark.y0, color=mark.color,
        alpha=mark.opacity, angles="xy", scale_units="xy", scale=1, width=0.003,
        headwidth=4 if mark.heads else 0, label=mark.label or None,
    )  # fmt: skip
    ends = np.concatenate([np.stack([mark.x0, mark.y0], 1), np.stack([mark.x1, mark.y1], 1)])
    axes.update_datalim(ends[np.isfinite(ends).all(1)])
    axes.autoscale_view()


def _bars(axes: Any, mark: m.Bars) -> None:
    errors = None
    if mark.low is not None and mark.high is not None:
        errors = np.maximum([mark.height - mark.low, mark.high - mark.height], 0)
    axes.bar(
        mark.x, mark.height, mark.width, color=mark.color, label=mark.label or None, yerr=errors,
        error_kw={"ecolor": theme.INK, "elinewidth": 0.8},
    )  # fmt: skip


def _ticks(axes: Any, mark: m.Ticks) -> None:
    half = mark.width / 2
    axes.hlines(
        mark.y, mark.x - half, mark.x + half, color=mark.color, linewidth=2,
        label=mark.label or None,
    )  # fmt: skip


def _cells(axes: Any, mark: m.Cells) -> None:
    from matplotlib.colors import ListedColormap, LogNorm, Normalize

    colors = ListedColormap(mark.colors or theme.LANDSCAPE)
    values = np.ma.masked_invalid(mark.values)
    finite = mark.values[np.isfinite(mark.values) & ((mark.values > 0) | (mark.scale != "log"))]
    ends = (float(finite.min()), float(finite.max())) if finite.size else (0.1, 1.0)
    low, high = mark.limits or ends
    norm = Normalize(low, high)
    if mark.scale == "log":
        values = np.ma.masked_less_equal(values, 0)
        norm = LogNorm(low, high)
    opacity = 1.0 if mark.kept is None else np.where(mark.kept > 0, 1.0, 0.25)
    if mark.kept is not None:
        shown = colors(norm(values.clip(low, high)))
        shown[..., 3] = opacity
        axes.pcolormesh(mark.x, mark.y, shown)
    drawn = axes.pcolormesh(
        mark.x, mark.y, values, cmap=colors, norm=norm, rasterized=True,
        visible=mark.kept is None,
    )  # fmt: skip
    if finite.size:
        axes.figure.colorbar(drawn, ax=axes, label=mark.label)


def _contours(axes: Any, mark: m.Contours) -> None:
    if not len(mark.levels) or not np.isfinite(mark.values).any():
        return
    look: dict[str, Any] = {"colors": mark.color} if mark.color else {"cmap": "viridis"}
    axes.contour(
        mark.x, mark.y, np.ma.masked_invalid(mark.values), levels=mark.levels, linewidths=0.6,
        alpha=0.6, linestyles="solid", **look,
    )  # fmt: skip


def _area(axes: Any, mark: m.Area) -> None:
    axes.fill(
        mark.x, mark.y, facecolor=mark.color, alpha=mark.opacity, label=mark.label or None,
        linewidth=0,
    )  # fmt: skip


def _span(axes: Any, mark: m.Span) -> None:
    axes.axvspan(
        mark.start, mark.end, color=mark.color, alpha=0.35, label=mark.label or None, linewidth=0
    )


def _rule(axes: Any, mark: m.Rule) -> None:
    look: dict[str, Any] = {"color": mark.color, "linewidth": 1, "label": mark.label or None}
    if mark.y is not None:
        axes.axhline(mark.y, linestyle="--", **look)
    if mark.x is not None:
        axes.axvline(mark.x, linestyle="--" if mark.label else "-", zorder=0, **look)


DRAWN: dict[type, Callable[[Any, Any], None]] = {
    m.Line: _line,
    m.Band: _band,
    m.Dots: _dots,
    m.Arrows: _arrows,
    m.Bars: _bars,
    m.Ticks: _ticks,
    m.Cells: _cells,
    m.Contours: _contours,
    m.Area: _area,
    m.Span: _span,
    m.Rule: _rule,
}
"""How each kind of mark is drawn."""
