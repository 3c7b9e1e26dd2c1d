"""A topological landscape profile: a curve whose basins have the depths and sizes of a slice's.

Geniesse et al., Visualizing loss functions as topological landscape profiles, 2024.
"""

from typing import Any

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.barcode import finish, mark_minima, name_heights
from landscape_lab.figures.topology import bars, curve, profile_limits, scale_for


def profile_on(axes: Any, barcode: xr.Dataset, profile: xr.Dataset, scale: str = "linear") -> None:
    """Draw a profile with the most persistent minima marked on it.

    Args:
        axes: of Matplotlib.
        barcode: as `landscape_core.analysis.persistence` gives it, of minima.
        profile: as `landscape_core.analysis.topological_profile` gives it.
        scale: `log` or `linear` heights; linear where a loss is not positive.
    """
    scale = scale_for(barcode, scale)
    found = bars(barcode, scale)
    x, y = curve(profile, scale)
    low, high = profile_limits(found, y)
    axes.fill_between(x, low, y, color=theme.GRID, linewidth=0)
    axes.plot(x, y, color=theme.INK, linewidth=1.0)
    mark_minima(axes, found, found.position, found.birth)
    name_heights(axes.yaxis, (low, high), scale)
    axes.set(xlim=(0, 1), ylim=(low, high), xlabel="share of the points of the slice")
    finish(axes, barcode)
