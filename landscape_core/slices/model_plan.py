"""The plane and the evaluation of a slice of a user's own network."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.foundation.registry import find
from landscape_core.models.additivity import warn_of_partial
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.fitting_state import GivenPath
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_parts import (
    check_max_examples,
    check_seed,
    is_whole,
    limited,
)
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.planes.network_state import NetworkState, laid
from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.planes.through import Through
from landscape_core.slices.chosen_extent import AUTO, Ends, Extent, chosen_extent, within
from landscape_core.slices.given_path import losses_of
from landscape_core.slices.given_runs import GivenRun, Shown, on_plane, runs_of, runs_variables
from landscape_core.slices.grid import Grid
from landscape_core.slices.measures_by_name import Given
from landscape_core.slices.path_statistics import warn_of_foreign
from landscape_core.slices.point_statistics import of_given_network, with_statistics
from landscape_core.slices.probe import Probe, probe
from landscape_core.slices.projected_runs import EstimatedPath, check_rule
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategy_choice import strategy_of

Span = float | Sequence[float] | str | Extent | Grid
"""The half-width of a slice, or the ends of its axes: two numbers for both axes, or four; or
`auto`, or an extent that was chosen; or a grid."""

Resolution = int | Sequence[int]
"""Points along each side, or those along alpha and along beta."""


GIVEN = "given"
"""What stands for the rule of a plane that was given."""


@dataclass(frozen=True, eq=False)
class ModelPlan:
    """What a slice of a user's network evaluates, on which grid, and the states on its plane."""

    probe: Probe
    grid: Grid
    projected: ProjectedPath | None
    runs: Sequence[GivenRun]
    directions: str
    """The rule of the plane as JSON, or `given` where the plane was."""

    extent: Extent | None = None
    """The extent with its reason, where it was chosen by a rule."""

    estimates: EstimatedPath | None = None
    """Where states lie of which only random projections are known, in place of `runs`."""

    @property
    def points(self) -> int:
        """How many points the slice has."""
        return math.prod(self.grid.shape(self.probe.plane.dimensions))

    @property
    def states(self) -> list[NetworkState]:
        """The states of all runs, one after the other."""
        return [state for run in self.runs for state in run.states]

    def stating(self, dataset: xr.Dataset) -> xr.Dataset:
        """The dataset, which says whose stored statistics batch normalization used."""
        said = dataset.attrs.get("statistics")
        if said is None:
            return dataset
        part = next(iter(self.probe.parts.values()))
        return dataset.assign_attrs(statistics=of_given_network(said, part, self.probe.plane))

    def with_path(self, dataset: xr.Dataset) -> xr.Dataset:
        """The dataset with the states on the plane, if there are any."""
        states = self.path()
        return dataset if states is None else dataset.assign(states).assign_attrs(states.attrs)

    def path(self) -> xr.Dataset | None:
        """The states on the plane with their losses on the first part; None without states.

        Of projected states there are estimates in place of losses.
        """
        if self.estimates is not None:
            return self.estimates.variables()
        if self.projected is None:
            return None
        name, part = next(iter(self.probe.parts.items()))
        stream = self.probe.streams.get(name)
        if stream is None:
            losses = losses_of(self.states, part, self.probe.seed, draws=self.probe.draws)
        else:  # read together with the slice
            losses = stream.path_losses
        return runs_variables(self.projected, self.runs, losses, own=self.directions != GIVEN)


@public_call
def probe_of(
    parts: Mapping[str, ModelObjective],
    directions: Directions | Plane | Through | str,
    measures: Mapping[str, Given] | None = None,
    **options: Any,
) -> Probe:
    """What is evaluated around the present parameters of the first part, or on a given plane.

    The options are those of `plan_of`, and the errors.
    """
    return plan_of(parts, directions, measures, **options).probe


@public_call
def plan_of(  # noqa: PLR0913 - each choice by its name, as in `landscape`
    parts: Mapping[str, ModelObjective],
    directions: Directions | Plane | Through | str | None,
    measures: Mapping[str, Given] | None = None,
    *,
    path: GivenPath | Mapping[str, GivenPath] | None = None,
    dimensions: int = 2,
    span: Span = 1.0,
    resolution: Resolution = 51,
    max_examples: int | None = None,
    seed: int = 0,
    strategy: Strategy | str | None = None,
    tf32: bool = False,
    draws: int = 1,
    batch_norm: BatchNorm | None = None,
) -> ModelPlan:
    """Choose plane, grid and evaluation of a slice of a user's network.

    The options are those of `landscape`; by default each part's own choice of statistics counts,
    but for `running` on a plane through several states whose buffers are known and differ.

    Raises:
        SpecError: a value that is not accepted, or no parts.
        PlaneError: the directions span no plane.
    """
    check_seed(seed)
    check_max_examples(max_examples)
    if not parts:
        raise SpecError("parts", parts, "at least one objective, by the name of its split")
    if not is_whole(dimensions):
        raise SpecError("dimensions", dimensions, "1 for a line or 2 for a plane")
    ends = ends_of(span)
    along = resolution_of(resolution, span)
    rule = None if directions is None else rule_of(directions)
    chosen = None if strategy is None else strategy_of(strategy)
    objective = next(iter(parts.values()))
    runs, recorded = runs_of(path, objective)
    check_rule(rule, recorded)
    count = sum(len(run.states) for run in runs)
    rule = rule or (PCA() if count > dimensions else Random())
    few = limited(parts, max_examples)
    for name, part in few.items():
        warn_of_partial(part, of=parts[name].examples)
    if isinstance(rule, Directions):
        plane = rule.span(_viewpoint(objective, runs, seed), dimensions)
    else:
        plane = laid(rule, objective)
        if plane.buffers is not None:  # the centre is the plane's own
            few = {name: part.with_buffers(plane.buffers.origin) for name, part in few.items()}
    width = float(span) if isinstance(span, Real) else 1.0
    shown = Shown(span=width, ends=ends, given=not isinstance(rule, Directions))
    projected, estimates = on_plane(plane, runs, recorded, shown)
    plane = plane if projected is None else projected.plane
    few = with_statistics(few, plane, batch_norm)
    if isinstance(rule, Directions):
        last = next(iter(few.values()))
        warn_of_foreign(last, plane, {run.name or "": run.states for run in runs})
    points = math.prod(Grid(resolution=along[0], beta_resolution=along[1]).shape(plane.dimensions))
    read = probe(few, plane, measures, chosen, tf32=tf32, seed=seed, draws=draws, points=points)
    extent = _chosen(read, projected, span)
    projected = None if projected is None else within(projected, extent)
    ends = (ends if extent is None else extent.ends) or (-width, width, -width, width)
    grid = _grid(projected, ends, along)
    told = canonical(to_plain(rule)) if isinstance(rule, Directions) else GIVEN
    return ModelPlan(read, grid, projected, runs, told, extent, estimates)


