"""The empirical neural tangent kernel: Jacot, Gabriel, Hongler, 2018, arXiv:1806.07572.

The kernel is not normalized: for a linear model f(x) = w·x it is x·x'.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.diagnostics.base import (
    Diagnostic,
    check_apart,
    check_point,
    column,
    dataset,
)
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models import derivatives
from landscape_core.models.network_objective import ModelObjective


@dataclass(frozen=True, kw_only=True)
class TangentKernel(Diagnostic):
    """Empirical neural tangent kernel and eigenvalues of the tangent kernel."""

    label: ClassVar[str] = "neural tangent kernel"
    formula: ClassVar[str] = "Θ(x, x′) = J(x) J(x′)ᵀ, J = ∂f/∂θ"
    source: ClassVar[str] = "Jacot et al., 2018, arXiv:1806.07572"

    max_examples: Annotated[int, Knob(1, 2000, "maximum number of examples", "log")] = 32

    def memory(self, outputs: int, vector: int) -> int:
        """The kernel, its transpose, their mean and the work of the eigenvalues, in float64."""
        return 4 * 8 * (self.max_examples * outputs) ** 2 + 2 * vector

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """`kernel` (example, output, other_example, other_output), `eigenvalue` (rank), `trace`.

        All in units of the output squared over the parameter squared, eigenvalues in descending
        order. Outputs with more than one dimension are flattened.

        Raises:
            SpecError: theta has the wrong size or is not finite, or batch statistics are used;
        before any work.
        """
        check_point(objective, theta)
        check_apart(objective)
        part = objective.first(self.max_examples)
        kernel = _gram(part, theta)
        N, C = part.examples, len(kernel) // part.examples
        units = "output² / parameter²"
        dims = ("example", "output", "other_example", "other_output")
        columns = {
            "kernel": column(dims, kernel.reshape(N, C, N, C), units, "tangent kernel"),
            "eigenvalue": column(
                ["rank"], _eigenvalues(kernel), units, "eigenvalues of the tangent kernel"
            ),
            "trace": column([], kernel.trace(), units, "trace of the tangent kernel"),
        }
        return dataset(self, part, columns, {"rank": np.arange(1, N * C + 1)})


def _gram(part: ModelObjective, theta: Vector) -> Tensor:
    """The Gram matrix J Jᵀ, (N C, N C) in float64, computed in blocks of examples."""
    with torch.no_grad():
        C = part.outputs(theta, part.inputs[:1]).numel()
    step = max(1, derivatives.HELD // (C * len(theta)))
    starts = range(0, part.examples, step)

    def rows(start: int) -> Tensor:
        return derivatives.jacobians(part.between(start, start + step), theta).flatten(end_dim=1)

    gram = torch.empty(part.examples * C, part.examples * C, dtype=torch.float64)
    for i in starts:
        own = rows(i)
        for j in starts:
            if j < i:
                continue
            block = (own @ (own if i == j else rows(j)).T).cpu().double()
            here, there = slice(i * C, i * C + len(own)), slice(j * C, j * C + block.shape[1])
            gram[here, there], gram[there, here] = block, block.T
    return (gram + gram.T) / 2


def _eigenvalues(kernel: Tensor) -> Tensor:
    if not bool(kernel.isfinite().all()):
        return torch.full((len(kernel),), torch.nan, dtype=torch.float64)
    return torch.linalg.eigvalsh(kernel).flip(0)
