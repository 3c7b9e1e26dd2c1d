"""What is computed next to the picture of a paused run: here if it is short, else elsewhere."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import xarray as xr

from landscape_core.session.inspection import InspectionPoint, NotKeptError
from landscape_lab.state.scene import Scene
from landscape_lab.state.study_cost import study_seconds
from landscape_lab.worker.elsewhere import ELSEWHERE, Elsewhere

LONG = 0.3
"""Seconds from which work goes to another process; it takes some hundredths to get there."""

T = TypeVar("T")

Study = Callable[[InspectionPoint], Iterator[xr.Dataset | None]]


def done(
    work: Callable[[], Iterator[T]], seconds: float, elsewhere: Elsewhere = ELSEWHERE
) -> Iterator[T | None]:
    """What some work yields, from elsewhere if it takes long; None where there is nothing new."""
    return work() if seconds < LONG else elsewhere.items(work)


def study(scene: Scene, step: int, elsewhere: Elsewhere = ELSEWHERE) -> Study:
    """The study of a scene's side panel at a step, to be computed where that is best."""
    panel = scene.display.side_panel
    if not elsewhere.exists or study_seconds(scene, step) < LONG:
        return panel.study

    def found(point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        try:
            yield from panel.study(replace(point, known_only=True))
        except NotKeptError:
            yield from elsewhere.items(functools.partial(panel.study, point))

    return found
