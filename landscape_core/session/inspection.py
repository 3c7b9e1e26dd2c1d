"""Inspection points: a step of a run with its data and plane, for what is computed there."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import xarray as xr

from landscape_core.experiments.splits import splits_with
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe
from landscape_core.models.content_hash import Content, add_objective
from landscape_core.models.content_key import key_or_warning
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.plane import Plane
from landscape_core.session.live_slice import LiveSlice
from landscape_core.session.observed_run import ObservedRun
from landscape_core.slices.grid import Grid
from landscape_core.slices.point_statistics import with_statistics
from landscape_core.storage.store import Store
from landscape_core.training.run import Run


class NotKeptError(LookupError):
    """The result of some work is not in the store."""


@dataclass(frozen=True, eq=False)
class InspectionPoint:
    """A point of a run with its plane.

    `run` ends at this `step`, or after one where that is the start; `parts` are the data by split,
    training data first, each objective starting at this point with its statistics; `path` is the
    trajectory to it, as `record_run` yields it; `plane` and `grid` are those of the picture, the
    plane with the buffers of states if the picture is. With `known_only`, nothing is computed that
    is not in the store.
    """

    run: Run
    step: int
    parts: Mapping[str, ModelObjective]
    path: xr.Dataset
    plane: Plane
    grid: Grid
    store: Store | None = None
    known_only: bool = False

    @property
    def train(self) -> ModelObjective:
        """The training objective."""
        return self.parts["train"]

    @property
    def over_plane(self) -> ModelObjective:
        """The training objective, with the picture's own statistics at each point of its plane."""
        return with_statistics({"train": self.train}, self.plane, None)["train"]

    def kept(
        self, asked: Recipe, work: Iterator[xr.Dataset | None], *, on_plane: bool = False
    ) -> Iterator[xr.Dataset | None]:
        """What some work yields, or from the store at once what it yielded last.

        Args:
            asked: the recipe of the work; with this point and its run it is the key.
            work: datasets of which the last is complete, None where nothing is new; not begun
                where the last is kept.
            on_plane: whether the work depends on the plane and the grid.

        Raises:
            NotKeptError: it is not in the store, and only what is there was asked for.
        """
        key = self._key(asked, on_plane=on_plane) if self.store else ""
        found = self.store.get(key) if self.store and key else None
        if found is not None:
            yield found
            return
        if self.known_only:
            raise NotKeptError
        for found in work:
            yield found
        if self.store and key and found is not None:
            self.store.put(key, found)

    def _key(self, asked: Recipe, *, on_plane: bool) -> str:
        """The key of some work; empty, with a warning, where none can be made."""
        content = Content()
        try:
            for name, part in self.parts.items():
                content.add(name, part.start, part.batch_norm)
                add_objective(content, part)
            if on_plane:
                content.add(self.plane.origin, self.plane.axes, self.grid)
            moving = self.plane.buffers
            content.add(moving and [dict(moving.origin), dict(moving.axes)])
            point = content.digest()
        except SpecError as error:
            warnings.warn(f"This study is not kept: {error}", stacklevel=3)
            return ""
        return key_or_warning("This study", "study", point, self.run, asked)


def inspection_point(
    observed: ObservedRun, live: LiveSlice, path: xr.Dataset, store: Store | None
) -> InspectionPoint:
    """The inspected iterate of a run, with the plane and the grid of its picture.

    Raises:
        SpecError: a problem without a network.
    """
    state = observed.state
    parts = splits_with(observed.training.instance, state.buffers, start=state.theta)
    projected = live.project(observed)
    plane = projected.plane
    if not live.moves_buffers(observed, plane):
        plane = replace(plane, buffers=None)
    run = observed.run_to_inspected()
    return InspectionPoint(run, state.index, parts, path, plane, live.grid(projected), store)
