"""A curve of low loss between two states of a user's own network, in one call."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from landscape_core.connectivity.barrier import End
from landscape_core.connectivity.connection import check_resolution
from landscape_core.connectivity.curve_search import CurveSearch
from landscape_core.connectivity.paths.base import Path
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import Progress, one_call
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import ENGINE_VERSION, canonical, to_plain
from landscape_core.foundation.registry import find
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import MEANINGS, UNKNOWN, BatchNorm
from landscape_core.models.closure_network import Closure
from landscape_core.models.generators import drawing, drawn_since, kept_generators, states
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.module_objective import try_call
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_parts import (
    check_numbers,
    is_whole,
    limited,
    stating_batches,
    user_parts,
)
from landscape_core.planes.network_state import NetworkState, between, state_in
from landscape_core.planes.through import State
from landscape_core.slices import point_statistics

FEW = 8
"""Examples on which it is tried whether training steps draw random numbers."""

MOST_POINTS = 10_001
"""Points of a curve at which losses are read, at most."""

STATES = "a module, a state dictionary or a vector (P,) of parameters of the model"


@torch.inference_mode(mode=False)  # what is made within it cannot be differentiated
@one_call
@public_call
def connect(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    a: State,
    b: State,
    loss: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    test: Any = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    path: Path | str = "bezier",
    align: bool = False,
    points: int = 61,
    resolution: int = 25,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    max_examples: int | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    seed: int = 0,
) -> Iterator[Progress]:
    """Connect two states of a network by a curve of low loss: loss (split, t), barrier (split).

    `t` runs from 0, which is `a`, to 1, which is `b`; the variables are those of `connect_runs`.
    The models are copied, never changed. For datasets on the way: `compute_connection`.

    Args:
        model: any module; its own parameters do not matter.
        a: where the curve begins: a module, a state dictionary, or a vector (P,) of parameters.
        b: where it ends.
        loss: from (outputs, targets) to one value per example or to their mean.
        data: inputs and targets, or batches of the two; the curve is trained on them.
        objective: in place of a loss, as for `landscape`. The curve is trained on its value for all
            batches at every step, and so is that of a loss of several outputs.
        test: a second part of the data, or none.
        batch: takes (inputs, targets) out of what the data give, as for `landscape`.
        reduction: `mean` or `sum` of the values of an `objective`, as for `landscape`.
        path: `bezier`, `polygon`, `nudged`, `straight`, or an object: `Bezier(steps=300)`.
        align: first put the hidden units of `b` in the order nearest to those of `a`.
        points: number of points on the curve at which the loss is evaluated.
        resolution: points along each side of `plane_loss`; 0: none.
        batch_norm: which statistics batch normalization uses: `interpolated`, those of `a` and `b`
            at the ends and in proportion between, the default where known; `running`, else the
            default; `reestimated`, new ones at each point; `batch`, those of the examples.
        adapter: takes what the model gives if that is no tensor, gives the outputs.
        device: where to compute; by default where the model's parameters lie.
        dtype: floating type to compute in; by default the model's.
        max_examples: the first so many examples of each part; by default all.
        seed: of the places on the curve and of mini-batches.

    Raises:
        SpecError: a value, state or network that is not accepted, or no data; before any work.
    """
    rule = _checked(path, points, resolution, max_examples, seed)
    parts = user_parts(
        model, loss, data, test=test, objective=objective, batch=batch, reduction=reduction,
        batch_norm=batch_norm, adapter=adapter, device=device, dtype=dtype,
        max_examples=max_examples, whole=batch_norm == "reestimated",
    )  # fmt: skip
    both = _states(a, b, parts["train"])
    parts = _read(limited(parts, max_examples), both, batch_norm)
    ends = _ends(parts["train"], both)
    search = CurveSearch(parts, ends, rule, bool(align), points, resolution, int(seed))
    with _draws(parts["train"], int(seed)):
        for done, found in search.found():
            yield Progress(done, rule.curves, found)
    attrs = {"path": canonical(to_plain(rule)), "align": int(align), "model": type(model).__name__}
    found = found.assign_attrs(attrs, seed=int(seed), **_attrs(parts, both))
    yield Progress(rule.curves, rule.curves, stating_batches(found, parts))


def _ends(train: ModelObjective, both: tuple[NetworkState, NetworkState]) -> tuple[End, End]:
    """The ends of the curve in the type of the parameters, with their buffers."""
    try_call(train)
    first, last = (End(one.theta.to(train.start), _buffers(one, train, both)) for one in both)
    return first, last


def _draws(train: ModelObjective, seed: int) -> contextlib.AbstractContextManager[None]:
    """The process's generators set from the seed, where training steps draw, as with dropout."""
    device = train.start.device
    few = train.restricted(torch.arange(min(train.examples, FEW), device=device))
    with kept_generators(device):
        before = states(device)
        few.value_and_gradient(train.start)
        drawn = drawn_since(before, device)
    return drawing(device, seed) if drawn else contextlib.nullcontext()


