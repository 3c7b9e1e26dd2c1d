"""Paths on paper: that of the run, and those of others on its plane."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import best, dots

Array = npt.NDArray[np.floating[Any]]

SHADES = 32
"""Colours from the start of a path to its end, at most."""


EDGE, NEAR = 0.07, 0.06
"""How far the value of a line is from the edge, and from paths and other values; in widths."""


def apart(
    lines: Sequence[Sequence[Array]], sides: Sequence[tuple[float, float]], path: xr.Dataset | None
) -> list[tuple[float, float]]:
    """A place for the value of each line of equal height, off the edge, a path and each other."""
    corner, far = np.array(sides).T
    extent = far - corner
    taken = np.empty((0, 2))
    if path is not None:
        way = np.stack([path["alpha"].values, path["beta"].values], axis=1)
        way = way[np.isfinite(way).all(axis=1)]
        stride = max(1, len(way) // 300)
        taken = (way[::stride] - corner) / extent
    found: list[tuple[float, float]] = []
    for pieces_of_level in lines:
        at = (np.concatenate([np.empty((0, 2)), *pieces_of_level]) - corner) / extent
        at = at[((at > EDGE) & (at < 1 - EDGE)).all(axis=1)]
        if not len(at):
            continue
        between = np.abs(at[:, None] - taken[None]) if len(taken) else np.ones((len(at), 1, 2))
        free = between.max(axis=2).min(axis=1)
        if free.max() > NEAR:
            place = at[free.argmax()]
            taken = np.concatenate([taken, place[None]])
            alpha, beta = (place * extent + corner).tolist()
            found.append((alpha, beta))
    return found


def pieces(count: int) -> Iterator[tuple[slice, str]]:
    """The segments of a path of this number of points, in the colours of time."""
    ends = np.unique(np.linspace(0, max(0, count - 1), SHADES + 1).astype(int)).tolist()
    colors = theme.ramp(theme.TIME, max(1, len(ends) - 1))
    for (first, last), color in zip(pairwise(ends), colors, strict=False):
        yield slice(first, last + 1), color


def outlined(width: float) -> list[Any]:
    """Path effects that give a sign of this line width a dark outline, in the legend as well."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width + 1.5, foreground=theme.HALO), Normal()]


def path_on(axes: Any, path: xr.Dataset, seen: int | None, up: Array | None = None) -> None:
    """The path to the step that is seen, with its signs; what came later is faint.

    Args:
        axes: where to draw.
        path: alpha and beta by step.
        seen: the step that is looked at; None: the last.
        up: the heights of the path, where the axes are deep.
    """
    places = [path["alpha"].values, path["beta"].values] + ([] if up is None else [up])
    there = np.isfinite(places[0]) & np.isfinite(places[1])
    past = there if seen is None else there & (path["step"].values <= seen)
    draw: dict[str, Any] = {"solid_joinstyle": "round", "zorder": 4}
    if not past.all():
        axes.plot(
            *[one[there] for one in places], color=theme.PATH, alpha=0.55, linewidth=0.9, **draw
        )
    gone = [one[past] for one in places]
    axes.plot(*gone, color=theme.HALO, alpha=0.7, linewidth=3.2, **draw)
    for piece, color in pieces(len(gone[0])):
        axes.plot(*[one[piece] for one in gone], color=color, linewidth=1.6, **draw)
    if len(gone[0]) > 1:
        nowhere = [np.full(1, np.nan)] * len(places)
        for word, color in (("early", theme.TIME[0]), ("late", theme.TIME[-1])):
            outline = outlined(2.4)
            axes.plot(*nowhere, color=color, linewidth=2.4, label=word, path_effects=outline)
    every, dotted = dots(path["step"].values[past])
    signs = {"markeredgecolor": theme.HALO, "linestyle": "", "zorder": 5}
    if dotted:
        told = f"every {every} steps" if every > 1 else "every step"
        axes.plot(*[one[dotted] for one in gone], ".", **signs | {"markeredgewidth": 0.0},
                  color=theme.HALO, markersize=4, label=told)  # fmt: skip
    if len(gone[0]):
        first, last = [one[:1] for one in gone], [one[-1:] for one in gone]
        axes.plot(*first, "o", color="#ffffff", markersize=6, label="start", **signs)
        word = "last" if bool((past == there).all()) else f"step {seen}"
        axes.plot(*last, "o", color=theme.CURRENT, markersize=8, label=word,
                  **signs | {"markeredgecolor": "#ffffff"})  # fmt: skip
    lowest = best(path, int(np.flatnonzero(past)[-1])) if past.any() else None
    if lowest is not None:
        at = [one[lowest : lowest + 1] for one in places]
        axes.plot(*at, "*", color=theme.BEST, markersize=8, label="lowest on path",
                  **signs | {"markeredgewidth": 0.7, "zorder": 6})  # fmt: skip


def other_on(axes: Any, number: int, path: xr.Dataset) -> None:
    """Draw the path of another run, in a colour of its own."""
    color = theme.CLASSES[(number - 1) % len(theme.CLASSES)]
    run_on(axes, f"run {number}", color, path)


def run_on(axes: Any, name: str, color: str, path: xr.Dataset, up: Array | None = None) -> None:
    """Draw the path of one of several runs in its colour, its last point as a disc.

    Args:
        axes: where to draw.
        name: of the run, in the legend; underscores at its beginning are left out.
        color: of the path.
        path: alpha and beta by step.
        up: the heights of the path, where the axes are deep.
    """
    places = [path["alpha"].values, path["beta"].values] + ([] if up is None else [up])
    draw: dict[str, Any] = {"solid_joinstyle": "round", "zorder": 4}
    axes.plot(*places, color="#ffffff", linewidth=3.2, **draw)
    word = name.lstrip("_") or name  # Matplotlib leaves out what begins with one
    axes.plot(*places, color=color, linewidth=1.6, label=word, **draw)
    last = [one[-1:] for one in places]
    axes.plot(*last, "o", color=color, markersize=7, markeredgecolor="#ffffff", zorder=5)
