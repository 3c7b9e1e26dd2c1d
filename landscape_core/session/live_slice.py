"""The slice around a run that goes on: coarse within a time budget, or complete and held."""

import time
from collections.abc import Hashable, Iterator, Sequence

import torch
import xarray as xr

from landscape_core.experiments.horizon import horizon
from landscape_core.experiments.learning_curves import applicable
from landscape_core.experiments.slice_of_run import slice_attributes, value_attributes
from landscape_core.experiments.splits import splits_with
from landscape_core.foundation.errors import SpecError
from landscape_core.models.batch_norm import USUAL
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance
from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath, placed, project
from landscape_core.session.frame_budget import CoarseSlice, FrameBudget
from landscape_core.session.live_run import LiveRun
from landscape_core.session.observed_run import ObservedRun
from landscape_core.session.plane_tracker import PlaneTracker
from landscape_core.slices.chosen_extent import Extent, chosen_extent, reason_of, within
from landscape_core.slices.grid import Grid
from landscape_core.slices.point_statistics import at_coord, named_choice, with_statistics
from landscape_core.slices.probe import Probe, probe
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.sweep import coarse, levels
from landscape_core.storage.store import Store
from landscape_core.training.recorder import Entry

OF_THE_GRID = ("resolution", "beta_resolution", "tolerance", "scale")
"""What points are computed, and how well: with other values of these, the fastest way stays."""

ON_THE_PLANE = (*OF_THE_GRID, "split", "max_examples", "measures")
"""What is computed on a plane: with other values of these, plane and extent stay."""

AHEAD = 0.008
"""Seconds of a picture in which the run is trained ahead, before its next horizon is needed."""

PATIENCE = 8
"""Times as long as a picture may take, the next on the same plane may, in which it gets finer."""


