"""The loss landscape of a network of one's own, in one call."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.models.adapter import Adapter
from landscape_core.models.additivity import warn_of_partial
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.batches import Batches
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_parts import user_parts
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.directions.random import Random
from landscape_core.planes.network_state import laid, state_in
from landscape_core.planes.plane import Plane
from landscape_core.planes.through import Through
from landscape_core.slices.backends.base import Backend
from landscape_core.slices.grid import Grid
from landscape_core.slices.held_variances import tell_held
from landscape_core.slices.measures_by_name import Given
from landscape_core.slices.point_statistics import with_statistics
from landscape_core.slices.probe import Probe, probe
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategy_choice import strategy_of
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage.store import Store, check_store


@torch.inference_mode(mode=False)  # what is made within it cannot be differentiated
@public_call
def landscape(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss: LossFunction,
    data: Batches,
    *,
    test: Batches | None = None,
    measures: Mapping[str, Given] | None = None,
    directions: Directions | Plane | Through | None = None,
    path: Sequence[Mapping[str, Tensor]] = (),
    resolution: int = 51,
    span: float = 1.0,
    dimensions: int = 2,
    tolerance: Tolerance | float | None = None,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    max_examples: int | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    tf32: bool = False,
    strategy: Strategy | str | None = None,
    backend: Backend | None = None,
    store: Store | None = None,
    seed: int = 0,
    draws: int = 1,
) -> xr.Dataset:
    """The slice of a network's loss around its present parameters: loss (split, beta, alpha).

    The network is copied, never changed, and evaluated in evaluation mode whatever mode it is in.
    Parameters that require no gradient stay as they are; tied ones move together. For pictures on
    the way: `compute_slice(probe_of(...), grid)`.

    Args:
        model: any module from one tensor to outputs.
        loss: from (outputs, targets) to one value per example or to their mean, for instance
            `torch.nn.functional.cross_entropy`.
        data: inputs and targets, or batches of the two, for instance a DataLoader.
        test: a second part of the data, or none.
        measures: what is read beside the loss, by name: measures of the catalogue, for instance
            `{"error": Error()}`, or functions of (outputs, targets); by default the accuracy, where
            targets are classes.
        directions: which line or plane; by default random and filter-normalized. A `Plane` of your
            own, for instance `Plane.through(a, b, c)`, has its own origin and dimensions.
        path: state dictionaries saved in training, the latest last; for `PCA()` and others.
        resolution: points along each side.
        span: half the width of the picture, in multiples of the axes.
        dimensions: 1 for a line, 2 for a plane.
        tolerance: the largest error up to which points may be interpolated, as a share of the range
            of the loss, or of its logarithm: `Tolerance(relative_tolerance=0.01, scale="log")`; by
            default, and at 0, none is. Where it was not reached, a warning says so.
        batch_norm: which statistics batch normalization uses off the centre: `running`, those
            stored there; `interpolated`, on a plane through several states each one's own at its
            point and in proportion between, as all buffers that differ; `batch`, those of the
            examples evaluated; `reestimated`, new ones at each point. By default `interpolated` on
            a plane through several states whose buffers are known and differ, else `running`.
        adapter: takes what the model gives if that is no tensor, gives the outputs.
        max_examples: evaluate at most so many examples of each part, its first; by default all.
            Directions and re-estimated statistics are those of all examples.
        device: where to compute; by default where the model's parameters lie.
        dtype: floating type to compute in. By default parameters and buffers keep their types,
            and data are handed over as given; what network or loss refuses in its type, float64
            data of NumPy for one, is converted to that of the parameters.
        tf32: let a graphics card round products to 10 bits of mantissa.
        strategy: how to evaluate, by name (`strategies()` lists them) or as an object, for instance
            `"loop"` or `Loop(block=64)`; by default the fastest in a short trial.
        backend: where to compute; by default in this process.
        store: keeps the slice, and what is done of it while it is computed.
        seed: of random directions, and of the numbers that a network draws in its `forward`: the
            same ones at every point.
        draws: how many draws of such numbers the values are means of; for more than one,
            `loss_standard_error` says how sure they are.

    Raises:
        SpecError: a value that is not accepted, or no data.
        PlaneError: the directions span no plane.
        BackendError: the backend cannot be reached.
    """
    grid = Grid.square(span, resolution)
    rule = Random() if directions is None else _rule(directions)
    chosen = None if strategy is None else strategy_of(strategy)
    asked = _tolerance(tolerance)
    check_store(store)
    _check_seed(seed)
    parts = user_parts(
        model,
        loss,
        data,
        test=test,
        batch_norm=batch_norm,
        adapter=adapter,
        device=device,
        dtype=dtype,
    )
    read = probe_of(
        parts,
        rule,
        measures,
        path=path,
        dimensions=dimensions,
        max_examples=max_examples,
        seed=seed,
        strategy=chosen,
        tf32=tf32,
        draws=draws,
        batch_norm=batch_norm,
    )
    told = "given" if isinstance(rule, Plane | Through) else canonical(to_plain(rule))
    attrs = {"directions": told, "seed": seed, "model": type(model).__name__}
    *_, last = compute_slice(read, grid, attrs, tolerance=asked, backend=backend, store=store)
    if asked is not None and not last.attrs.get("tolerance_reached", 1):
        warnings.warn(asked.unreached(last.attrs["estimated_error"]), stacklevel=3)
    tell_held(last, stacklevel=3)
    return last


@public_call
def probe_of(  # noqa: PLR0913 - as above
    parts: Mapping[str, ModelObjective],
    directions: Directions | Plane | Through,
    measures: Mapping[str, Given] | None = None,
    *,
    path: Sequence[Mapping[str, Tensor]] = (),
    dimensions: int = 2,
    max_examples: int | None = None,
    seed: int = 0,
    strategy: Strategy | str | None = None,
    tf32: bool = False,
    draws: int = 1,
    batch_norm: BatchNorm | None = None,
) -> Probe:
    """What is read around the present parameters of the first part, or on a plane of one's own.

    The options are those of `landscape`; by default each part's own choice of statistics counts,
    but for `running` on a plane through several states whose buffers are known and differ.

    Raises:
        SpecError: a value that is not accepted, or no parts.
        PlaneError: the directions span no plane.
    """
    _check_seed(seed)
    if not parts:
        raise SpecError("parts", parts, "at least one objective, by the name of its split")
    rule, few = _rule(directions), _limited(parts, max_examples)
    chosen = None if strategy is None else strategy_of(strategy)
    objective = next(iter(parts.values()))
    if isinstance(rule, Directions):
        plane = rule.span(_viewpoint(objective, path, seed), dimensions)
    else:
        plane = laid(rule, objective)
        if plane.buffers is not None:  # the centre is the plane's own
            few = {name: part.with_buffers(plane.buffers.origin) for name, part in few.items()}
    few = with_statistics(few, plane, batch_norm)
    return probe(few, plane, measures, chosen, tf32=tf32, seed=seed, draws=draws)


def _viewpoint(
    objective: ModelObjective, path: Sequence[Mapping[str, Tensor]], seed: int
) -> Viewpoint:
    """Around the present parameters, with what was saved on the way there."""
    for state in path:
        if not isinstance(state, Mapping):
            raise SpecError("path", type(state).__name__, "a list of state dictionaries")
    states = [state_in(state, objective) for state in path]
    centre = objective.start
    thetas = [state.theta.to(centre) for state in states] or [centre]

    def buffers_of(index: int) -> Mapping[str, Tensor] | None:
        if not states:
            return objective.buffers
        return None if states[index].differs else states[index].buffers

    return Viewpoint(objective, centre, torch.stack(thetas), seed, buffers_of=buffers_of)


def _limited(parts: Mapping[str, ModelObjective], most: int | None) -> Mapping[str, ModelObjective]:
    """The parts, with at most so many examples each."""
    if most is None:
        return parts
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
        raise SpecError("max_examples", most, "a whole number from 1 on, or None for all examples")
    few = {name: part.first(int(most)) for name, part in parts.items()}
    for name, part in few.items():
        warn_of_partial(part, of=parts[name].examples)
    return few


def _tolerance(given: object) -> Tolerance | None:
    """The tolerance that a number or a recipe says; None: every point is computed."""
    if given is None or isinstance(given, Tolerance):
        return given
    if isinstance(given, bool) or not isinstance(given, Real):
        accepted = "a share of the displayed range, for instance 0.01, a Tolerance, or None"
        raise SpecError("tolerance", given, accepted)
    return Tolerance(relative_tolerance=float(given)) if given != 0 else None


def _check_seed(seed: object) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise SpecError("seed", seed, "a whole number")


def _rule(given: object) -> Directions | Plane | Through:
    """What was given, if it is a line or plane or a rule for one."""
    if not isinstance(given, Directions | Plane | Through):
        shown = given if isinstance(given, str | type) else type(given).__name__
        raise SpecError("directions", shown, "a rule, for instance PCA(), or a Plane")
    return given
