"""The numbers of a picture that the toolbar shows."""

from typing import Any

from landscape_core.session.picture import Picture
from landscape_lab.figures.annotations import short_names
from landscape_lab.state.scene import COLORS

READINGS = [f"{split}_{name}" for split in ("train", "test") for name in COLORS]
"""The readings of a state, of which a problem has some."""


def inspected(picture: Picture) -> dict[str, Any] | None:
    """The point of a picture that is looked at, as `Toolbar.set` takes it."""
    point = picture.point
    if point is None:
        return None
    place = {"alpha": point.alpha, "beta": point.beta, "values": point.values}
    if point.changes:
        place |= {"changes": len(point.changes), "distance": point.distance}
    return {**place, "names": short_names(picture.slice)}


def value_name(picture: Picture) -> str:
    """What the training value of a run is called: `train loss`, `value of the game`."""
    called = type(picture.run.problem).value
    return "train loss" if called == "loss" else called


def readings_of(picture: Picture, *, playing: bool) -> dict[str, Any]:
    """The readings of a picture, as `Toolbar.set` takes them."""
    readings = picture.readings
    held = picture.status if not playing else "running"
    status = picture.status if picture.status in ("diverged", "finished") else held
    known = {name: value if value == value else None for name, value in readings.values.items()}
    values: dict[str, Any] = dict.fromkeys(READINGS) | known
    values |= {"absent": sorted(set(READINGS) - known.keys()), "value_name": value_name(picture)}
    counts = {"step": readings.step, "epoch": readings.epoch, "time": readings.seconds}
    return {"playing": playing, "status": status, **counts, **values}
