"""The options of `ll.plot`: which values are accepted, checked before anything is drawn."""

import difflib
import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import xarray as xr

from landscape_lab.figures.camera import BOUNDS, HOME, Camera, camera_of
from landscape_lab.figures.matplotlib.base import (
    SCALE,
    SCALES,
    Drawable,
    Drawing,
    PlotOptions,
    spec_error,
)
from landscape_lab.figures.slice_parts import splits_of


def checked_options(  # noqa: PLR0913 - as `plot`
    dataset: Drawable,
    drawing: Drawing[Any],
    *,
    path: bool = True,
    scale: str = SCALE,
    limits: tuple[float, float] | None = None,
    cmap: Any = None,
    variable: str | None = None,
    split: str | None = None,
    camera: Any = None,
) -> PlotOptions:
    """The options of `plot`, checked, with the variable and the split that are shown.

    The camera is that of a surface: azimuth, elevation, and maybe the distance.

    Raises:
        SpecError: a value that is not accepted.
    """
    if not isinstance(path, bool):
        raise spec_error("path", path, "True or False")
    if scale not in SCALES:
        raise spec_error("scale", scale, "one of " + ", ".join(SCALES))
    shown = _variable(dataset, drawing, variable)
    part = _split(dataset, split, every="" in drawing.variables(dataset))
    options = PlotOptions(
        shown, part, path, scale, _limits(limits, scale), _colormap(cmap),
        _camera(camera, type(drawing).__name__),
    )  # fmt: skip
    if scale == "log":
        _check_logarithms(dataset, options)
    return options


def _variable(dataset: Drawable, drawing: Drawing[Any], asked: str | None) -> str:
    known = drawing.variables(dataset)
    if asked is None:
        return known[0] if known else ""
    named = [name for name in known if name]
    if asked not in named:
        accepted = "one of " + ", ".join(named) if named else "left out for this kind of dataset"
        raise spec_error("variable", asked, accepted)
    return asked


def _split(dataset: Drawable, asked: str | None, *, every: bool) -> str:
    """The split that is shown; empty where there is none, or where `every` one is drawn."""
    first = dataset if isinstance(dataset, xr.Dataset) else next(iter(dataset.values()))
    known = splits_of(first)
    if asked is None:
        if not known and "split" in first.coords:
            return str(first["split"].item())  # the one that was chosen before
        return "" if every or not known else "train" if "train" in known else known[0]
    if asked not in known:
        accepted = f"one of {', '.join(known)}" if known else "left out: this dataset has no splits"
        raise spec_error("split", asked, accepted)
    return asked


def _limits(limits: Any, scale: str) -> tuple[float, float] | None:
    if limits is None:
        return None
    accepted = "two finite numbers, the smaller one first"
    two = isinstance(limits, Sequence) or hasattr(limits, "__array__")
    if not two or isinstance(limits, str) or len(limits) != 2:
        raise spec_error("limits", limits, accepted)
    if not all(isinstance(end, Real) and math.isfinite(end) for end in limits):
        raise spec_error("limits", limits, accepted)
    low, high = float(limits[0]), float(limits[1])
    if low >= high:
        raise spec_error("limits", limits, accepted)
    if scale == "log" and low <= 0:
        raise spec_error("limits", limits, "above zero on a logarithmic scale")
    return low, high


def _camera(camera: Any, kind: str) -> Camera:
    """The camera that is asked for, as the app has it.

    Raises:
        SpecError: for a picture that has none, or numbers out of bounds.
    """
    if camera is None:
        return HOME
    if not kind.startswith("Surface"):
        raise spec_error("camera", camera, "left out, except for kind='surface' or 'surfaces'")
    numbers = list(camera) if isinstance(camera, Sequence) and not isinstance(camera, str) else []
    if len(numbers) == 2:
        numbers.append(HOME.distance)
    found = camera_of(", ".join(map(str, numbers)))
    if found is None:
        high, low = BOUNDS
        names = ("azimuth", "elevation", "distance")
        bounds = ", ".join(
            f"{name} from {a:g} to {b:g}" for name, a, b in zip(names, low, high, strict=True)
        )
        raise spec_error("camera", camera, f"two or three numbers: {bounds}")
    return found


def _colormap(cmap: Any) -> Any:
    if cmap is None:
        return None
    from matplotlib import colormaps  # takes half a second to import
    from matplotlib.colors import Colormap

    if isinstance(cmap, Colormap):
        return cmap
    if not isinstance(cmap, str) or cmap not in colormaps:
        near = difflib.get_close_matches(str(cmap), colormaps, n=3)
        hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
        raise spec_error("cmap", cmap, f"a Colormap of Matplotlib or the name of one{hint}")
    return colormaps[cmap]


def _check_logarithms(dataset: Drawable, options: PlotOptions) -> None:
    """Refuse values below zero on a logarithmic scale."""
    every = [dataset] if isinstance(dataset, xr.Dataset) else list(dataset.values())
    name = options.variable or "loss"
    for one in every:
        if name not in one:
            continue
        shown = one[name]
        if options.split and "split" in shown.dims and options.split in shown["split"]:
            shown = shown.sel(split=options.split)
        finite = shown.where(shown < math.inf).where(shown > -math.inf)
        if bool((finite < 0).any()):
            told = f"'linear', since the {name} is below zero (least {float(finite.min()):.3g})"
            raise spec_error("scale", options.scale, told)
