"""The landscape in three dimensions: our own WebGL component, fed by binary messages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import param
from panel.custom import JSComponent

from app import theme
from app.wiring import Messages

Array = npt.NDArray[np.floating[Any]]


class SurfaceModel(Messages, JSComponent):
    """Its browser side."""

    _esm = Path(__file__).with_name("surface.js")

    colors = param.List(doc="the colour map from low to high")
    labels = param.List(default=["", "", ""], doc="names of the two axes and of the height")

    heard: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.heard(data)


class Surface:
    """A surface over a rectangle, with a path on it; the camera is the user's."""

    def __init__(self) -> None:
        """An empty surface that fills the space it is given."""
        self._frame = b""
        self.view = SurfaceModel(
            colors=list(theme.LANDSCAPE[::5]), sizing_mode="stretch_both", min_height=0
        )
        self.view.heard = self._hear

    def draw(  # noqa: PLR0913 - all that one picture is made of
        self,
        heights: Array,
        alpha: Array,
        beta: Array,
        path: Array,
        minimum: tuple[float, float, float] | None,
        limits: tuple[float, float],
        labels: tuple[str, str, str],
    ) -> None:
        """Send a picture.

        Args:
            heights: (beta, alpha), on the displayed scale; NaN and infinity are shown as holes.
            alpha: coordinates of the columns.
            beta: coordinates of the rows.
            path: (steps, 3): alpha, beta and height of each iterate, the current one last.
            minimum: alpha, beta and height of the lowest point, if there is one.
            limits: lowest and highest height that is drawn; beyond it heights are cut.
            labels: names of the axes and of the height.
        """
        if list(labels) != self.view.labels:
            self.view.labels = list(labels)
        self._frame = packed(heights, alpha, beta, path, minimum, limits)
        self.view._send_msg(self._frame)

    def _hear(self, data: dict[str, Any]) -> None:
        if data.get("action") == "ready" and self._frame:
            self.view._send_msg(self._frame)


def packed(
    heights: Array,
    alpha: Array,
    beta: Array,
    path: Array,
    minimum: tuple[float, float, float] | None,
    limits: tuple[float, float],
) -> bytes:
    """One buffer of float32: 13 numbers of header, the heights row by row, the path."""
    low = minimum or (np.nan, np.nan, np.nan)
    ends = (alpha[0], alpha[-1], beta[0], beta[-1])
    header = (*heights.shape, len(path), *limits, *ends, *low, 0.0)
    parts = (np.array(header), heights.ravel(), path.ravel())
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and shown as that
        return np.concatenate(parts).astype(np.float32).tobytes()
