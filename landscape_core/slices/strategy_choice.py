"""Which strategy of evaluation is taken: the fastest in a short trial whose values agree.

Which way of evaluating is fastest depends on the network, the data and the machine. So each one
that applies is timed for a moment at a few points, its values compared with the plain loop's, and
the fastest that agrees is taken.
"""

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import name_of
from landscape_core.foundation.registry import entries, find
from landscape_core.models.closure_network import ClosureNetwork
from landscape_core.models.notices import unheard
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.planes.plane import Plane
from landscape_core.slices.point_by_point import point_by_point
from landscape_core.slices.reading import Reader, Reading
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.loop import Loop

LOG = logging.getLogger(__name__)

AGREEMENT = {torch.float64: 1e-10, torch.float32: 1e-5}
"""How far, relatively, a strategy's values may lie from the loop's; for other types a hundredth,
and where a card may round to TF32."""

WORTH = 5
"""The points of the loop whose time a trial may take."""

SHARE = 1 / 100
"""The fraction of the points asked for whose time a trial may take, where that is less."""

LEAST = 0.012
"""Seconds that a trial may take in any case."""

LEAST_ON_CARD = 0.5
"""The same on a graphics card, where recording and the first call of each kernel take long."""

FEW = 2
"""Points at which a strategy is compared with the loop."""

CLEARLY = 2
"""A strategy that is so many times faster than the loop ends the trial, but on a graphics card:
there all are faster than the loop, and many points at once perhaps by much more."""

MARGIN = 1.1
"""A strategy must be so many times faster than the loop to be taken: so far a short trial errs."""


INSTEAD = "The strategy {} does not evaluate this network, the loop does: {}"

UNSTEADY = (
    "Evaluated twice at the same point, the network or the loss gave different values (it may keep "
    "state between calls). The slice holds the first value of each point."
)
"""What is said of values that are no function of the parameters."""


def strategies() -> tuple[str, ...]:
    """The names of the strategies that there are, which `strategy=` takes."""
    return tuple(entries(Strategy))


def strategy_of(given: Strategy | str) -> Strategy:
    """The strategy itself, or that of a name, with its default settings.

    Raises:
        SpecError: no such name; says all that there are.
    """
    return given if isinstance(given, Strategy) else find(Strategy, given)()


def applied(
    strategy: Strategy,
    reading: Reading,
    evaluation: Callable[[], PlainEvaluation],
    *,
    preferred: bool = False,
) -> Strategy:
    """The strategy, if it can read what is asked.

    Args:
        strategy: that which is asked for.
        reading: what is to be read.
        evaluation: makes the plain evaluation of that.
        preferred: where the strategy cannot, the loop is taken instead, with a warning.

    Raises:
        SpecError: it cannot, or the network may take another way elsewhere than where it is seen.
    """
    if isinstance(strategy, Loop):
        return strategy
    name, accepted = name_of(type(strategy)), ""
    if isinstance(reading.objective.module, ClosureNetwork):
        accepted = "loop, as the loss needs more than one tensor of outputs"
    elif not (trace := evaluation().trace(reading.plane.origin)).fixed:
        accepted = f"loop, as the network {', '.join(trace.found)}"
    elif not strategy.applies(reading):
        accepted = "one that applies to this network, data and measures"
    if not accepted:
        return strategy
    error = SpecError("strategy", name, accepted)
    if not preferred:
        raise error
    warnings.warn(INSTEAD.format(name, error), stacklevel=4)
    return Loop()


@dataclass(frozen=True)
class Timing:
    """What a strategy took a point in a trial, in seconds, and how far it lay from the loop.

    `reader` is that of the trial, of the fastest alone; it can be used again.
    """

    strategy: Strategy
    seconds: float
    deviation: float
    reader: Reader | None = field(default=None, compare=False, repr=False)


def trial(
    reading: Reading, network: PlainEvaluation | None = None, points: int | None = None
) -> list[Timing]:
    """The strategies that agree with the loop, fastest first; the loop is always among them.

    The loop is before those that are hardly faster, and alone where a trace of the evaluation does
    not show the same arithmetic at every point.

    The first is always tried, others while the trial has taken less than some points of the loop;
    so a large network is not evaluated many times to find out how to evaluate it. One that raises
    an error does not apply.

    Args:
        reading: what is to be read.
        network: its plain evaluation, if there is one already.
        points: how many will be read, if that is known.
    """
    plane = reading.plane
    few = trial_coords(FEW, plane)
    network = network or Loop().evaluation(reading)
    trace = network.trace(plane.points(few[:1])[0])
    plain = point_by_point(reading, network)
    first, _ = _timed(plain, few[:1])
    truth, seconds = _one_by_one(plain, few)
    plainest = Timing(Loop(), seconds, 0.0)
    allowed = min(WORTH, SHARE * (points or math.inf)) * seconds
    budget = max(LEAST_ON_CARD if _on_card(reading) else LEAST, allowed)
    tolerance = _tolerance(reading)
    if _deviation(first, truth[:, :1]) > tolerance and not trace.remembers:
        warnings.warn(UNSTEADY, stacklevel=4)
    if not trace.fixed:
        LOG.debug("point by point, as the network %s", ", ".join(trace.found))
    if not trace.fixed or isinstance(reading.objective.module, ClosureNetwork):
        return [plainest]
    known = None if network.copy.noisy else trace
    with unheard():  # of what a candidate does that is perhaps not taken
        tried = _tried(replace(reading, trace=known), (few, truth), plainest, budget)
    tried.sort(key=lambda timing: timing.seconds * (1 if timing is plainest else MARGIN))
    return [tried[0], *(replace(timing, reader=None) for timing in tried[1:])]


