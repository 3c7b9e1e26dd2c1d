"""The look of curves on paper: colours of splits, scale and ends of the vertical axis, grid."""

from typing import Any

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.base import PlotOptions


def split_color(split: str) -> str:
    """The colour of the curves of a split."""
    return theme.SPLITS.get(split, theme.CLASSES[3] if split else theme.ACCENT)


def finish(axes: Any, words: str, options: PlotOptions) -> None:
    """Name the vertical axis, and give it the scale and the ends that the options say.

    On a logarithmic scale only values above zero are drawn.
    """
    axes.set_ylabel(words)
    axes.grid(color=theme.GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if options.scale == "log" and _positive(axes):
        axes.set_yscale("log")
    if options.limits is not None:
        axes.set_ylim(*options.limits)


def _positive(axes: Any) -> bool:
    """Whether any curve has a value above zero."""
    every = [np.asarray(line.get_ydata(), float) for line in axes.get_lines()]
    return any(bool((values[np.isfinite(values)] > 0).any()) for values in every)