def _checked(
    path: object, points: object, resolution: object, max_examples: object, seed: object
) -> Path:
    """The rule for the curve, where it and all numbers are accepted."""
    _check_sizes(points, resolution)
    check_numbers(max_examples, seed)
    return _rule(path)


def _rule(path: object) -> Path:
    """The rule that is given by name or as an object.

    Raises:
        SpecError: no such rule.
    """
    if isinstance(path, Path):
        return path
    return find(Path, path if isinstance(path, str) else type(path).__name__)()


def _check_sizes(points: object, resolution: object) -> None:
    if not is_whole(points) or not 2 <= points <= MOST_POINTS:  # type: ignore[operator]
        raise SpecError("points", points, f"a whole number between 2 and {MOST_POINTS}")
    if not is_whole(resolution):
        raise SpecError("resolution", resolution, "0, or a whole number between 3 and 201")
    check_resolution("resolution", resolution)  # type: ignore[arg-type]


def _states(a: State, b: State, objective: ModelObjective) -> tuple[NetworkState, NetworkState]:
    """Both states of the objective's network.

    Raises:
        SpecError: one is of another network, not finite, or differs in what is held fixed; or both
            have the same parameters.
    """
    first, last = _state("a", a, objective), _state("b", b, objective)
    if torch.equal(first.theta.to(objective.start), last.theta.to(objective.start)):
        raise SpecError("b", "the same parameters as a", "another state than a")
    return first, last


def _state(name: str, given: State, objective: ModelObjective) -> NetworkState:
    if not isinstance(given, nn.Module | Mapping | torch.Tensor):
        raise SpecError(name, type(given).__name__, STATES)
    try:
        state = state_in(given, objective)
    except SpecError as error:
        accepted = f"a state of the model: {error.field} must be {error.accepted}"
        raise SpecError(name, error.value, accepted) from error
    if state.theta.is_complex():
        raise SpecError(name, "complex numbers", "a state of real parameters")
    if not bool(state.theta.isfinite().all()):
        raise SpecError(name, "a state with NaN or infinity", "finite")
    if state.differs:
        accepted = f"equal to the model in {', '.join(state.differs)}, which are held fixed"
        raise SpecError(name, "a state with other values there", accepted)
    return state


def _known(states: tuple[NetworkState, NetworkState]) -> bool:
    """Whether the buffers of both states are known."""
    return all(state.buffers is not None for state in states)


def _read(
    parts: Mapping[str, ModelObjective],
    states: tuple[NetworkState, NetworkState],
    batch_norm: BatchNorm | None,
) -> dict[str, ModelObjective]:
    """The parts with the statistics that are asked for, or that are usual."""
    moving = between(states)
    if batch_norm == "interpolated" and moving is None:
        raise SpecError("batch_norm", batch_norm, point_statistics.ACCEPTED)
    choice = batch_norm
    if choice is None or choice == "running":
        choice = "interpolated" if moving is not None and moving.moves else "running"
    return {name: part.with_batch_norm(choice) for name, part in parts.items()}


def _buffers(
    state: NetworkState, part: ModelObjective, states: tuple[NetworkState, NetworkState]
) -> Mapping[str, Any]:
    """The buffers of a state; those of the network, where one of the states does not say."""
    return state.buffers if state.buffers is not None and _known(states) else part.buffers


def _attrs(
    parts: Mapping[str, ModelObjective], states: tuple[NetworkState, NetworkState]
) -> dict[str, Any]:
    """What the losses depend on in addition to the parameters."""
    part = next(iter(parts.values()))
    moves = part.batch_norm == "interpolated"
    statistics = {}
    if part.normalizes or moves:
        statistics["statistics"] = MEANINGS[part.batch_norm]
        if not _known(states) and part.batch_norm == "running":
            statistics["statistics"] = UNKNOWN
    return {
        "batch_norm": part.batch_norm if part.normalizes or moves else "none",
        **statistics,
        "examples": [one.examples for one in parts.values()],
        "dtype": str(part.start.dtype).removeprefix("torch."),
        "engine_version": ENGINE_VERSION,
    }
