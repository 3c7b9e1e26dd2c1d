"""Arrows along the field that training follows, over the plane of the picture."""

import numpy as np
import xarray as xr
from bokeh.models import Arrow, VeeHead

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.maps import Map, Track, columns, send
from landscape_lab.figures.pixels import Array

WAITING = "The field is computed\nwhen the run is paused."
TITLE = "strength of the pull"

REACH = 0.75
"""Length of an arrow, as a fraction of the distance between two."""

ENDS = ("x", "y", "to_x", "to_y")


class Field:
    """Arrows of one length where the field goes within the plane, on its true length as colour."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self.map = Map(TITLE)
        self.figure = self.map.figure
        self.arrows = theme.source(*ENDS)
        for color, width in ((theme.HALO, 3.0), ("#ffffff", 1.3)):
            self.figure.add_layout(
                Arrow(
                    source=self.arrows, x_start="x", y_start="y", x_end="to_x", y_end="to_y",
                    line_color=color, line_width=width, line_alpha=0.55 if width > 2 else 1.0,
                    end=VeeHead(
                        size=6, fill_color=color, line_color=color,
                        line_alpha=0.55 if width > 2 else 1.0,
                    ),
                )
            )  # fmt: skip
        self.track = Track(self.map, WAITING, (("#ffffff", 4.0), (theme.CURRENT, 2.2)))

    def update(self, found: xr.Dataset | None, path: xr.Dataset) -> None:
        """Show the field, or that it is awaited, and the path by step.

        Args:
            found: as `landscape_core.analysis.vector_field` gives it; NaN where not known.
            path: `alpha` and `beta` by step.
        """
        if found is None:
            self.map.clear()
            send(self.arrows, columns(**dict.fromkeys(ENDS, np.empty(0))))
            self.track.clear()
            return
        lengths = found["length"]
        heights = lengths.copy(data=theme.decimal_log(lengths.values))
        limits = theme.limits(heights.values)
        ticks = theme.ticks(*limits, "log", cut=bool((heights > limits[1]).any()))
        self.map.update(heights, limits, ticks, smooth=True)
        send(self.arrows, columns(**arrows(found)))
        here = {side: float(path[side].values[-1]) for side in ("alpha", "beta")}
        self.track.update(path, _words(found, here))


def arrows(found: xr.Dataset) -> dict[str, Array]:
    """Where each arrow begins and ends, its middle at a point of the grid; none where F is zero.

    All are equally long, counted in the distances between points, and go where a path would.
    """
    x, y = np.meshgrid(found["alpha"].values, found["beta"].values)
    cell = [float(found[side][1] - found[side][0]) for side in ("alpha", "beta")]
    rates = [found[f"{side}_rate"].transpose("beta", "alpha").values for side in ("alpha", "beta")]
    length = np.hypot(rates[0] / cell[0], rates[1] / cell[1])
    drawn = np.isfinite(length) & (length > 0)
    half = [0.5 * REACH * rate[drawn] / length[drawn] for rate in rates]
    middle = x[drawn], y[drawn]
    ends = [m + sign * h for sign in (-1, 1) for m, h in zip(middle, half, strict=True)]
    return dict(zip(ENDS, ends, strict=True))


def _words(found: xr.Dataset, here: dict[str, float]) -> str:
    share = float(found["share"].sel(here, method="nearest"))
    return "" if np.isnan(share) else f"here {100 * share:.0f} % of it\nlies in this plane"
