"""What a picture shows besides its slice: predictions over the inputs, curvature, uncertainty."""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch
import xarray as xr

from landscape_core.analysis.decision_boundary import boundary, drawable, scattered
from landscape_core.analysis.network_view import NetworkView
from landscape_core.curvature.monitor import Watcher
from landscape_core.models.loss_function import loss_values
from landscape_core.models.measures.base import Answers
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance
from landscape_core.models.problems.supervised import Supervised
from landscape_core.session.live_run import LiveRun
from landscape_core.session.observed_run import ObservedRun
from landscape_core.session.picture import Picture, Status
from landscape_core.slices.subsampling import standard_error
from landscape_core.training.run import Run, State

NETWORK_PAUSE = 0.08
"""Seconds between two readings of the network while a run goes on."""

NETWORK_SHARE = 9.0
"""How many times as long as a reading took the next one waits, at least."""

MOMENT = 0.05
"""Seconds of a processor that the network at a point may take to be shown while a mouse moves."""


class SideResults:
    """The results for the inspected state of a run, and the monitor of its curvature."""

    def __init__(self, instance: Instance, image_shape: tuple[int, int] | None = None) -> None:
        """Prepare the examples that are drawn, if the inputs of the problem can be.

        Args:
            instance: the problem.
            image_shape: rows and columns of the images whose pixels input vectors are.
        """
        self.watcher: Watcher | None = None
        self.shows_network = False
        self._image_shape = image_shape
        self._view: NetworkView | None = None
        self._network: xr.Dataset | None = None
        self._read: tuple[State, int] | None = None
        self._network_due = -math.inf
        self._instance, self._renewed = instance, -math.inf
        self._glance = 0.0
        data = instance.data
        self.points = scattered(data) if data is not None and drawable(data) else None

    def keeps(self, pause: float) -> bool:
        """Whether what was computed less than so many seconds ago stays; else it counts as new."""
        now = time.monotonic()
        keeps = now - self._renewed < pause
        self._renewed = self._renewed if keeps else now
        return keeps

    def curvature(self) -> xr.Dataset | None:
        """The curvature along the run, where it is monitored."""
        return self.watcher.dataset() if self.watcher else None

    def boundary(self, state: State) -> xr.Dataset | None:
        """The network's output over its inputs, where that can be drawn."""
        data, train = self._instance.data, self._instance.train
        if self.points is None or data is None or not isinstance(train, ModelObjective):
            return None
        return boundary(train.with_buffers(state.buffers), state.theta, data)

    def network(
        self, observed: ObservedRun, state: State, *, live: bool = False
    ) -> xr.Dataset | None:
        """What the network is at a state, where that is asked for.

        Args:
            observed: the run, for the paths of a game's players.
            state: of the network.
            live: while a run goes on, what was read just before may stay, so that reading it takes
                a small fraction of the time.
        """
        if not self.shows_network:
            return None
        began, read = time.monotonic(), (state, len(observed.entries))
        same = self._read is not None and self._read[0] is state and self._read[1] == read[1]
        if self._network is not None and (same or (live and began < self._network_due)):
            return self._network
        self._read, self._network = read, self.network_at(observed, state)
        now = time.monotonic()
        self._network_due = now + max(NETWORK_PAUSE, NETWORK_SHARE * (now - began))
        return self._network

    def network_at(self, observed: ObservedRun, state: State) -> xr.Dataset | None:
        """As `network`, of a state that is not the run's: a run that goes on never shows it."""
        if not self.shows_network:
            return None
        if self._view is None:
            self._view = NetworkView(self._instance, self._image_shape)
        steps = [entry.state.index for entry in observed.entries]
        return self._view.at(state.theta, state.buffers, observed.thetas, steps)

    def completed(self, shared: Picture, run: LiveRun, status: Status) -> Picture:
        """A picture that sessions of one run share, with this one's points, network and status."""
        network = shared.network
        if self.shows_network and network is None:
            observed = run.observed()
            network = self.network(observed, observed.state, live=True)
        return replace(shared, status=status, points=self.points, network=network)

    def glance(self, inspect: Callable[[], Picture]) -> Picture | None:
        """The picture of an inspected point; None where the fastest took more than a `MOMENT`."""
        if self._glance > MOMENT:
            return None
        began = time.thread_time()
        found = inspect()
        self._glance = min(self._glance or math.inf, time.thread_time() - began)
        return found

    def standard_error(self, split: str, examples: int, state: State) -> float:
        """The standard error of the mean loss over the first examples, as in `subsampling`.

        Zero where these are all, NaN where the loss of an example is not known.
        """
        objective = getattr(self._instance, split)
        total = objective.examples
        if examples >= total or examples < 2:
            return 0.0
        part = objective.with_buffers(state.buffers).first(examples)
        with torch.no_grad():
            answers = Answers(part.targets, part.loss_function)
            outputs = part.outputs(state.theta)
            if loss_values(part.loss_function, outputs, part.targets).ndim == 0:
                return math.nan  # the mean alone does not tell how the examples differ
            spread = float(answers.losses(outputs).std())
        return standard_error(spread, examples, total)


def image_shape(run: Run) -> tuple[int, int] | None:
    """Rows and columns of the images whose pixels the inputs of a run's network are."""
    problem = run.problem
    return problem.dataset.image_shape if isinstance(problem, Supervised) else None
