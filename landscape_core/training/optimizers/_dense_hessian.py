"""What optimizers with a dense Hessian share: its eigenpairs, their limit, and a line search."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective

LARGEST = 3000
"""Parameters for whose Hessian all eigenpairs are computed, at most: about ten seconds a step."""

HALVINGS = 20
"""How often a step is halved in one line search, at most; then the last one is taken."""


def check_size(objective: Objective, method: str) -> None:
    """Refuse more parameters than a dense Hessian is decomposed for.

    Raises:
        SpecError: names the method and the number of parameters.
    """
    size = objective.layout.size
    if size > LARGEST:
        accepted = f"at most {LARGEST}, as all eigenvalues of the Hessian are computed"
        raise SpecError(f"the number of parameters for {method}", size, accepted)


def eigenpairs(
    objective: Objective, theta: Vector
) -> tuple[Float[Tensor, " P"], Float[Tensor, "P P"]]:
    """Eigenvalues and eigenvectors (columns) of the Hessian, float64; NaN if it is not finite."""
    dense = Hessian().at(objective, theta).dense().double()
    if not bool(dense.isfinite().all()):  # the run has diverged
        return torch.full_like(dense[0], math.nan), torch.full_like(dense, math.nan)
    values, vectors = torch.linalg.eigh(dense)
    return values, vectors


def searched(
    objective: Objective, theta: Vector, d: Vector, rate: float, value: Scalar, slope: Scalar
) -> float:
    """The first of rate, rate/2, rate/4, … that satisfies the Armijo condition with 10⁻⁴.

    Args:
        objective: the mini-batch, whose statistics stay as they are.
        theta: the parameters, shape (P,).
        d: the direction, shape (P,).
        rate: the first step size.
        value: the loss at theta.
        slope: the derivative of the loss along d. If it is not negative no step along d needs to
            lower the loss, and the first step size is returned.
    """
    if not slope < 0:
        return rate
    for _ in range(HALVINGS):
        (reached,) = objective.losses((theta + rate * d)[None])
        if bool(reached <= value + 1e-4 * rate * slope):
            break
        rate = rate / 2
    return rate
