"""Networks that are looked at besides the run's own: points of the plane, weights set by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from landscape_core.experiments.learning_curves import measured
from landscape_core.models.weight_change import WeightChange, changed
from landscape_core.planes.plane import Plane
from landscape_core.session.live_slice import LiveSlice
from landscape_core.session.observed_run import ObservedRun
from landscape_core.session.picture import Picture, Point
from landscape_core.session.side_results import SideResults
from landscape_core.training.run import State


@dataclass(frozen=True)
class LookedAt:
    """A point of the plane, or None for the inspected iterate, and weights changed afterwards."""

    at: tuple[float, float] | None
    changes: tuple[WeightChange, ...] = ()

    @staticmethod
    def of(alpha: float | None, beta: float | None, changes: Sequence[WeightChange]) -> "LookedAt":
        """The point with these coordinates; without, the inspected iterate."""
        at = None if alpha is None or beta is None else (alpha, beta)
        return LookedAt(at, tuple(changes))

    def state(self, observed: ObservedRun, slices: LiveSlice) -> State:
        """The network there.

        Raises:
            SpecError: no such weight.
        """
        theta, buffers = observed.state.theta, observed.state.buffers
        if self.at is not None:
            plane = _plane(observed, slices)
            coord = torch.tensor([self.at], dtype=torch.float64)
            theta = plane.points(coord.to(plane.origin.device))[0]
            buffers = slices.buffers_at(observed, plane, coord[0])
        if self.changes:
            theta = changed(theta, observed.network().layout, self.changes)
        return State(0, 0, theta, None, buffers)

    def picture(
        self, latest: Picture, observed: ObservedRun, slices: LiveSlice, side: SideResults
    ) -> Picture:
        """The latest picture with this network: its measures, its boundary and its units."""
        state = self.state(observed, slices)
        values = measured(observed.training.instance, state)
        return replace(
            latest,
            point=self._point(state, _plane(observed, slices), values),
            boundary=side.boundary(state) or latest.boundary,
            network=side.network_at(observed, state),
        )

    def _point(self, state: State, plane: Plane, values: dict[str, float]) -> Point:
        """The coordinates as asked for, or those of the projection and the distance from it."""
        if self.at is not None and not self.changes:
            return Point(*self.at, values)
        theta = state.theta[None]
        alpha, beta = plane.coords(theta)[0].tolist()
        return Point(alpha, beta, values, float(plane.distance(theta)), self.changes)


def _plane(observed: ObservedRun, slices: LiveSlice) -> Plane:
    return (slices.projected or slices.project(observed)).plane
