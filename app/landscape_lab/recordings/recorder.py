"""Record a run by the session that the app itself shows, without a page."""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from landscape_core.experiments.slice_of_run import value_attributes
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import ENGINE_VERSION, canonical, to_plain
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_lab.figures import theme
from landscape_lab.figures.annotations import minimized, title_of
from landscape_lab.recordings.quantization import Array, quantized
from landscape_lab.recordings.recording import Recording
from landscape_lab.state.navigator import Navigator
from landscape_lab.state.place import Place

MOST_FRAMES = 200
"""Frames of a run on one plane, at most."""

MOST_SURFACES = 41
"""Frames of a run whose plane moves with the network, at most: each has its own surface."""

FINE = 112_000
"""Bytes of all surfaces in 16 bits, at most, where there are more than `LEAST_SURFACES`."""

LEAST_SURFACES = 12
"""Of so many surfaces the heights have 8 bits rather than that there were fewer."""


def digest_of(place: Place) -> str:
    """Digest of what a recording of a place depends on: its run, slice, scale, step and engine.

    Places that differ in what is shown next to the landscape alone have the same.
    """
    changes = [[change.step, change.path, str(change.value)] for change in place.changes]
    scene = place.start
    parts = [to_plain(scene.run), to_plain(scene.computed_slice), scene.display.scale, changes]
    known = canonical([*parts, place.step, ENGINE_VERSION])
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def record(place: Place, title: str) -> Recording:
    """Train to the step of a place, and record the run frame by frame.

    A plane of the whole trajectory, or one that stays, is the same in all frames, and so is its
    surface: that of the last frame, which the app shows at this step. A plane through the network
    moves with it: each frame has the complete slice of its step, and the network where it is there.

    Raises:
        SpecError: a place whose run starts at a point of another.
    """
    if place.origin is not None:
        raise SpecError("a recording", "a run from a point of another", "of a run from its start")
    navigator = Navigator(place.alone())
    (last,) = deque(navigator.pictures(), maxlen=1)
    session, scene = navigator.session, place.scene
    size = len(session.state.theta)
    moves = not (scene.slice.directions.whole_path or scene.slice.stays(size))
    steps = _chosen(session.recorded, _most_surfaces(last) if moves else MOST_FRAMES)
    pictures = [_seen(session, step) for step in steps] if moves else [last]
    network = session.live_run.training.instance.data is not None
    found = _recording(place, last, steps, pictures)
    return replace(found, title=title, parameters=size, network=network)


def _recording(place: Place, last: Picture, steps: list[int], pictures: list[Picture]) -> Recording:
    split, display = last.spec.split, place.scene.display
    losses = np.stack([one.slice["loss"].sel(split=split).values for one in pictures])
    scale = display.scale if np.nanmin(losses) > 0 else "linear"
    heights = theme.decimal_log(losses) if scale == "log" else losses.astype(np.float64)
    finite = heights[np.isfinite(heights)]
    low, high = float(finite.min()), float(finite.max())
    slice_ = last.slice.assign_attrs(value_attributes(last.run))
    alpha, beta = slice_["alpha"], slice_["beta"]
    path = last.path.sel(step=steps)
    alphas, betas = (_places(name, path, pictures, steps) for name in ("alpha", "beta"))
    curves = last.curves["loss"].sel(step=steps)
    moves = len(pictures) > 1
    bits = 16 if 2 * heights.size <= FINE else 8
    return Recording(
        name=place.preset,
        digest=digest_of(place),
        measure=title_of(slice_, "loss", split),
        scale=scale,
        minimized=minimized(slice_),
        axes=(str(alpha.attrs["long_name"]), str(beta.attrs["long_name"])),
        extent=(*map(float, (alpha[0], alpha[-1], beta[0], beta[-1])),),  # type: ignore[arg-type]
        captured=float(last.captured),
        parameters=0,
        network=False,
        bits=bits,
        range=(low, high),
        limits=theme.range_of(heights, display.range(), scale),
        codes=quantized(heights, low, high, bits),
        steps=np.array(steps, "<u4"),
        surface=np.arange(len(steps), dtype="<u4") if moves else np.zeros(len(steps), "<u4"),
        alpha=_numbers(alphas),
        beta=_numbers(betas),
        train=_numbers(path["loss"].values),
        test=_numbers(curves.sel(split="test").values) if "test" in curves["split"] else None,
    )


def _places(
    name: str, path: xr.Dataset, pictures: Sequence[Picture], steps: Sequence[int]
) -> Array:
    """A coordinate of the network at each step, on the plane of its own picture."""
    if len(pictures) == 1:
        return np.asarray(path[name].values)
    shown = zip(pictures, steps, strict=True)
    return np.array([float(one.path[name].sel(step=step)) for one, step in shown])


def _most_surfaces(picture: Picture) -> int:
    """How many surfaces as that of a picture a recording has, at most."""
    points = picture.slice.sizes["alpha"] * picture.slice.sizes["beta"]
    return min(MOST_SURFACES, max(LEAST_SURFACES, FINE // (2 * points)))


def _chosen(recorded: list[int], most: int) -> list[int]:
    """The recorded steps, evenly thinned to `most`, with the first and the last."""
    few = np.unique(np.linspace(0, len(recorded) - 1, most).round().astype(int))
    return [recorded[index] for index in few]


def _seen(session: Session, step: int) -> Picture:
    """The complete picture of a recorded step."""
    session.revisit(step)
    (complete,) = deque(session.refine(), maxlen=1)
    return complete


def _numbers(values: Array) -> Array:
    return np.asarray(values, dtype="<f4")
