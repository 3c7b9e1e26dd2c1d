"""The plane of a run's pictures: found anew as the run moves, or held."""

import time
from collections.abc import Callable

from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.types import Vectors
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.session.view import View

QUICK = 0.003
"""Seconds in which a rule finds a plane anew for every picture of a running training."""

SELDOM = 5
"""A rule that takes longer waits so many times as long until the next; held, it never waits."""


class Spanning:
    """What a view's directions give, turned as little as possible from picture to picture."""

    def __init__(self, viewpoint: Callable[[Vectors], Viewpoint]) -> None:
        """No plane yet; `viewpoint` says what the directions may know at the end of a path."""
        self.notice = ""
        """Why the plane is not what was asked for; empty where it is."""
        self._viewpoint = viewpoint
        self._plane: Plane | None = None
        self._step = -1
        self._renew_at = 0.0

    def forget(self) -> None:
        """Find the plane as if there had been none before."""
        self._plane = None
        self._renew_at = 0.0

    def plane(self, view: View, path: Vectors, step: int, until: int | None = None) -> Plane:
        """The plane through the point looked at.

        Args:
            view: the directions, and whether the plane follows the run.
            path: the iterates recorded (T, P).
            step: where the run stands.
            until: how many of them there are up to the one looked at, if that is an earlier one.
        """
        if until is not None and view.follow and not view.directions.whole_path:
            return self._found(view, path[:until]) or self._random(path[:until])
        if self._plane is not None and (not view.follow or self._step == step):
            return self._plane
        began = time.perf_counter()
        if self._plane is not None and began < self._renew_at:
            framing = self._plane.explained_variance_ratio is not None
            return self._plane if framing else self._plane.at(path[-1])
        found = self._found(view, path)
        if found is None:
            rescue = self._random(path)
            self._plane = None if view.follow else rescue
            return rescue
        spent = time.perf_counter() - began
        self._renew_at = time.perf_counter() + (SELDOM * spent if spent > QUICK else 0.0)
        self._plane, self._step = found.facing(self._plane), step
        return self._plane

    def _found(self, view: View, path: Vectors) -> Plane | None:
        """The plane that the rule gives at a path's end; None, with a notice, if it gives none."""
        self.notice = ""
        try:
            return view.directions.span(self._viewpoint(path))
        except PlaneError as error:
            self.notice = f"A random plane for now: {error}"
            return None

    def _random(self, path: Vectors) -> Plane:
        return Random().span(self._viewpoint(path))
