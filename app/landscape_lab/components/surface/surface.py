"""The 3-D surface: a WebGL component that receives binary messages."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import param
import xarray as xr
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages
from landscape_lab.figures import theme
from landscape_lab.figures.annotations import lowest, minimized, title_of
from landscape_lab.figures.bokeh.path import ages, best, index_of
from landscape_lab.figures.bokeh.sliders import SEEN
from landscape_lab.figures.camera import HOME, Camera
from landscape_lab.figures.pixels import raised
from landscape_lab.figures.reduced import divisor_of, reduced, reduced_limits

Array = npt.NDArray[np.floating[Any]]
Spot = tuple[float, float, float]
Labels = tuple[str, str, str]
"""Names of the two axes and of the height."""

PARTS = (
    "surface_shaders.js",
    "surface_shape.js",
    "surface_painter.js",
    "surface_key.js",
    "surface.js",
)
"""Joined to one module, as a Panel component has a single source."""

NOWHERE = (np.nan, np.nan, np.nan)


SCRIPT = "\n".join(Path(__file__).with_name(part).read_text("utf-8") for part in PARTS)

PAST = 12
"""Index in a frame's header of the number of trajectory points up to the current step."""

ALONE = """<div id="landscape-surface" style="height: 100%"></div>
<script type="module">
{script}
const frame = Uint8Array.from(atob("{frame}"), sign => sign.charCodeAt(0)).buffer;
const on_message = {{}};
const on = (name, act) => {{ on_message[name] = act; }};
const model = {{...{properties}, on, send_msg: () => {{}}}};
const show = past => {{
  new DataView(frame).setFloat32(4 * {past}, past, true);
  on_message["msg:custom"]({{data: frame}});
}};
render({{model, el: document.getElementById("landscape-surface")}});
show(new DataView(frame).getFloat32(4 * {past}, true));
document.addEventListener("{event}", event => show(event.detail + 1));
</script>"""


class SurfaceModel(Messages, JSComponent):
    """Its browser model."""

    _esm = SCRIPT

    colors = param.List(doc="the colour map from low to high")
    times = param.List(doc="as many colours, from early to late")
    home = param.List(doc="azimuth and elevation in degrees, and distance, of the usual camera")
    labels = param.List(default=["", "", ""], doc="names of the two axes and of the height")
    size = param.Number(default=1.0, doc="scale of fonts, lines and markers")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Surface:
    """A surface over a rectangle with a trajectory; the user controls the camera."""

    def __init__(
        self,
        tapped: Callable[[float, float], None] | None = None,
        turned: Callable[[str], None] | None = None,
        asked: Callable[[str, float, float], None] | None = None,
    ) -> None:
        """An empty surface that fills the available space.

        Args:
            tapped: called with alpha and beta when the user clicks on the surface.
            turned: called with the camera as `look_from` takes it, when the user has moved it.
            asked: called with `hover` and a point under a mouse, or with `leave`.
        """
        self.frame = b""
        self.camera = ""
        self._tapped, self._turned, self._asked = tapped, turned, asked
        self.view = SurfaceModel(
            **_maps(),
            sizing_mode="stretch_both",
            min_height=0,
        )
        self.view.on_message = self._on_message

    def update(  # noqa: PLR0913 - all that one picture is made of
        self,
        slice_: xr.Dataset,
        path: xr.Dataset | None,
        *,
        variable: str = "loss",
        split: str = "train",
        scale: str = "log",
        limits: tuple[float, float] | None = None,
        seen: int | None = None,
        point: tuple[float, float] | None = None,
        rolls: bool = False,
    ) -> None:
        """Show a variable of a slice and a trajectory; the arguments are those of `Contour`.

        The trajectory is drawn at its true losses; points without a loss, on the surface.
        """
        looks: Any = {"variable": variable, "split": split, "scale": scale, "limits": limits}
        self._send(*_pictured(slice_, path, seen=seen, point=point, **looks))

    def draw(  # noqa: PLR0913 - all that one picture is made of
        self,
        heights: Array,
        alpha: Array,
        beta: Array,
        path: Array,
        minimum: Spot | None,
        limits: tuple[float, float],
        labels: Labels,
        *,
        extra: tuple[int, Array] | None = None,
    ) -> None:
        """Send a frame.

        Args:
            heights: (beta, alpha), on the displayed scale; NaN and infinity are shown as holes.
            alpha: coordinates of the columns.
            beta: coordinates of the rows.
            path: (steps, 3): alpha, beta, height of each iterate; without height on the surface.
            minimum: alpha, beta and height of the lowest point, if there is one.
            limits: lowest and highest height drawn; values outside are clipped.
            labels: names of the axes and of the height.
            extra: as `trail` gives it; by default all of the path is past, evenly in time.
        """
        self._send(packed(heights, alpha, beta, path, minimum, limits, extra), labels)

    def _send(self, frame: bytes, labels: Labels) -> None:
        if list(labels) != self.view.labels:
            self.view.labels = list(labels)
        self.frame = frame
        self.view._send_msg(frame)

    def look_from(self, camera: str) -> None:
        """Move the camera: azimuth and elevation in degrees, distance; empty: the usual ones."""
        if camera != self.camera:
            self.camera = camera
            self.view._send_msg({"camera": camera})

    def scale(self, factor: float) -> None:
        """Scale fonts, lines and markers by a factor."""
        self.view.size = factor

    def _on_message(self, data: dict[str, Any]) -> None:
        if data.get("action") == "ready":
            self.view._send_msg({"camera": self.camera})
            if self.frame:
                self.view._send_msg(self.frame)
        if data.get("action") == "turned":
            self.camera = str(data["camera"])
            if self._turned is not None:
                self._turned(self.camera)
        if data.get("action") in ("hover", "leave") and self._asked is not None:
            self._asked(str(data["action"]), float(data["alpha"]), float(data["beta"]))
        if data.get("action") == "tapped" and self._tapped is not None:
            self._tapped(float(data["alpha"]), float(data["beta"]))


