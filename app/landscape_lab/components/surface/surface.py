"""The 3-D surface: a WebGL component that receives binary messages."""

import base64
import json
from collections.abc import Callable
from typing import Any

import param
import xarray as xr
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages
from landscape_lab.components.surface.pictured import (
    PAST,
    Array,
    Labels,
    Pictured,
    Spot,
    packed,
    pictured,
)
from landscape_lab.components.surface.surface_script import SCRIPT
from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.sliders import SEEN
from landscape_lab.figures.camera import HOME, Camera, words_of

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
    busy = param.Boolean(doc="whether a run goes on: then the camera stays where it is")
    several = param.Boolean(doc="whether pictures are compared, under titles")
    titles = param.List(doc="letter, words and colour of each picture that is compared")
    axes = param.List(doc="the labels of each picture that is compared")
    shared = param.Boolean(default=True, doc="whether compared pictures share the range of heights")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Surface:
    """A surface over a rectangle with a trajectory; the user controls the camera."""

    def __init__(
        self,
        tapped: Callable[[float, float], None] | None = None,
        turned: Callable[[str], None] | None = None,
        shared: Callable[[bool], None] | None = None,
        asked: Callable[[str, float, float], None] | None = None,
    ) -> None:
        """An empty surface that fills the available space.

        Args:
            tapped: called with alpha and beta when the user clicks on the surface.
            turned: called with the camera as `look_from` takes it, when the user has moved it.
            shared: called with whether pictures that are compared are to have one range of heights.
            asked: called with `hover` and a point under a mouse, with `leave`, or with `drop` and
                the point at which the user lets go of the sign of the run.
        """
        self.frame = b""
        self.camera = ""
        self.home = HOME
        self._rolls = False
        self._subject: object = self
        self._tapped, self._turned, self._shared = tapped, turned, shared
        self._asked = asked
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
        point: tuple[float, ...] | None = None,
        rolls: bool = False,
        subject: object = None,
    ) -> None:
        """Show a variable of a slice and a trajectory; the arguments are those of `Contour`.

        The trajectory lies on the surface; a button shows its true losses where they differ. A
        third number of `point` is its true loss, for a network off the plane. The usual camera is
        chosen anew for another `subject`, and stays as long as it is the same; the sign of the run
        rolls along the path only where it is.
        """
        looks: Any = {"variable": variable, "split": split, "scale": scale, "limits": limits}
        picture = pictured(slice_, path, seen=seen, point=point, **looks)
        self._roll(rolls=rolls and subject == self._subject)
        self.show(picture, subject)

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
        scale: str = "linear",
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
            scale: `log` if the heights are decimal logarithms of what they are called.
        """
        self._send(packed(heights, alpha, beta, path, minimum, limits, extra, scale=scale), labels)

    def show(self, picture: Pictured, subject: object) -> None:
        """Send a picture, or several joined; its usual camera if it is of another subject."""
        if subject != self._subject:
            self._subject, self.home = subject, picture.home
            if list(picture.home) != self.view.home:
                self.view.home = list(picture.home)
        self._send(picture.frame, picture.labels)

    def _roll(self, *, rolls: bool) -> None:
        """Say whether the sign of the run rolls to its place in the next pictures, or stands."""
        if self._rolls != rolls:
            self._rolls = rolls
            self.view._send_msg({"rolls": rolls})

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

    def hold(self, *, busy: bool) -> None:
        """Say whether a run goes on: while it does, the camera does not turn by itself."""
        if self.view.busy != busy:
            self.view.busy = busy

    def scale(self, factor: float) -> None:
        """Scale fonts, lines and markers by a factor."""
        self.view.size = factor

    def _on_message(self, data: dict[str, Any]) -> None:
        if data.get("action") == "ready":
            self.view._send_msg({"camera": self.camera})
            self.view._send_msg({"rolls": self._rolls})
            if self.frame:
                self.view._send_msg(self.frame)
        if data.get("action") == "turned":
            self.camera = str(data["camera"])
            if self._turned is not None:
                self._turned(self.camera)
        if data.get("action") == "shared" and self._shared is not None:
            self._shared(bool(data["shared"]))
        if data.get("action") in ("hover", "leave", "drop") and self._asked is not None:
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
    frame, labels, home = pictured(slice_, path, seen=seen, signs=False, **looks)
    properties: dict[str, Any] = {**_maps(), "labels": labels, "size": 1.0, "alone": True}
    properties |= {"home": list(home), "camera": words_of(camera)}
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
