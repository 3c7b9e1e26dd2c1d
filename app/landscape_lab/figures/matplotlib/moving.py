"""`ll.film`: the path of a slice as it grows step by step, as a file of moving pictures."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import own_path, title_of
from landscape_lab.figures.matplotlib.animation import (
    MOST,
    SECONDS,
    Film,
    Frame,
    ffmpeg,
    gif,
    mp4,
    webp,
)
from landscape_lab.figures.matplotlib.base import SCALE, PlotOptions, spec_error
from landscape_lab.figures.matplotlib.heights import scaled
from landscape_lab.figures.matplotlib.options import checked_options
from landscape_lab.figures.matplotlib.plotting import Plotted, drawing_of
from landscape_lab.figures.reduced import reduced
from landscape_lab.figures.slice_parts import shown_of

WRITERS: dict[str, Callable[[Sequence[Frame], float], bytes]] = {
    ".gif": gif,
    ".webp": webp,
    ".mp4": mp4,
}
"""By the ending of a file; MP4 only where `ffmpeg` is installed."""

LEAST_SECONDS, MOST_SECONDS = 0.5, 60.0
"""How long a film may last, apart from its last picture."""


def film(  # noqa: PLR0913 - as `plot`
    slice_: xr.Dataset,
    file: str | Path,
    kind: str = "slice",
    *,
    seconds: float = SECONDS,
    scale: str = SCALE,
    limits: tuple[float, float] | None = None,
    variable: str | None = None,
    split: str | None = None,
    camera: Any = None,
) -> Path:
    """Write a slice with its path growing step by step; the path of the file comes back.

    Args:
        slice_: of two dimensions, with `path_alpha` and `path_beta` (step).
        file: its ending says the format: `.gif`, `.webp`, or `.mp4` where `ffmpeg` is installed.
        kind: `slice` from above, or `surface`.
        seconds: how long it lasts, 0.5 to 60; the last picture stays two seconds more.
        scale: as that of `plot`.
        limits: as those of `plot`.
        variable: as that of `plot`.
        split: as that of `plot`.
        camera: as that of `plot`, of a surface.

    Raises:
        SpecError: a slice without a path, or a value that is not accepted.
    """
    target = Path(file)
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise spec_error("seconds", seconds, f"{LEAST_SECONDS:g} to {MOST_SECONDS:g}")
    write = writer(target)
    frames = list(
        pictures(
            slice_, kind, scale=scale, limits=limits, variable=variable, split=split, camera=camera
        )
    )
    from landscape_core.storage import atomic_files  # no drawing on a page needs the engine

    atomic_files.write(target, [write(frames, float(seconds))])
    return target


def writer(target: Path) -> Callable[[Sequence[Frame], float], bytes]:
    """What writes moving pictures in the format of a file.

    Raises:
        SpecError: an ending that is none of theirs, or MP4 without `ffmpeg`.
    """
    known = [ending for ending in WRITERS if ending != ".mp4" or ffmpeg() is not None]
    ending = target.suffix.lower()
    if ending not in known:
        missing = "; .mp4 needs ffmpeg, which is not installed" if ".mp4" not in known else ""
        raise spec_error("the file of a film", str(target), f"one of {', '.join(known)}{missing}")
    return WRITERS[ending]


def pictures(dataset: Plotted, kind: str = "slice", **options: Any) -> Iterator[Frame]:
    """The pictures of a film, at most `MOST`; the options are those of `plot`.

    Raises:
        SpecError: no slice of two dimensions with a path, or a value that is not accepted.
    """
    if kind not in ("slice", "surface"):
        raise spec_error("kind", kind, "slice or surface for a film")
    drawn, drawing = drawing_of(dataset, kind)
    assert isinstance(drawn, xr.Dataset)  # as both kinds draw no others
    path = own_path(drawn)
    if path is None or "beta" not in path or not path.sizes["step"]:
        raise spec_error("the slice of a film", "no path", "one with path_alpha and path_beta")
    chosen = checked_options(drawn, drawing, **options)
    drawn = reduced(drawn)
    chosen = chosen.reduced(drawn)
    moving = Film(
        _colors(drawn, chosen), chosen.variable, chosen.split, chosen.scale,
        deep=kind == "surface", camera=chosen.camera,
    )  # fmt: skip
    last = path.sizes["step"] - 1
    named = title_of(drawn, "loss", chosen.split)
    for place in np.unique(np.linspace(0, last, MOST).round().astype(int)).tolist():
        gone = path.isel(step=slice(0, place + 1))
        words = f"step {int(path['step'].values[place])}"
        if "loss" in path:
            words += f"   {named} {float(path['loss'].values[place]):.3g}"
        yield moving.frame(drawn, gone, words)


def _colors(slice_: xr.Dataset, options: PlotOptions) -> tuple[float, float]:
    """Values of the first and the last colour: those asked for, or as fits the slice."""
    if options.limits is not None:
        return options.limits
    low, high = theme.limits(
        scaled(shown_of(slice_, options.variable, options.split).values, options.scale)
    )
    return (10**low, 10**high) if options.scale == "log" else (low, high)