class LiveSlice:
    """Plane and slice of one specification, as the run that it shows goes on."""

    def __init__(
        self,
        spec: SliceSpec,
        instance: Instance,
        store: Store | None = None,
        strategy: Strategy | None = None,
    ) -> None:
        """Nothing is computed yet.

        Args:
            spec: which slice.
            instance: the problem of the run.
            store: where complete slices are cached.
            strategy: how the slices are evaluated; by default the fastest in a short trial.

        Raises:
            SpecError: no such split, or a line.
        """
        self.plane: Plane | None = None
        """The plane of the latest picture, as the directions span it."""
        self.projected: ProjectedPath | None = None
        """The trajectory on it, of the latest picture."""
        self.notice = ""
        """Why the picture is not what was asked for; empty where it is."""
        self._instance, self._store, self._strategy = instance, store, strategy
        self.tracker = PlaneTracker()
        self._trials: dict[int, Strategy] = {}
        self._latest: dict[int, Probe] = {}
        self._budget: FrameBudget | None = None
        self._held: tuple[Plane | None, Grid, Entry, xr.Dataset] | None = None
        self._extent: tuple[Plane | None, Entry, Extent] | None = None
        self._coarse: CoarseSlice | None = None
        self._stage: tuple[Hashable, Plane, ProjectedPath, str] | None = None
        self.check(spec)
        self.spec = spec

    def check(self, spec: SliceSpec) -> None:
        """Raise `SpecError` for a slice that a run of this problem cannot show."""
        if spec.split == "test" and self._instance.test is None:
            accepted = "train, as the problem has no test examples"
            raise SpecError("SliceSpec.split", "test", accepted)
        if spec.dimensions != 2:
            raise SpecError("SliceSpec.dimensions", spec.dimensions, "2 for a run that goes on")

    def change(self, spec: SliceSpec) -> None:
        """Show another slice from now on.

        Raises:
            SpecError: a slice that a run of this problem cannot show.
        """
        self.check(spec)
        if spec.directions != self.spec.directions or spec.follow != self.spec.follow:
            self.tracker.forget()
        if spec != self.spec:
            self._budget, self._held, self._coarse, self._extent = None, None, None, None
            if not self._differs_only(spec, OF_THE_GRID):
                self._trials, self._latest = {}, {}
            if not self._differs_only(spec, ON_THE_PLANE):
                self._stage = None
        self.spec = spec

    def _differs_only(self, spec: SliceSpec, names: Sequence[str]) -> bool:
        """Whether another specification is this one but for the fields of these names."""
        return spec.replace(**{name: getattr(self.spec, name) for name in names}) == self.spec

    @property
    def strategy(self) -> Strategy | None:
        """How slices are to be evaluated; None: the fastest in a short trial."""
        return self._strategy

    def take_over(self, plane: Plane, projected: ProjectedPath, notice: str, step: int) -> None:
        """Go on from the plane of a picture of the same step that another session has computed."""
        self.plane, self.projected, self.notice = plane, projected, notice
        self.tracker.take_over(plane, step)

    def settle(self) -> None:
        """Compute a plane that follows the run as if there had been no pictures before.

        Without it, the order and signs of the axes depend on the pictures on the way.
        """
        if self.spec.follow and self._stage is None:
            self.tracker.forget()

    def project(self, observed: ObservedRun) -> ProjectedPath:
        """The plane through the inspected iterate, and the trajectory on it."""
        end = horizon(observed.run, self.spec, observed.step) if observed.ahead else 0
        if not end:
            self._stage = None
            self.projected = self._projected(observed)
            return self.projected
        key = end, observed.history
        if self._stage is None or self._stage[0] != key:
            assert observed.ahead is not None  # else there were no horizon
            self.tracker.forget()
            whole = self._projected(observed.ahead(end))
            assert self.plane is not None  # that of the path, just now
            self._stage = key, self.plane, whole, self.notice
        _, self.plane, whole, self.notice = self._stage
        self.projected = placed(whole, observed.thetas)
        return self.projected

    def look_ahead(self, run: LiveRun) -> None:
        """Train a part of the way to the next horizon, so that the pictures do not halt there."""
        step = run.state.index
        end = horizon(run.run, self.spec, step)
        following = horizon(run.run, self.spec, end + 1) if end else 0
        if following > end and end < 2 * step:
            run.ahead(following, AHEAD)

    def _projected(self, observed: ObservedRun) -> ProjectedPath:
        """The plane of a trajectory, with the rectangle that shows it."""
        self.plane = self.tracker.plane(observed, self.spec)
        self.notice = self.tracker.notice
        if observed.near < len(observed.entries):
            gone = observed.entries[observed.near].state.index
            self.notice = (
                f"The plane and the picture are of the path before step {gone}, where the weights"
                " become very large"
            )
        spec = self.spec
        span = 1.0 if spec.chooses_extent else spec.span
        found = project(
            self.plane, observed.thetas, span=span, ends=spec.ends(), near=observed.near
        )
        return self._framed(observed, found) if spec.chooses_extent else found

    def _framed(self, observed: ObservedRun, found: ProjectedPath) -> ProjectedPath:
        """The path with the rectangle that a rule chooses; its reason is kept."""
        known = self._extent
        if known is None or known[0] is not self.plane or known[1] is not observed.entry:
            read = self._probe(observed, found.plane, self.spec.max_examples)
            self._extent = self.plane, observed.entry, chosen_extent(read, found)
        assert self._extent is not None  # chosen just now, at the latest
        return within(found, self._extent[2])

    def reason(self) -> dict[str, str]:
        """The attribute that says how the extent was chosen; none where it was not."""
        chosen = self.spec.chooses_extent and self._extent is not None
        return reason_of(self._extent[2]) if chosen and self._extent else {}

    def grid(self, projected: ProjectedPath) -> Grid:
        """The grid of the complete slice."""
        return Grid.between(
            projected.low, projected.high, self.spec.resolution, self.spec.beta_resolution
        )

    def held(self, observed: ObservedRun, projected: ProjectedPath) -> xr.Dataset | None:
        """The slice as it was last completed, if that is the one that is asked for.

        Iterates on one plane share it, unless their running statistics differ.
        """
        if self._held is None:
            return None
        plane, grid, entry, dataset = self._held
        same = entry is observed.entry or not entry.state.buffers
        return dataset if plane is self.plane and grid == self.grid(projected) and same else None

    def within(self, observed: ObservedRun, projected: ProjectedPath, seconds: float) -> xr.Dataset:
        """The slice as fine as the time allows, the rest interpolated; the held one if it fits."""
        known = self.held(observed, projected)
        if known is not None:
            return known
        grid = self.grid(projected)
        if self._budget is None:
            objective = getattr(self._instance, self.spec.split)
            most = min(self.spec.max_examples, objective.examples)
            self._budget = FrameBudget(most, len(levels(grid)))
        again = self._coarse.again(self.plane, grid, observed.entry) if self._coarse else 0
        rung = self._budget.rung(min(again + 1, PATIENCE) * seconds)
        if again and self._coarse and rung <= self._coarse.rung:
            return self._coarse.dataset
        examples, level = self._budget[rung]
        evaluated = self._probe(observed, projected.plane, examples)
        began = time.perf_counter()
        attrs = value_attributes(observed.run) | self.reason()
        dataset = coarse(evaluated, grid, level).assign_attrs(attrs)
        self._budget.took(rung, time.perf_counter() - began)
        self._coarse = CoarseSlice(self.plane, grid, observed.entry, rung, dataset, again)
        return dataset

    def complete(self, observed: ObservedRun, projected: ProjectedPath) -> Iterator[xr.Dataset]:
        """The slice from coarse to fine, then held; from the store at once, if it is there.

        Exact at the end, or within the tolerance of the specification.
        """
        grid = self.grid(projected)
        dataset = None
        for dataset in compute_slice(
            self._probe(observed, projected.plane, self.spec.max_examples),
            grid,
            slice_attributes(observed.run_to_inspected(), self.spec, observed.state.index)
            | self.reason(),
            tolerance=self.spec.interpolation(),
            store=self._store,
        ):
            yield dataset
        if dataset is not None:
            self._held = (self.plane, grid, observed.entry, dataset)

    def buffers_at(
        self, observed: ObservedRun, plane: Plane, coord: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The network's buffers at a point of the plane, of coordinates (D,)."""
        if not isinstance(self._instance.train, ModelObjective):
            return observed.state.buffers
        return dict(at_coord(self._evaluated(observed.network(), plane), plane, coord).buffers)

    def moves_buffers(self, observed: ObservedRun, plane: Plane) -> bool:
        """Whether the buffers are interpolated between the states of the plane."""
        return self._evaluated(observed.network(), plane).batch_norm == "interpolated"

    def _evaluated(self, part: ModelObjective, plane: Plane) -> ModelObjective:
        """A part of the data with the statistics that are asked for."""
        word = self.spec.batch_norm
        if word == "interpolated" and plane.states == 1:  # another plane, for now
            word = USUAL
        return with_statistics({"": part}, plane, named_choice(word), "SliceSpec.batch_norm")[""]

    def _probe(self, observed: ObservedRun, plane: Plane, examples: int) -> Probe:
        split = self.spec.split
        parts = splits_with(self._instance, observed.state.buffers, max_examples=examples)
        part = self._evaluated(parts[split], plane)
        measures = self.spec.chosen_measures() or applicable(self._instance)
        asked = {split: part}, plane, measures
        if part.batch_norm == "interpolated":  # one strategy alone can evaluate it
            return probe(*asked, Loop())
        if part.examples not in self._trials:
            found = probe(*asked, self._strategy, preferred=True)
            self._trials[part.examples] = found.strategies[split]
            self._latest = {part.examples: found}
        chosen = self._trials[part.examples]
        read = probe(*asked, chosen, tried=True, preferred=self._strategy is not None)
        before = self._latest.get(part.examples)
        self._latest = {part.examples: read}  # of one size alone: each recording takes memory
        return read if before is None else read.going_on_from(before)