def alone(
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    *,
    seen: int | None = None,
    camera: Camera = HOME,
    **looks: Any,
) -> str:
    """A stand-alone surface as HTML, for a page without a server.

    It follows the event `sliders.SEEN`; the arguments are those of `Surface.update`, except that
    there may be no path.
    """
    frame, labels = _pictured(slice_, path, seen=seen, signs=False, **looks)
    properties: dict[str, Any] = {**_maps(), "labels": labels, "size": 1.0, "alone": True}
    properties["camera"] = ", ".join(f"{value:g}" for value in camera)
    return ALONE.format(
        script=SCRIPT,
        frame=base64.b64encode(frame).decode(),
        properties=json.dumps(properties),
        past=PAST,
        event=SEEN,
    )


def _maps() -> dict[str, list[Any]]:
    """The colour maps of heights and of times, and the usual camera."""
    colors = list(theme.LANDSCAPE[::5])
    return {"colors": colors, "times": theme.ramp(theme.TIME, len(colors)), "home": list(HOME)}


def _pictured(  # noqa: PLR0913 - all that one picture is made of
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    *,
    variable: str = "loss",
    split: str = "train",
    scale: str = "log",
    limits: tuple[float, float] | None = None,
    seen: int | None,
    point: tuple[float, float] | None = None,
    signs: bool = True,
) -> tuple[bytes, Labels]:
    """The buffer and the labels of a slice with a path on it; without `signs`, none of the best."""
    slice_ = reduced(slice_)
    limits = reduced_limits(slice_, variable, limits)
    shown = slice_[variable].sel(split=split)
    raw, alpha, beta = shown.values, shown["alpha"].values, shown["beta"].values
    lift = theme.decimal_log if scale == "log" else np.asarray
    settled = raised(raw, slice_["computed"].values) if variable == "loss" else raw
    heights = lift(settled)
    track, here, times, high = np.empty((0, 3)), -1, np.empty(0), None
    if path is not None:
        divisor = divisor_of(slice_, variable) or 1.0
        known = path[variable].values if variable in path else np.full(len(path["step"]), np.nan)
        track = np.stack([path["alpha"], path["beta"], lift(known / divisor)], axis=1)
        here, times = index_of(path, seen), ages(path)
        high = best(path, here) if signs and minimized(slice_) else None
    low = lowest(raw, alpha, beta) if variable == "loss" and minimized(slice_) else None
    title = title_of(slice_, variable, split)
    frame = packed(
        heights,
        alpha,
        beta,
        track,
        None if low is None else (*low, np.nan),
        theme.range_of(heights, limits, scale),
        trail(
            here,
            times,
            best=None if high is None else tuple(track[high]),
            point=None if point is None else (*point, np.nan),
        ),
    )
    return frame, (_named(shown["alpha"]), _named(shown["beta"]), _scaled(title, scale))


def trail(
    here: int, times: Array, *, best: Spot | None = None, point: Spot | None = None
) -> tuple[int, Array]:
    """Extra frame data of a trajectory: points up to now, two markers, and times.

    Args:
        here: the index of the path's point that is looked at.
        times: how late each point of the path is, 0 to 1.
        best: alpha, beta and height of the best point so far.
        point: of a point that the user looks at; without height it is on the surface.
    """
    return here + 1, np.concatenate([best or NOWHERE, point or NOWHERE, times])


def packed(  # noqa: PLR0913 - all that one picture is made of
    heights: Array,
    alpha: Array,
    beta: Array,
    path: Array,
    minimum: Spot | None,
    limits: tuple[float, float],
    extra: tuple[int, Array] | None = None,
) -> bytes:
    """One buffer of float32: 13 numbers of header, the heights row by row, the path, the rest."""
    low = minimum or NOWHERE
    past, rest = extra or (0, np.empty(0))
    ends = (alpha[0], alpha[-1], beta[0], beta[-1])
    header = (*heights.shape, len(path), *limits, *ends, *low, past)
    parts = (np.array(header), heights.ravel(), path.ravel(), rest)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and shown as that
        return np.concatenate(parts).astype(np.float32).tobytes()


def _scaled(title: str, scale: str) -> str:
    return f"log₁₀ {title}" if scale == "log" else title


def _named(axis: xr.DataArray) -> str:
    return str(axis.attrs.get("long_name", axis.name))
