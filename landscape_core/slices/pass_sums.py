"""Sums over the batches of a pass, of which the values at each point are made."""

from collections.abc import Iterable, Mapping
from typing import final

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.draw_error import DrawError
from landscape_core.models.measures.base import (
    Answers,
    GradientMeasure,
    Measure,
    OutputMeasure,
)
from landscape_core.models.streamed_loss import STREAMED, Batch, Joint, StreamedLoss
from landscape_core.models.trial_examples import largest, near_for, undisturbed
from landscape_core.models.user_measure import UserMeasure
from landscape_core.slices.reading import Reading

MEAN = f"a mean over examples, {STREAMED}"


@final
class PassSums:
    """Sums at K points: of the rows of measures and, where asked for, of gradients; in float64.

    `weight` is the sum of the weights of the batches in the loss.
    """

    def __init__(self, reading: Reading, points: int) -> None:
        """Nothing added yet."""
        self.weight, self._examples, self._reading = 0.0, 0, reading
        self._rows = torch.zeros(reading.rows, points, dtype=torch.float64)
        size = reading.objective.layout.size if reading.wants_gradient else 0
        self._gradients = torch.zeros(points, size, dtype=torch.float64)

    def add_rows(self, batch: Batch, values: Tensor) -> None:
        """Add the values (R', K) of all measures on a batch but those of gradients."""
        self.weight += batch.weight
        self._examples += batch.part.examples
        first = taken = 0
        for measure in self._reading.measures:
            size = measure.size(self._reading.classes)
            if not isinstance(measure, GradientMeasure):
                weight = batch.weight if measure.is_loss else batch.part.examples
                if weight:  # the mean of no examples is NaN
                    rows = values[taken : taken + size].to(self._rows)
                    self._rows[first : first + size] += weight * rows
                taken += size
            first += size

    def add_gradients(self, batch: Batch, gradients: Iterable[Tensor]) -> None:
        """Add the gradients (P,) of the loss on a batch at each point."""
        if batch.weight:
            for row, gradient in zip(self._gradients, gradients, strict=True):
                row += batch.weight * gradient.to(row)

    def total(self, loss: StreamedLoss) -> Tensor:
        """The values of all measures on all batches, (R, K)."""
        first, found = 0, self._rows.clone()
        for measure in self._reading.measures:
            rows = slice(first, first + measure.size(self._reading.classes))
            if isinstance(measure, GradientMeasure):
                gradient = loss.divided(self._gradients, self.weight)
                found[rows] = measure.of_gradient(gradient).to(found)
            elif measure.is_loss:
                found[rows] = loss.divided(self._rows[rows], self.weight)
            else:
                found[rows] = self._rows[rows] / self._examples
            first = rows.stop
        return found


def combinable(measures: Mapping[str, Measure]) -> None:
    """Refuse measures whose values on batches do not make up that on all.

    Raises:
        SpecError: names it.
    """
    for name, one in measures.items():
        if isinstance(one, OutputMeasure) and not (one.is_mean or isinstance(one, DrawError)):
            raise SpecError(f"measures[{name!r}]", type(one).__name__, MEAN)


def check_measures(measures: Mapping[str, Measure], batch: Batch, classes: int | None) -> None:
    """Refuse a function of the user's whose values on batches do not make up that on all.

    Raises:
        SpecError: names it.
    """
    own = {name: one for name, one in measures.items() if isinstance(one, UserMeasure)}
    joint = batch.joint
    if not own or joint is None:
        return
    with undisturbed(joint.whole):
        outputs = joint.outputs()
        for name, one in own.items():
            if not _adds_up(one, outputs, joint, classes):
                raise SpecError(f"measures[{name!r}]", "one that is no mean over examples", MEAN)


def _adds_up(measure: UserMeasure, outputs: Tensor, joint: Joint, classes: int | None) -> bool:
    rows = outputs.reshape(joint.whole.examples, -1)
    whole = measure.read(outputs, Answers(joint.whole.targets, joint.whole.loss_function, classes))
    total, size = torch.zeros_like(whole), whole.abs()
    for part, index in joint.pairs:
        some = rows[index].reshape(-1, *outputs.shape[1:])
        value = measure.read(some, Answers(part.targets, part.loss_function, classes))
        share = value * (part.examples / joint.whole.examples)
        total, size = total + share, size + share.abs()
    near = near_for(whole.dtype) * largest(size)
    return torch.allclose(total, whole, rtol=0.0, atol=near, equal_nan=True)
