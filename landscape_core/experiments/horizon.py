"""The trajectory ahead of a run that goes on: its plane and extent are known from the start.

A plane that the trajectory determines, as that of PCA, would turn with every step. With a horizon,
it is the plane of all iterates up to that step, for which the run is trained ahead; once the run is
past it, the horizon is multiplied by eight, again and again. So the plane is a function of
the run and its step alone, however it is watched, and changes seldom.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

from landscape_core.experiments.trajectory import iterates
from landscape_core.foundation.errors import SpecError
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.recorder import Entry, Recorder
from landscape_core.training.run import Run, State, Training
from landscape_core.training.run_cost import step_operations
from landscape_core.training.schedules.constant import Constant

GROWTH = 8
"""The factor from one horizon to the next."""

MOST_OPERATIONS = 1e8
"""Of one training step, where a run is trained ahead: some ten milliseconds of a slow processor."""


def horizon(run: Run, spec: SliceSpec, step: int) -> int:
    """The step up to which the trajectory determines the plane of a run at a step.

    0: the trajectory so far, where no horizon is asked for, the plane is not one of the whole
    trajectory, or training ahead would take long. Never past the end of the run, unless that is
    what is asked for.
    """
    if not (spec.horizon and spec.follow and spec.directions.whole_path):
        return 0
    if step_operations(run, MOST_OPERATIONS) > MOST_OPERATIONS:
        return 0
    end = spec.horizon
    while end < step:
        end *= GROWTH
    scheduled = run.schedule != Constant()  # which ends with the run
    last = run.steps if scheduled else max(run.steps, spec.horizon)
    return max(step, min(end, last))


class Ahead:
    """A run that is trained ahead of itself, of which the iterates alone are recorded."""

    def __init__(self, training: Training, run: Run, state: State, recorder: Recorder) -> None:
        """Stand where the run stands.

        Args:
            training: makes the steps.
            run: its settings.
            state: its latest state.
            recorder: its record, of which a copy grows.
        """
        self._training, self._run = training, run
        self.state, self._recorder = state, recorder.copied()

    @property
    def entries(self) -> list[Entry]:
        """What is recorded."""
        return self._recorder.entries()

    def advance(self, end: int, going: Callable[[], bool] = lambda: True) -> None:
        """Train up to a step, as long as `going`; less far where the run diverges."""
        while self.state.index < end and not self.state.diverged and going():
            self.state = self._training.advance(self.state, self._run)
            if self._recorder.stays(self.state.index) or self.state.index == end:
                self._recorder.add(self.state)


def path_to_horizon(path: xr.Dataset, training: Training, spec: SliceSpec) -> xr.Dataset:
    """The iterates of a recorded run up to the horizon of its last step; itself without one.

    Raises:
        SpecError: the trajectory is not that of the run trained anew.
    """
    run, last = training.run, int(path["step"].values[-1])
    end = horizon(run, spec, last)
    if end <= last:
        return path
    state = training.start()
    recorder = Recorder(run, len(state.theta))
    recorder.add(state)
    ahead = Ahead(training, run, state, recorder)
    ahead.advance(end)
    steps = np.array([entry.state.index for entry in ahead.entries])
    whole = xr.Dataset(iterates(ahead.entries), {"step": steps})
    both = [step for step in path["step"].values if step in steps]
    known, anew = (one["theta"].sel(step=both).values for one in (path, whole))
    if not np.allclose(known, anew, rtol=1e-4, atol=1e-6):
        accepted = "0 for a trajectory that is not that of its run trained anew"
        raise SpecError("SliceSpec.horizon", spec.horizon, accepted)
    return whole
