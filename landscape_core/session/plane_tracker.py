"""The plane of a run's pictures: found anew as the run moves, or held."""

import time

from landscape_core.foundation.errors import PlaneError
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.session.observed_run import ObservedRun
from landscape_core.slices.slice_spec import SliceSpec

QUICK = 0.003
"""Directions within so many seconds of processor time are computed anew for every picture of a
running training, also on a busy machine."""

SELDOM = 5
"""Directions that take longer are computed anew only after so many times as long; always when the
run is paused."""


class PlaneTracker:
    """The plane of each picture: a function of the run alone, or one that stays.

    Between two pictures that follow each other quickly, directions that take long to compute stay.
    """

    def __init__(self) -> None:
        """No plane yet."""
        self.notice = ""
        """Why the plane is not what was asked for; empty where it is."""
        self.latest: Plane | None = None
        """The plane of the latest picture; None before the first and where it is forgotten."""
        self._step = -1
        self._renew_at = 0.0

    def forget(self) -> None:
        """Compute the next plane as if there had been none before."""
        self.latest = None
        self._renew_at = 0.0

    def take_over(self, plane: Plane, step: int) -> None:
        """Turn the next plane as little as possible from this one, the plane of a step."""
        self.latest, self._step = plane, step

    def plane(self, observed: ObservedRun, spec: SliceSpec) -> Plane:
        """The plane through the inspected iterate, or that of the whole trajectory."""
        follows = not spec.stays(observed.thetas.shape[1])
        if observed.inspects_earlier and follows and not spec.directions.whole_path:
            end = min(observed.index + 1, observed.near)
            return self._spanned(observed, spec.directions, end) or _random(observed, end)
        if self.latest is not None and (not follows or self._step == observed.step):
            return self.latest
        if self.latest is not None and time.perf_counter() < self._renew_at:
            of_whole = self.latest.explained_variance_ratio is not None
            return self.latest if of_whole else self.latest.at(observed.thetas[observed.near - 1])
        began = time.thread_time()
        found = self._spanned(observed, spec.directions, observed.near)
        if found is None:
            rescue = _random(observed, observed.near)
            self.latest = None if spec.follow else rescue
            return rescue
        spent = time.thread_time() - began
        self._renew_at = time.perf_counter() + (SELDOM * spent if spent > QUICK else 0.0)
        self.latest, self._step = found, observed.step
        return self.latest

    def _spanned(self, observed: ObservedRun, directions: Directions, end: int) -> Plane | None:
        """The plane that the directions span; None, with a notice, where they span none."""
        self.notice = ""
        try:
            return directions.span(observed.viewpoint(end))
        except PlaneError as error:
            self.notice = f"A random plane for now: {error}"
            return None


def _random(observed: ObservedRun, end: int) -> Plane:
    return Random().span(observed.viewpoint(end))
