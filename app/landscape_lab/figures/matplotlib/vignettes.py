"""The path of an optimizer over contours, small enough for a grid of figures."""

import io
from pathlib import Path

import numpy as np
import xarray as xr

from landscape_lab.figures import theme

WIDTH, HEIGHT = 220, 160
"""Pixels."""

DECADES = (-2.5, 1.25)
"""Decimal logarithms of the losses with the first and the last colour."""

BANDS = 16


def path_png(slice_: xr.Dataset, path: xr.Dataset, words: str, target: Path) -> None:
    """Draw a path over the contours of a slice into a PNG; equal data give equal files.

    Args:
        slice_: `loss` (split, beta, alpha), above zero almost everywhere.
        path: alpha and beta by step.
        words: the text in the corner.
        target: the file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # these take half a second
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from PIL import Image

    from landscape_core.storage import atomic_files

    alpha, beta = slice_["alpha"].values, slice_["beta"].values
    heights = np.clip(theme.decimal_log(slice_["loss"].isel(split=0).values), *DECADES)
    levels = np.linspace(*DECADES, BANDS)
    paper = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
    canvas = FigureCanvasAgg(paper)
    axes = paper.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.contourf(alpha, beta, heights, levels=levels, cmap=ListedColormap(theme.LANDSCAPE))
    axes.contour(
        alpha, beta, heights, levels=levels, colors=f"{theme.HALO}55", linewidths=0.4,
        linestyles="solid",
    )  # fmt: skip
    x, y = path["alpha"].values, path["beta"].values
    for color, width, size in ((theme.HALO, 2.6, 4.0), (theme.PATH, 1.1, 2.2)):
        axes.plot(x, y, "-o", color=color, linewidth=width, markersize=size, markeredgewidth=0)
    axes.plot(x[:1], y[:1], "o", color="#ffffff", markersize=5, markeredgecolor=theme.HALO)
    axes.plot(x[-1:], y[-1:], "o", color=theme.CURRENT, markersize=6, markeredgecolor="#ffffff")
    axes.text(
        0.02, 0.03, words, transform=axes.transAxes, fontsize=6.5, color="#ffffff",
        bbox={"facecolor": theme.HALO, "alpha": 0.5, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
    axes.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]])
    drawn = io.BytesIO()
    canvas.print_png(drawn, metadata={"Software": None})
    picture = Image.open(drawn).convert("RGB")
    few = Image.new("P", (1, 1))
    few.putpalette(bytes.fromhex("".join(_palette()).replace("#", "")))
    content = io.BytesIO()
    picture.quantize(palette=few, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    atomic_files.write(target, [content.getvalue()])


def _palette() -> list[str]:
    """The few colours of a file, which make it small."""
    bands = [theme.LANDSCAPE[round(i * 255 / (BANDS - 2))] for i in range(BANDS - 1)]
    lines = [theme.mixed(color, theme.HALO, 0.3) for color in bands]
    shades = theme.ramp((theme.HALO, theme.PATH), 8)
    return [*bands, *lines, *shades, *theme.ramp((theme.CURRENT, theme.PATH), 4)]
