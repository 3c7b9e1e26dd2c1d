"""Curvature over data that are read in passes: each product with the matrix is one pass.

The products of the batches, weighted as their losses, are summed in double precision. For each
number of parameters, all of them or a layer's, one product is compared with that of the plain
evaluation, batch by batch in the same pass.
"""

import math
import warnings
from typing import Any, final

import torch
from torch import Tensor

from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.operator import Operator
from landscape_core.curvature.spot_check import NEAR, OTHERWISE
from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.data_parts import fits
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.streamed_loss import StreamedLoss

COST = (
    "The data do not fit into memory and are read batch by batch, once for each product with the"
    " curvature matrix: tens to hundreds of times for a spectrum, tens of times for each point of a"
    " map. stream=True says that this is meant; max_examples= takes a part."
)


@final
class Passes(Operator):
    """The matrix of a streamed loss at a point; `plain`: by the plain evaluation."""

    def __init__(
        self, loss: StreamedLoss, theta: Vector, matrix: Matrix, *, plain: bool = False
    ) -> None:
        """A matrix at theta."""
        Operator.__init__(self, theta)
        self._loss, self._theta, self._matrix, self._plain = loss, theta.detach(), matrix, plain

    def _apply(self, vectors: Vectors) -> Vectors:
        kind = vectors.dtype if vectors.device.type == "mps" else torch.float64
        total, weight = torch.zeros_like(vectors, dtype=kind), 0.0
        for batch in self._loss.batches():
            weight += batch.weight
            if batch.weight:
                total += batch.weight * self._of(batch.part, vectors).to(total)
        return self._loss.divided(total, weight).to(vectors)

    def _of(self, part: ModelObjective, vectors: Vectors) -> Vectors:
        if not self._plain:
            return self._matrix.at(part, self._theta).apply(vectors)
        product = self._matrix.plainly(part)
        return torch.stack([product(self._theta, vector) for vector in vectors])


@final
class StreamedCurvature:
    """Operators of a matrix over a stream, of which one of each size is compared.

    Where one does not agree, it and all after it give way to the plain evaluation.
    """

    def __init__(self, matrix: Matrix, loss: StreamedLoss, *, asked: bool) -> None:
        """Nothing read yet but the first batch; `asked`: the cost is known.

        Raises:
            SpecError: data that are read only once.
        """
        self._matrix, self._loss = matrix, loss
        self.products, self.deviation, self.agree = 0, 0.0, True
        self._compared: set[int] = set()
        loss.stream.check_again()
        if not asked:
            warnings.warn(COST, stacklevel=5)

    @property
    def attrs(self) -> dict[str, Any]:
        """What results state: what was compared, how the loss adds up, examples and passes."""
        stream = self._loss.stream
        return {
            "checked_products": self.products,
            "checked_deviation": self.deviation if self.products else math.nan,
            "additivity": self._loss.words,
            "examples": stream.examples or 0,
            "examples_of": stream.examples or 0,
            "draws": 0,
            "passes": stream.passes,
        }

    def loss_at(self, part: ModelObjective, theta: Vector) -> float:
        """The loss at a point, in a pass in which a product is compared if none was yet."""
        return self._pass(part, theta.detach())

    def operator(self, part: ModelObjective, theta: Vector) -> Operator:
        """The matrix at a point, of parameters and statistics as a part has them."""
        if self.agree and part.layout.size not in self._compared:
            self._pass(part, theta.detach())
        return Passes(self._loss.around(part), theta, self._matrix, plain=not self.agree)

    def _pass(self, part: ModelObjective, theta: Vector) -> float:
        """The loss at a point; compare a product there, if none of this size was."""
        compare = self.agree and part.layout.size not in self._compared and fits(part)
        self._compared.add(part.layout.size)
        loss = self._loss.around(part)
        rng = random_streams.stream(self.products, "spot check")
        drawn = torch.randn(len(theta), generator=rng).to(theta)
        sums = torch.zeros(3, len(theta) if compare else 1, dtype=torch.float64)
        weight = 0.0
        for batch in loss.batches():
            weight += batch.weight
            if batch.weight:
                sums[0] += batch.weight * float(batch.part.losses(theta[None])[0])
            if compare and batch.weight:
                sums[1:] += batch.weight * self._products(batch.part, theta, drawn).to(sums)
        found = loss.divided(sums, weight)
        if compare:
            self._note(found[1], found[2], theta)
        return float(found[0, 0])

    def _products(self, part: ModelObjective, theta: Vector, drawn: Vector) -> Tensor:
        """The product of a batch by the matrix, and plainly; (2, P)."""
        fast = self._matrix.at(part, theta).apply(drawn[None])[0]
        return torch.stack([fast, self._matrix.plainly(part)(theta, drawn)])

    def _note(self, found: Vector, expected: Vector, theta: Vector) -> None:
        self.products += 1
        if bool(found.isfinite().all() and expected.isfinite().all()):
            apart = float((found - expected).norm()) / (float(expected.norm()) or 1.0)
            self.deviation = max(self.deviation, apart)
            self.agree = apart <= NEAR.get(theta.dtype, 0.1)
        else:
            self.agree = torch.equal(found.isfinite(), expected.isfinite())
        if not self.agree:
            warnings.warn(OTHERWISE, stacklevel=4)
