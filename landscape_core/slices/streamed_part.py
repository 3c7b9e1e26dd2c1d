"""A part of the data that is read in passes: in each, every batch is evaluated at all points.

So reading costs once for a slice, or once for each round of a refinement, and not once for each
point. What is kept of a point are sums over examples, in double precision. In the same pass, some
points of a fast strategy are compared with the plain evaluation, batch by batch.
"""

import contextlib
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import free_memory
from landscape_core.models.block_size import SHARE
from landscape_core.models.measures.base import GradientMeasure, classes_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.models.streamed_loss import STREAMED, Batch, StreamedLoss
from landscape_core.planes.extent import Numbers
from landscape_core.planes.network_state import NetworkState
from landscape_core.slices import spot_checks
from landscape_core.slices.pass_sums import PassSums, check_measures, combinable
from landscape_core.slices.point_by_point import point_by_point
from landscape_core.slices.probe import Probe
from landscape_core.slices.reading import Reader, Reading
from landscape_core.slices.spot_checks import OTHERWISE, Checked
from landscape_core.slices.strategies.loop import Loop

BY_BATCHES = (
    "The network {} and was evaluated batch by batch, as the data are streamed. If that depends on"
    " the whole data set, its outputs may differ from evaluating everything at once."
)

NO_CLASSES = (
    "Of the streamed data some targets are no classes, as those of the first batch are; measures of"
    " classes are NaN: {}."
)


JUDGED = 3
"""Batches after which it is known whether a strategy saves time."""


class DisagreementError(Exception):
    """A fast strategy gives other values on a batch than the plain evaluation."""


@final
class StreamedPart:
    """One part of the data, read in passes.

    `checked` says what was compared in all of them, `path_losses` are those of the states given,
    (T,), read in the first; `doubtful`: a strategy that read some points disagreed later.
    """

    def __init__(self, loss: StreamedLoss, states: Sequence[NetworkState] = ()) -> None:
        """Nothing read yet but the first batch."""
        self.path_losses: Numbers = np.full(len(states), math.nan)
        self.checked = Checked()
        self._loss, self._states = loss, tuple(states)
        self._plain: PlainEvaluation | None = None
        self._told_states = self.doubtful = False
        self._fast = 0

    @property
    def passes(self) -> int:
        """How many passes were begun."""
        return self._loss.stream.passes

    @property
    def examples(self) -> int:
        """How many examples a pass has; 0 before the first is over."""
        return self._loss.stream.examples or 0

    def values(self, read: Probe, part: str, where: Tensor) -> Tensor:
        """The values (R, K) of a part at coordinates (K, D), in float64.

        Raises:
            SpecError: a measure is no mean over examples, or the network or the data turn out to be
                of a kind that cannot be streamed.
        """
        reading = read.reading(part)
        combinable(read.measures)
        if not len(where):
            return torch.zeros(reading.rows, 0, dtype=torch.float64)
        found = [self._agreeing(read, part, some) for some in where.split(_together(reading))]
        return torch.cat(found, dim=1)

    def _agreeing(self, read: Probe, part: str, where: Tensor) -> Tensor:
        """The values of one pass; where a strategy disagrees, of another one by the loop."""
        try:
            return self._pass(read, part, where)
        except DisagreementError:
            warnings.warn(OTHERWISE.format("A fast way of computing this slice"), stacklevel=5)
            read.use_loop(part)
            self.doubtful, self.checked = self._fast > 0, Checked()
            return self._pass(read, part, where)

    def _pass(self, read: Probe, part: str, where: Tensor) -> Tensor:
        batches = BatchReader(read, part, self._evaluation(read, part), where)
        sums, wants = PassSums(batches.reading, len(where)), batches.reading.wants_gradient
        losses = torch.zeros(0 if self._told_states else len(self._states), dtype=torch.float64)
        with contextlib.closing(self._loss.around(read.parts[part]).batches()) as each:
            for batch in each:
                batches.take(batch)
                sums.add_rows(batch, batches.values(where))
                if wants:
                    sums.add_gradients(batch, batches.gradients(where))
                if len(losses) and batch.weight:
                    losses += batch.weight * self._of_states(batches.evaluation)
        if len(losses):
            self.path_losses = self._loss.divided(losses, sums.weight).numpy(force=True)
            self._told_states = True
        if batches.evaluation.draws:
            name = type(read.parts[part].module).__name__
            raise SpecError("model", name, f"one that draws no random numbers, {STREAMED}")
        self._fast += batches.checked.points
        self._count(batches.checked)
        return batches.without_classes(sums.total(self._loss))

    def _evaluation(self, read: Probe, part: str) -> PlainEvaluation:
        """The plain evaluation by which all batches are read."""
        if self._plain is None:
            strategy = read.used[part]
            if isinstance(strategy, Loop) and strategy.block:
                self._plain = strategy.evaluation(read.reading(part))
                read.readers.evaluations.append(self._plain)
            else:
                self._plain = read.hold_plain(part)
            trace = self._plain.trace(read.plane.origin)
            if trace.found:
                warnings.warn(BY_BATCHES.format(", ".join(trace.found)), stacklevel=7)
        return self._plain

    def _of_states(self, evaluation: PlainEvaluation) -> Tensor:
        """The losses of the states of the path on the batch, (T,); NaN where they are not known."""
        found = torch.full((len(self._states),), math.nan, dtype=torch.float64)
        for row, state in enumerate(self._states):
            if state.buffers is not None and not state.differs:
                evaluation.moved = state.buffers
                found[row] = evaluation.loss(state.theta.to(evaluation.flat)).double()
        evaluation.moved = {}
        return found

    def _count(self, found: Checked) -> None:
        """Add what was compared in a pass."""
        points = self.checked.points + found.points
        known = [one for one in (self.checked.deviation, found.deviation) if not math.isnan(one)]
        self.checked = Checked(points, max(known, default=math.nan))