def _tried(
    reading: Reading, known: tuple[Tensor, Tensor], plainest: Timing, budget: float
) -> list[Timing]:
    """The loop and the strategies that agree with it at known coordinates and their values."""
    (few, truth), timings = known, [plainest]
    tolerance, on_card = _tolerance(reading), _on_card(reading)
    used = 0.0  # by trying; what is imported on the way to a candidate is not its own
    for strategy in _candidates(reading):
        own = reading.apart()  # an error midway leaves the network as it was
        began = time.perf_counter()
        try:
            reader, together, seconds = strategy.reader(own), strategy.together(own), math.inf
            if together == 1:
                found, seconds = _one_by_one(reader, few)
            else:
                found = reader(few)
            deviation = _deviation(found, truth)
            if deviation <= tolerance:
                left = budget - used - (time.perf_counter() - began)
                if together > 1 or left > FEW * seconds:  # else there is no time for more
                    again = seconds_per_point(reader, reading.plane, together, budget)
                    seconds = min(seconds, again)
                timings.append(Timing(strategy, seconds, deviation, reader))
        except Exception as error:  # some of what users write cannot be batched or recorded
            _skipped(strategy, error)
        used += time.perf_counter() - began
        clearly = timings[-1].seconds < plainest.seconds / CLEARLY and not on_card
        if used > budget or clearly:
            break
    return timings


def _on_card(reading: Reading) -> bool:
    return reading.plane.origin.device.type == "cuda"


def _tolerance(reading: Reading) -> float:
    """How far, relatively, values may lie from the loop's."""
    kind = reading.plane.origin.dtype
    rounds = reading.tf32 and _on_card(reading) and kind == torch.float32
    return 1e-2 if rounds else AGREEMENT.get(kind, 1e-2)


def _candidates(reading: Reading) -> Iterator[Strategy]:
    """The shipped strategies that apply, but for the loop; those that share most come first."""
    every = (kind() for kind in entries(Strategy).shipped().values() if kind is not Loop)
    found = sorted(every, key=lambda strategy: strategy.rank)
    return (strategy for strategy in found if _applies(strategy, reading))


def _applies(strategy: Strategy, reading: Reading) -> bool:
    try:
        return strategy.applies(reading)
    except Exception as error:
        _skipped(strategy, error)
        return False


def _skipped(strategy: Strategy, error: Exception) -> None:
    LOG.debug("%s does not apply: %r", name_of(type(strategy)), error)


def seconds_per_point(reader: Reader, plane: Plane, together: int, budget: float = LEAST) -> float:
    """Seconds a point, with the number of points at once that the budget allows.

    Args:
        reader: reads them.
        plane: on which they lie.
        together: how many points take as long as one.
        budget: seconds that may be taken, about.
    """
    least = max(FEW, together)
    best, spent = math.inf, 0.0
    # The first calls of all load libraries and fill caches.
    for count in (least, least, max(16, least), max(128, least)):
        if spent and spent + count * best > budget:
            break
        _, taken = _timed(reader, trial_coords(count, plane))
        best, spent = min(best, taken / count), spent + taken
    return best


def _one_by_one(reader: Reader, coords: Tensor) -> tuple[Tensor, float]:
    """The values at points that are read one at a time, and the shortest time, in seconds."""
    timed = [_timed(reader, coord[None]) for coord in coords]
    return torch.cat([found for found, _ in timed], dim=1), min(spent for _, spent in timed)


def _timed(reader: Reader, coords: Tensor) -> tuple[Tensor, float]:
    began = time.perf_counter()
    found = reader(coords).cpu()  # a copy waits for the card
    return found, time.perf_counter() - began


def _deviation(found: Tensor, truth: Tensor) -> float:
    """The largest relative difference, row by row; infinite where one is finite alone."""
    found, truth = found.cpu().double(), truth.cpu().double()
    if not torch.equal(found.isfinite(), truth.isfinite()):
        return float("inf")
    scale = truth.abs().nan_to_num(0.0, posinf=0.0).amax(dim=1, keepdim=True).clamp_min(1e-30)
    return float(((found - truth).nan_to_num() / scale).abs().max())


def trial_coords(count: int, plane: Plane) -> Tensor:
    """Coordinates (K, D) within the square from -1 to 1, the first two not far from the centre."""
    turn = torch.arange(1, count + 1, dtype=torch.float64)[:, None]
    strides = torch.tensor([[0.6180339887, 0.7548776662]], dtype=torch.float64)
    found = 2 * ((turn * strides) % 1) - 1
    return found[:, : plane.dimensions].to(plane.origin.device)
