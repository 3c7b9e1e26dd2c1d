"""How far the full Hessian is from convex, over the plane of the picture."""

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.maps import Map, Track
from landscape_lab.figures.pixels import Array

WAITING = "The curvature of each point\nis computed when the run is paused."
TITLE = "|λ min / λ max|, 0: convex"

TOPS = (0.1, 0.2, 0.5, 1.0)
"""What the last colour stands for: the first of these that holds nearly all that is known."""


class Convexity:
    """The ratio |λ min / λ max| at each point, as far as it is known, with the path on it."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self.map = Map(TITLE)
        self.figure = self.map.figure
        self.track = Track(self.map, WAITING, ((theme.HALO, 3.4), (theme.PATH, 1.8)))

    def update(self, found: xr.Dataset | None, path: xr.Dataset) -> None:
        """Show the `ratio` (beta, alpha), or that it is awaited, and the path by step.

        Args:
            found: as `landscape_core.analysis.convexity_map` gives it; NaN where not known.
            path: `alpha` and `beta` by step.
        """
        if found is None:
            self.map.clear()
            self.track.clear()
            return
        ratio = found["ratio"]
        self.map.update(ratio, *_colors(ratio.values), smooth=False)
        known = ratio.notnull()
        share = float((ratio.values[known.values] > 0.05).mean()) if known.any() else 0.0
        done = int(known.sum())
        self.track.update(path, _words(share, done) if done else "")


def _words(share: float, points: int) -> str:
    return f"above 0.05 at\n{100 * share:.0f} % of {points} points"


def _colors(ratio: Array) -> tuple[tuple[float, float], dict[float, str]]:
    """The values of the first and the last colour, and which values are named."""
    known = ratio[np.isfinite(ratio)]
    held = float(np.percentile(known, theme.CUT)) if known.size else 0.0
    top = next((top for top in TOPS if held <= top), TOPS[-1])
    last = f"≥ {top:g}" if (known > top).any() else f"{top:g}"
    return (0.0, top), {0.0: "0", top / 2: f"{top / 2:g}", top: last}
