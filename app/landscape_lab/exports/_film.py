"""A run up to the step shown, picture by picture."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_lab.exports._data import Drawn, drawn
from landscape_lab.exports.base import Making, Shown
from landscape_lab.figures.annotations import title_of
from landscape_lab.figures.matplotlib.animation import MOST, Film, Frame
from landscape_lab.state.navigator import Navigator

BUDGET = 0.1
"""Seconds that the slice of one picture may take, where it differs from picture to picture."""


def filmed(shown: Shown, frames: list[Frame]) -> Iterator[Making]:
    """Fill a list with the pictures of a run up to the step seen, telling how many there are."""
    place, picture, session = shown.place, shown.picture, shown.session
    if session is None:
        navigator = Navigator(place)
        deque(navigator.pictures(), maxlen=0)
        session = navigator.session
    seen = drawn(place, picture)
    film = Film(
        seen.colors(), seen.variable, seen.split, seen.scale, deep=seen.deep, camera=seen.camera
    )
    steps = [step for step in session.recorded if step <= picture.seen]
    few = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, MOST).round().astype(int))]
    total = len(few) + 1  # the writing of the file is one more
    try:
        for done, step in enumerate(few, 1):
            frames.append(_frame(film, seen, _seen(session, step)))
            yield Making(done, total)
    finally:
        session.revisit(picture.seen)


def _seen(session: Session, step: int) -> Picture:
    """The picture of a recorded step, better than a glance where it is not known yet."""
    picture = session.revisit(step)
    return picture if picture.slice["computed"].all() else session.picture(BUDGET)


def _frame(film: Film, shown: Drawn, picture: Picture) -> Frame:
    path = picture.path
    gone = path.isel(step=path["step"].values <= picture.seen)
    loss = picture.readings.values.get("train_loss")
    told = f"   {title_of(shown.slice, 'loss', 'train')} {loss:.3g}" if loss is not None else ""
    slice_ = picture.slice if shown.variable in picture.slice else shown.slice
    return film.frame(slice_, gone, f"step {picture.seen}{told}")
