"""How the landscape of a picture is drawn: which values, on what scale, in which range."""

from typing import Any

import xarray as xr

from landscape_core.session.picture import Picture
from landscape_lab.figures.steady_range import SteadyRange, as_values, natural_range
from landscape_lab.state.scene import Display, Scene


class LandscapeLooks:
    """Remembers what is drawn, so that nothing is drawn twice and ranges stay during a run."""

    def __init__(self) -> None:
        """Nothing is drawn yet."""
        self._drawn: tuple[Any, ...] = ()
        self._range = SteadyRange()

    def forget(self) -> None:
        """Something else is shown: the landscape is drawn anew when it is seen again."""
        self._drawn = ()

    def of(
        self, picture: Picture, display: Display, start: Scene, *, playing: bool
    ) -> dict[str, Any] | None:
        """The named arguments of `Contour.update`, or of `Surface.update` in 3-D.

        Args:
            picture: what is to be drawn.
            display: the settings, as `drawable` gives them.
            start: the scene with which the run began.
            playing: whether the run goes on.

        Returns:
            None if all of it is drawn already.
        """
        at, split, deep = picture.point, picture.spec.split, display.show == "3d"
        point: Any = None if at is None else (at.alpha, at.beta)
        looks = (split, display.show, display.scale, display.color, display.limits,
                 display.outline, playing)  # fmt: skip
        drawn = (picture.slice, picture.path, looks, picture.seen, point)
        known, self._drawn = self._drawn, drawn
        if known and all(map(_same, known, drawn)):
            return None
        color = display.color if display.color in picture.slice else "loss"
        scale = display.scale if color == "loss" else "linear"
        if deep and at is not None and at.changes and color == "loss":
            own = at.values.get(f"{split}_loss", float("nan"))
            point = (at.alpha, at.beta, own)  # it is off the plane, and so is its loss
        limits = display.range() if color == "loss" else None
        if limits is None and not _stays(picture):
            natural = natural_range(picture.slice, color, split, scale)
            key = (start.run, picture.spec, color, scale)
            steady = self._range.limits(key, natural, playing=playing)
            limits = steady and as_values(picture.slice, color, scale, steady)
        shown: dict[str, Any] = {
            "variable": color,
            "split": split,
            "scale": scale,
            "limits": limits,
        }
        shown |= {"seen": picture.seen, "point": point, "rolls": playing}
        if deep:
            return {**shown, "subject": (picture.run, picture.spec)}
        return {**shown, "level": display.outline}


def drawable(picture: Picture, display: Display) -> Display:
    """The display settings without logarithms of losses below zero."""
    computed = picture.slice["computed"].values
    below = bool((picture.slice["loss"].values[..., computed] < 0).any())
    return display.replace(scale="linear", limits="") if below else display


def _stays(picture: Picture) -> bool:
    """Whether the plane of a picture stays while the run goes on, and so do its values."""
    ahead = picture.spec.horizon and picture.spec.directions.whole_path
    return picture.stays or bool(ahead)


def _same(one: Any, other: Any) -> bool:
    """Whether what is drawn is there already: data sets are the same object, all else equal."""
    return one is other if isinstance(one, xr.Dataset) else bool(one == other)