def _grid(projected: ProjectedPath | None, ends: Ends, along: tuple[int, int]) -> Grid:
    """The grid over the rectangle of a projected path, or between the ends of the axes."""
    if projected is not None:
        return Grid.between(projected.low, projected.high, *along)
    return Grid.between(np.array(ends[::2]), np.array(ends[1::2]), *along)


def _chosen(read: Probe, projected: ProjectedPath | None, span: Span) -> Extent | None:
    """The extent that is given with its reason or to be chosen; None where a span is given."""
    if isinstance(span, str):
        return chosen_extent(read, projected)
    return span if isinstance(span, Extent) else None


def needs_all(rule: object, batch_norm: object) -> bool:
    """Whether directions or statistics are those of all examples, however few are evaluated."""
    return batch_norm == "reestimated" or (isinstance(rule, Directions) and rule.uses_data)


def ends_of(span: object) -> Ends | None:
    """The ends of alpha and beta that a span gives, None where it is a half-width or `auto`.

    Raises:
        SpecError: neither a positive number, nor two or four ends, nor `auto`.
    """
    accepted = (
        "a positive number, or the ends of the axes: (low, high) or (low, high, low, high);"
        " or 'auto', or a Grid"
    )
    if isinstance(span, Grid):
        return span.alpha_low, span.alpha_high, span.beta_low, span.beta_high
    if isinstance(span, str) and span == AUTO:
        return None
    span = span.ends if isinstance(span, Extent) else span
    if isinstance(span, Real):
        if not 0 < float(span) < math.inf:
            raise SpecError("span", span, accepted)
        return None
    numbers = list(span) if isinstance(span, Sequence) and not isinstance(span, str) else []
    if len(numbers) not in (2, 4) or not all(isinstance(number, Real) for number in numbers):
        raise SpecError("span", span, accepted)
    low, high, *rest = (float(number) for number in numbers)
    ends = (low, high, *(rest or (low, high)))
    if not all(map(math.isfinite, ends)) or low >= high or ends[2] >= ends[3]:
        raise SpecError("span", span, accepted)
    return ends[0], ends[1], ends[2], ends[3]


def resolution_of(resolution: object, span: object = None) -> tuple[int, int]:
    """Points along alpha, and along beta if they are others, else 0; those of a `Grid` as span.

    Raises:
        SpecError: neither a whole number from 2 nor a pair of such; or a grid and another number.
    """
    if isinstance(span, Grid):
        if resolution not in (51, span.resolution):
            raise SpecError("resolution", resolution, "left out with a Grid, which has its own")
        return span.resolution, span.beta_resolution
    accepted = "a whole number of at least 2, or two of them, those along alpha first"
    given = isinstance(resolution, Sequence) and not isinstance(resolution, str)
    numbers: list[Any] = [*resolution] if given else [resolution]  # type: ignore[misc]
    if len(numbers) not in (1, 2) or not all(is_whole(n) and n >= 2 for n in numbers):
        raise SpecError("resolution", resolution, accepted)
    alpha, beta = int(numbers[0]), int(numbers[-1])
    return alpha, 0 if beta == alpha else beta


def _viewpoint(objective: ModelObjective, runs: Sequence[GivenRun], seed: int) -> Viewpoint:
    """What directions may use: the present parameters, the first run's states, those of others."""
    centre = objective.start
    states: Sequence[NetworkState] = runs[0].states if runs else ()
    thetas, *others = [run.thetas(centre) for run in runs] or [centre[None]]

    def buffers_of(index: int) -> Mapping[str, Tensor] | None:
        if not states:
            return objective.buffers
        return None if states[index].differs else states[index].buffers

    return Viewpoint(objective, centre, thetas, seed, tuple(others), buffers_of=buffers_of)


def rule_of(given: object) -> Directions | Plane | Through:
    """What was given, if it is a line or plane or a rule for one; of a name the rule.

    Raises:
        SpecError: neither, or no such name; says all that there are.
    """
    if isinstance(given, str):
        return find(Directions, given)()
    if not isinstance(given, Directions | Plane | Through):
        shown = given if isinstance(given, type) else type(given).__name__
        accepted = "a rule, for instance PCA(), or its name, as 'pca', or a Plane"
        raise SpecError("directions", shown, accepted)
    return given
