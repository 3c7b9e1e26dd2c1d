"""What a picture shows besides its slice: predictions over the inputs, curvature, uncertainty."""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch
import xarray as xr

from landscape_core.analysis.decision_boundary import boundary, drawable, scattered
from landscape_core.curvature.monitor import Watcher
from landscape_core.experiments.learning_curves import measured
from landscape_core.models.loss_function import loss_values
from landscape_core.models.measures.base import Answers
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance
from landscape_core.session.picture import Picture, Point
from landscape_core.slices.subsampling import standard_error
from landscape_core.training.run import State

MOMENT = 0.05
"""Seconds of a processor that the network at a point may take to be shown while a mouse moves."""


class SideResults:
    """The results for the inspected state of a run, and the monitor of its curvature."""

    def __init__(self, instance: Instance) -> None:
        """Prepare the examples that are drawn, if the inputs of the problem can be."""
        self.watcher: Watcher | None = None
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

    def at_point(self, picture: Picture, alpha: float, beta: float, state: State) -> Picture:
        """A picture with the network at a point of it: its boundary and its measures."""
        values = measured(self._instance, state)
        found = self.boundary(state) or picture.boundary
        return replace(picture, point=Point(alpha, beta, values), boundary=found)

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
