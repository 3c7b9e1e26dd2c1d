"""All that is known of a picture as one dataset, of which every file is made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import xarray as xr

from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.session.picture import Picture
from landscape_lab.figures import theme
from landscape_lab.figures.annotations import own_path
from landscape_lab.figures.camera import HOME, Camera, camera_of
from landscape_lab.state.place import Place


def dataset(place: Place, picture: Picture) -> xr.Dataset:
    """The slice with the path on it, path_alpha, path_beta and others (step).

    The attributes hold all settings: the recipes `run`, `slice` and `display`, the `link`, the
    `step` of the run, the step `seen`, the `changes` on the way, the explained variance `captured`.
    """
    scene = place.scene
    origin = place.origin
    attrs = {
        "run": canonical(to_plain(picture.run)),
        "display": canonical(to_plain(scene.display)),
        "link": place.link(),
        "step": int(picture.path["step"][-1]),
        "seen": picture.seen,
        "changes": json.dumps([asdict(change) for change in place.changes]),
        "readings": json.dumps(picture.readings.values),
        "captured": float(picture.captured),
        "standard_error": float(picture.standard_error),
        "notice": picture.notice,
        "version": program_version(),
    }
    if origin is not None:
        where: dict[str, Any] = {
            "link": origin.place.link(),
            "alpha": origin.alpha,
            "beta": origin.beta,
        }
        if origin.weights:
            where["weights"] = [str(one) for one in origin.weights]
        attrs["origin"] = json.dumps(where)
    return with_path(picture).assign_attrs({**picture.slice.attrs, **attrs})


def with_path(picture: Picture) -> xr.Dataset:
    """The slice of a picture with the path on it, and the step `seen` among its attributes."""
    path = picture.path.rename({name: f"path_{name}" for name in picture.path.data_vars})
    return picture.slice.merge(path).assign_attrs(picture.slice.attrs, seen=picture.seen)


def program_version() -> str:
    """The version of the laboratory."""
    return version("landscape-lab")


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a drawing is made of, as it is on the screen."""

    slice: xr.Dataset
    path: xr.Dataset | None
    variable: str
    split: str
    scale: str
    deep: bool
    limits: tuple[float, float] | None
    camera: Camera = HOME

    def looks(self) -> dict[str, Any]:
        """The choices that a drawing of a slice takes."""
        return {name: getattr(self, name) for name in ("variable", "split", "scale", "limits")}

    def colors(self) -> tuple[float, float]:
        """The values of the first and the last colour."""
        if self.limits is not None:
            return self.limits
        values = self.slice[self.variable].sel(split=self.split).values
        if self.scale != "log":
            return theme.limits(values)
        low, high = theme.limits(theme.decimal_log(values))
        return 10**low, 10**high


def drawn(place: Place, picture: Picture) -> Drawn:
    """How the screen shows a picture; what has values below zero has no logarithmic heights."""
    display, slice_ = place.scene.display, dataset(place, picture)
    variable = display.color if display.color in slice_ else "loss"
    logged = display.scale == "log" and variable == "loss"
    scale = "log" if logged and not bool((slice_["loss"] < 0).any()) else "linear"
    limits = display.range() if variable == "loss" else None
    split, deep = picture.spec.split, display.show == "3d"
    seen = Drawn(slice_, own_path(slice_), variable, split, scale, deep, limits)
    return replace(seen, camera=camera_of(display.camera) or _usual(seen, picture.seen))


def camera_of_several(
    place: Place, pictures: Sequence[Picture], looks: Mapping[str, Any]
) -> Camera:
    """From where the screen shows the surfaces of runs that are compared: one camera for all.

    Args:
        place: what is shown.
        pictures: of the runs, on planes.
        looks: what of them is shown, as `Drawn.looks` says.
    """
    from landscape_lab.components.surface.pictured import pictured  # it brings Bokeh with it

    homes = [
        pictured(one.slice, own_path(with_path(one)), seen=one.seen, **looks).home
        for one in pictures
    ]
    return camera_of(place.scene.display.camera) or max(homes, key=lambda home: home.elevation)


def _usual(seen: Drawn, step: int) -> Camera:
    """From where the screen shows a surface that nobody has turned."""
    if not seen.deep or "beta" not in seen.slice.dims:
        return HOME
    from landscape_lab.components.surface.pictured import pictured  # it brings Bokeh with it

    return pictured(seen.slice, seen.path, seen=step, **seen.looks()).home
