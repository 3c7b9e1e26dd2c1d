"""A run that is trained step by step, with the record of its iterates."""

import functools
import hashlib
import math
import time
from collections import deque
from dataclasses import replace

import torch
import xarray as xr

from landscape_core.experiments.curve_measures import curve_measures
from landscape_core.experiments.horizon import Ahead
from landscape_core.experiments.trajectory import trajectory
from landscape_core.session.observed_run import ObservedRun
from landscape_core.session.picture import Readings, Status
from landscape_core.training.recorder import Entry, Recorder
from landscape_core.training.run import Run, State, Training


class LiveRun:
    """The latest state of a run and its record; what is inspected is the latest iterate or not."""

    def __init__(self, run: Run, start: State | None = None) -> None:
        """Build the problem and record its start.

        Args:
            run: what is trained.
            start: another start than the problem's own.

        Raises:
            SpecError: parts that do not fit, or a start of another network; before any work.
            MissingDataError: a data file is not there.
        """
        self.run = run
        self.history: list[tuple[int, Run]] = [(0, run)]
        self.training = Training(run)
        self.seconds = 0.0
        """Time spent on training steps."""
        self.inspected: int | None = None
        """The position in the record of the iterate that is inspected; None for the latest."""
        self.state = first = self.training.start(start)
        self._recorder = Recorder(run, len(first.theta))
        self._measures = curve_measures(run, self.training.instance, self._recorder.budget)
        for index, made in enumerate(self.training.instance.path if start is None else ()):
            self.state = replace(first, index=index, theta=made.theta, buffers=made.buffers)
            self._record()
        self.state = first
        self._record()
        self._ahead: tuple[list[tuple[int, Run]], Ahead] | None = None

    @functools.cached_property
    def built_from(self) -> str:
        """Digest of the examples and the start: another run may have read another file."""
        instance = self.training.instance
        sets = (instance.data.train, instance.data.test) if instance.data else ()
        tensors = [instance.start, *(part for one in sets for part in (one.inputs, one.targets))]
        digest = hashlib.sha256()
        for tensor in tensors:
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            flat = tensor.detach().cpu().reshape(-1).contiguous()
            digest.update(flat.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @property
    def status(self) -> Status:
        """The status of the run while no step is made."""
        if self.state.diverged:
            return "diverged"
        if self.state.index >= self.run.steps:
            return "finished"
        return "paused" if self.state.index else "ready"

    @property
    def recorded(self) -> list[int]:
        """The steps that are recorded."""
        return [entry.state.index for entry in self._recorder.entries()]

    @property
    def shows_divergence(self) -> bool:
        """Whether the run has diverged and no earlier iterate is inspected."""
        return self.state.diverged and self.inspected is None

    def continue_with(self, run: Run) -> None:
        """Continue with another optimizer setting, batch size or end, from the same state.

        Raises:
            SpecError: a batch larger than the data; the run is then unchanged.
        """
        self.training.check(run)
        if run != self.run:
            self.history.append((self.state.index, run))
        self.run = run

    def advance(self, steps: int) -> None:
        """Make this number of steps, or fewer if the run ends, and inspect the latest iterate."""
        if steps:
            self.inspected = None
        for _ in range(steps):
            if self.status in ("diverged", "finished"):
                break
            began = time.perf_counter()
            self.state = self.training.advance(self.state, self.run)
            self.seconds += time.perf_counter() - began
            if self._recorder.stays(self.state.index):
                self._record()
        if self._recorder.entries()[-1].state.index != self.state.index:
            self._record()

    def inspect(self, step: int) -> None:
        """Inspect the recorded iterate that is nearest to a step, until the run goes on."""
        recorded = self.recorded
        nearest = min(range(len(recorded)), key=lambda index: abs(recorded[index] - step))
        self.inspected = None if nearest == len(recorded) - 1 else nearest

    def observed(self) -> ObservedRun:
        """The record as it is now, with the inspected iterate."""
        entries = self._measured()
        index = len(entries) - 1 if self.inspected is None else self.inspected
        history = tuple(self.history)
        return ObservedRun(
            self.training, self.run, entries, self.state.index, index, history, self.ahead
        )

    def ahead(self, end: int, seconds: float = math.inf) -> ObservedRun:
        """The record of the same run trained ahead to a step, with nothing measured.

        Args:
            end: the step, not before that of the run.
            seconds: how long it may train; what it has not reached then is left for later.
        """
        known = self._ahead
        fits = known is not None and self.state.index <= known[1].state.index <= end
        if known is None or not fits or known[0] != self.history:
            run, state, recorder = self.run, self.state, self._recorder
            known = list(self.history), Ahead(self.training, run, state, recorder)
            self._ahead = known
        began = time.perf_counter()
        known[1].advance(end, lambda: time.perf_counter() - began < seconds)
        entries = known[1].entries
        return ObservedRun(self.training, self.run, entries, end, len(entries) - 1)

    def readings(self, observed: ObservedRun) -> Readings:
        """The numbers at the inspected iterate, or at the step at which the run diverged."""
        state, values = observed.state, observed.entry.values
        if self.shows_divergence:
            state, values = self.state, {**values, "train_loss": math.nan}
        return Readings(state.index, self.training.epoch(state), self.seconds, values)

    def trajectory(self, until: int | None = None) -> xr.Dataset:
        """The trajectory of the run up to a step, as `record_run` yields it."""
        last = self.state.index if until is None else until
        entries = [e for e in self._measured() if e.state.index <= last]
        lost = self.state.diverged and until is None
        run = self.run.replace(steps=max(1, last))
        return trajectory(run, entries, self.training.files, diverged=lost)

    def _record(self) -> None:
        if not self.state.diverged:
            last = self.state.index >= self.run.steps
            # The end is measured now: whether a step is the last may change, and the record not.
            values = self._measures.at(self.state, last=True) if last else {}
            self._recorder.add(self.state, **values)

    def _measured(self) -> list[Entry]:
        """What is recorded, all of it measured."""
        deque(self._recorder.measure(lambda one: self._measures.at(one, last=False)), maxlen=0)
        return self._recorder.entries()
