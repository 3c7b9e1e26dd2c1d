"""Many small pictures with one scale of colours: the planes of an ensemble side by side."""

import io
import math
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.captions import headline
from landscape_lab.figures.pixels import finer, shared_limits

Array = npt.NDArray[np.floating[Any]]

COLUMNS, SIDE, DOTS_PER_INCH = 3, 2.0, 200
"""Pictures in a row; inches along a side of one."""

SIZES: Any = {"font.size": 8, "font.family": "sans-serif", "axes.edgecolor": theme.FRAME}


def small_multiples(
    ensemble: xr.Dataset,
    target: Path,
    *,
    figures: xr.Dataset | None = None,
    split: str = "train",
    scale: str = "log",
) -> None:
    """Draw an ensemble into a file, as PNG, SVG or PDF by its suffix.

    Args:
        ensemble: dims (plane, split, beta, alpha).
        target: the file to write.
        figures: the figures over planes, `<figure>_spread` (statistic,), which the title gives.
        split: which part of the data.
        scale: `log` or `linear` heights.
    """
    from matplotlib import rc_context  # takes half a second to import

    from landscape_core.storage import atomic_files

    content = io.BytesIO()
    with rc_context(SIZES):
        paper = multiples(ensemble, figures=figures, split=split, scale=scale)
        paper.savefig(content, format=target.suffix[1:] or "png", dpi=DOTS_PER_INCH)
    atomic_files.write(target, [content.getvalue()])


def multiples(ensemble: xr.Dataset, *, figures: xr.Dataset | None, split: str, scale: str) -> Any:
    """The matplotlib figure of an ensemble; the arguments are those of `small_multiples`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    shown = ensemble["loss"].sel(split=split).transpose("plane", "beta", "alpha")
    heights = theme.decimal_log(shown.values) if scale == "log" else shown.values
    columns = min(COLUMNS, len(heights))
    rows = math.ceil(len(heights) / columns)
    close = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.01, hspace=0.01)
    paper = Figure(figsize=(columns * SIDE + 1.1, rows * SIDE + 0.9), layout=close)
    FigureCanvasAgg(paper)
    every = paper.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    limits = shared_limits(heights)
    for i, axes in enumerate(every.flat):
        axes.set_visible(i < len(heights))
        axes.locator_params(nbins=4)
        axes.tick_params(labelbottom=i + columns >= len(heights), labelsize=6.5, length=2)
        if i < len(heights):
            _picture(axes, heights[i], shown.isel(plane=i), limits, scale)
    _bar(paper, every, scale, f"{'training' if split == 'train' else split} loss")
    paper.supxlabel(_named(shown["alpha"]), fontsize=8)
    paper.supylabel(_named(shown["beta"]), fontsize=8)
    lines = headline(len(heights), figures)
    wide = int(17 * paper.get_figwidth())
    words = "\n".join(line for told in lines for line in textwrap.wrap(told, wide))
    paper.suptitle(words, fontsize=8, color=theme.INK, x=0.01, ha="left")
    return paper


def _picture(
    axes: Any, heights: Array, shown: xr.DataArray, limits: tuple[float, float], scale: str
) -> None:
    """Colours, lines of equal height that are the same in every picture, and the centre."""
    from matplotlib.colors import ListedColormap

    alpha, beta = shown["alpha"].values, shown["beta"].values
    fine, holes = finer(heights)
    drawn = np.ma.masked_array(fine, holes)
    axes.imshow(
        drawn, origin="lower", aspect="auto", vmin=limits[0], vmax=limits[1],
        extent=(alpha[0], alpha[-1], beta[0], beta[-1]), cmap=ListedColormap(theme.LANDSCAPE),
        interpolation="bilinear",
    )  # fmt: skip
    if holes.any():
        axes.patch.set(hatch="////", facecolor=theme.NOT_FINITE, edgecolor=theme.NOT_FINITE_STRIPE)
    levels = theme.levels(*limits, scale)
    if len(levels) and np.ptp(fine) > 0:
        dark = levels >= levels[len(levels) // 2]
        sides = [
            np.linspace(s[0], s[-1], n) for s, n in ((alpha, fine.shape[1]), (beta, len(fine)))
        ]
        crossed = (levels > fine.min()) & (levels < fine.max())
        colors = np.where(dark, f"{theme.HALO}88", "#ffffffaa")
        if crossed.any():
            axes.contour(
                *sides, drawn, levels=levels[crossed], colors=colors[crossed].tolist(),
                linewidths=0.5,
            )  # fmt: skip
    if alpha[0] <= 0 <= alpha[-1] and beta[0] <= 0 <= beta[-1]:
        axes.plot(0, 0, "+", color=theme.HALO, markersize=5.5, markeredgewidth=2.0)
        axes.plot(0, 0, "+", color="#ffffff", markersize=5, markeredgewidth=0.9)
    axes.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]])
    axes.set_title(_title(shown), fontsize=7.5, color=theme.MUTED, pad=2.5)


def _bar(paper: Any, every: Any, scale: str, title: str) -> None:
    image = every.flat[0].images[0]
    low, high = image.get_clim()
    ticks = theme.ticks(low, high, scale, cut=False)
    bar = paper.colorbar(image, ax=every, label=title, pad=0.02, aspect=40)
    bar.set_ticks(list(ticks), labels=list(ticks.values()))
    bar.ax.tick_params(labelsize=6.5)
    bar.outline.set_visible(False)


def _title(shown: xr.DataArray) -> str:
    """Which plane it is, and between which values its loss lies."""
    finite = shown.values[np.isfinite(shown.values)]
    number = f"seed {int(shown['seed'])}" if "seed" in shown.coords else "plane"
    return f"{number}: {finite.min():.3g} to {finite.max():.3g}" if finite.size else number


def _named(axis: xr.DataArray) -> str:
    return str(axis.attrs.get("long_name", axis.name))
