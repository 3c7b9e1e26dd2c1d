"""How far the full Hessian is from convex, over the plane of the picture."""

import numpy as np
import xarray as xr
from bokeh.models import Label

from app import theme
from app.views.axes import put
from app.views.maps import Map, columns, send
from app.views.pixels import Array

WAITING = "The curvature of each point is\nfound once the run is held."
TITLE = "|λ min / λ max| of the Hessian, 0: convex"

TOPS = (0.1, 0.2, 0.5, 1.0)
"""What the last colour stands for: the first of these that holds nearly all that is known."""


class Convexity:
    """The ratio |λ min / λ max| at each point, as far as it is known, with the path on it."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self.map = Map(TITLE)
        self.figure = self.map.figure
        self.path = theme.source("x", "y")
        self.here = theme.source("x", "y")
        for color, width in ((theme.HALO, 3.4), (theme.PATH, 1.8)):
            self.figure.line("x", "y", source=self.path, color=color, width=width)
        self.figure.scatter(
            "x", "y", source=self.here, size=9, fill_color=theme.CURRENT, line_color="#ffffff"
        )
        self._words = Label(
            x=10, y=10, x_units="screen", y_units="screen", text=WAITING,
            text_color=theme.MUTED, text_font=theme.FONT, text_font_size=theme.NORMAL,
            background_fill_color="#ffffff", background_fill_alpha=0.8,
        )  # fmt: skip
        self.figure.add_layout(self._words)

    def update(self, found: xr.Dataset | None, path: xr.Dataset) -> None:
        """Show the `ratio` (beta, alpha), or that it is awaited, and the path by step.

        Args:
            found: as `landscape_core.convexity` gives it; NaN where not known.
            path: `alpha` and `beta` by step.
        """
        if found is None:
            self.map.clear()
            for source in (self.path, self.here):
                send(source, columns(x=np.empty(0), y=np.empty(0)))
            put(self._words, text=WAITING)
            return
        ratio = found["ratio"]
        self.map.update(ratio, *_colors(ratio.values), smooth=False)
        x, y = path["alpha"].values, path["beta"].values
        send(self.path, columns(x=x, y=y))
        send(self.here, columns(x=x[-1:], y=y[-1:]))
        known = ratio.notnull()
        share = float((ratio.values[known.values] > 0.05).mean()) if known.any() else 0.0
        done = int(known.sum())
        words = f"above 0.05 at {share:.0%} of {done} points" if done else WAITING
        put(self._words, text=words)


def _colors(ratio: Array) -> tuple[tuple[float, float], dict[float, str]]:
    """The values of the first and the last colour, and which values are named."""
    known = ratio[np.isfinite(ratio)]
    held = float(np.percentile(known, theme.CUT)) if known.size else 0.0
    top = next((top for top in TOPS if held <= top), TOPS[-1])
    last = f"≥ {top:g}" if (known > top).any() else f"{top:g}"
    return (0.0, top), {0.0: "0", top / 2: f"{top / 2:g}", top: last}