@final
class BatchReader:
    """Reads one batch after another at the points of a pass, by a strategy and plainly."""

    def __init__(self, read: Probe, part: str, evaluation: PlainEvaluation, where: Tensor) -> None:
        """Prepare the reading of a part at coordinates (K, D)."""
        self.reading, self.evaluation = read.reading(part), evaluation
        self.checked = Checked()
        self._read, self._part, self._wrong = read, part, False
        measures = {n: m for n, m in read.measures.items() if not isinstance(m, GradientMeasure)}
        self._outputs = read.over({part: read.parts[part]}).asking(measures)
        self._own = self._outputs.reading(part).apart().objective
        self._index = _chosen(where)
        self._spent = 0, 0.0
        self._batch = self._outputs

    def take(self, batch: Batch) -> None:
        """Go on to a batch.

        Raises:
            SpecError: a measure of the user's that is no mean over examples.
        """
        check_measures(self._outputs.measures, batch, self.reading.classes)
        self._batch = self._outputs.over({self._part: batch.part})
        self.evaluation.over(batch.part)
        classes, targets = self.reading.classes, batch.part.targets
        if classes is not None and not (int(targets.min()) >= 0 and int(targets.max()) < classes):
            self._wrong |= classes_of({self._part: batch.part}) is None

    def values(self, where: Tensor) -> Tensor:
        """The values of the measures of outputs at coordinates (K, D) on the batch, (R', K).

        Raises:
            DisagreementError: they are not those of the plain evaluation at some of the points.
        """
        reading = self._batch.reading(self._part)
        plain = point_by_point(reading, self.evaluation)
        strategy = self._read.used[self._part]
        if isinstance(strategy, Loop):
            return plain(where)
        own = replace(reading, objective=self._apart(reading.objective))
        began = time.perf_counter()
        try:
            found = strategy.reader(own)(where)
        except Exception as error:
            self._read.give_way(self._part, error)
            return plain(where)
        fast = time.perf_counter()
        self._compare(found, plain, where)
        self._judge(fast - began, (time.perf_counter() - fast) / len(self._index) * len(where))
        return found

    def gradients(self, where: Tensor) -> Iterator[Tensor]:
        """The gradients of the loss on the batch at coordinates (K, D), K of (P,)."""
        moving, plane = self.reading.moving_buffers, self.reading.plane
        for coord in where.to(plane.origin):
            self.evaluation.moved = moving.moved(coord) if moving else {}
            yield self.evaluation.gradient(plane.origin + coord @ plane.axes)

    def without_classes(self, rows: Tensor) -> Tensor:
        """The values (R, K) with NaN for measures of classes, where targets were none."""
        if not self._wrong:
            return rows
        first, names = 0, []
        for name, measure in self._read.measures.items():
            size = measure.size(self.reading.classes)
            if not measure.applies(None):
                rows[first : first + size] = math.nan
                names.append(name)
            first += size
        if names:
            warnings.warn(NO_CLASSES.format(", ".join(names)), stacklevel=8)
        return rows

    def _apart(self, part: ModelObjective) -> ModelObjective:
        """The batch for a copy of the network, which may come to harm."""
        own = self._own.with_inputs(part.inputs, part.targets)
        known = part.loss_function is self._outputs.parts[self._part].loss_function
        return own if known else own.with_loss(own.given_loss)

    def _judge(self, fast: float, plain: float) -> None:
        """Take the loop where preparing a strategy for each batch costs more than it saves.

        Args:
            fast: seconds that the strategy took on a batch.
            plain: seconds that the loop would have taken, by the points that were compared.
        """
        self._spent = self._spent[0] + 1, self._spent[1] + fast - plain
        if self._spent[0] >= JUDGED and self._spent[1] > 0 and not self._read.named:
            self._read.use_loop(self._part)

    def _compare(self, found: Tensor, plain: Reader, where: Tensor) -> None:
        some = where[self._index]
        values = found.double().numpy(force=True)
        sizes = np.abs(np.where(np.isfinite(values), values, np.nan))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a row may have no finite value
            scale = np.nan_to_num(np.nanmedian(sizes, axis=1))[None]
        expected = plain(some).double().numpy(force=True)[None]
        told = spot_checks.compared(
            self._batch, some.numpy(force=True), values[None][..., self._index], expected, scale
        )
        if not told.agree:
            raise DisagreementError
        known = [one for one in (self.checked.deviation, told.deviation) if not math.isnan(one)]
        self.checked = Checked(told.points, max(known))


def _chosen(where: Tensor) -> list[int]:
    """Which of the points (K, D) are compared: next to the centre, the first, the last, others."""
    points = len(where)
    count = min(points, max(spot_checks.FEWEST, math.ceil(points / spot_checks.SHARE)))
    first = [int(where.norm(dim=1).argmin()), 0, points - 1]
    drawn = torch.randperm(points, generator=random_streams.stream(points, "spot checks"))
    return list(dict.fromkeys([*first, *drawn.tolist()]))[:count]


def _together(reading: Reading) -> int:
    """How many points are read in one pass: all, unless the gradients at all need more memory."""
    if not reading.wants_gradient:
        return 2**62
    return max(1, int(SHARE * free_memory("cpu")) // (8 * reading.objective.layout.size))
