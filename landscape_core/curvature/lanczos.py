"""The Lanczos process for many starting vectors at once, with full reorthogonalization.

Golub and Van Loan, Matrix Computations, 4th edition, section 10.3. Every new vector is made
orthogonal to all before it, twice, so that no eigenvalue appears as a copy of another.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.curvature.operator import Operator
from landscape_core.foundation.types import Vectors

EXHAUSTED = 1e-6
"""A remainder this small relative to the matrix's own scale is rounding: the Krylov space is
complete.

In float64 the square of it.
"""


@dataclass(frozen=True, eq=False)
class Tridiagonal:
    """K tridiagonal matrices of at most m rows: `diagonal` (K, m), `off_diagonal` (K, m - 1)."""

    diagonal: Float[Tensor, "K m"]
    off_diagonal: Float[Tensor, "K m-1"]

    def quadrature(self) -> tuple[Float[Tensor, "K m"], Float[Tensor, "K m"]]:
        """The Gauss rules of the starting vectors' spectral measures: nodes and weights.

        The weights of a row sum to one (Golub and Meurant, 2010, theorem 6.2).
        """
        full = torch.diag_embed(self.diagonal)
        if self.off_diagonal.shape[1]:
            full = (
                full
                + torch.diag_embed(self.off_diagonal, 1)
                + torch.diag_embed(self.off_diagonal, -1)
            )
        nodes, vectors = torch.linalg.eigh(full)
        return nodes, vectors[:, 0, :].square()


def lanczos(operator: Operator, starts: Vectors, steps: int) -> Tridiagonal:
    """The tridiagonal matrices of K starting vectors after this number of steps, in float64.

    A process whose Krylov space is exhausted goes on with zeros: those rows have no weight.
    """
    steps = min(steps, operator.size)
    basis = starts / starts.norm(dim=1, keepdim=True)
    kept = [basis]
    diagonal, off_diagonal = [], []
    scale = torch.zeros(len(starts), dtype=torch.float64, device=starts.device)
    limit = EXHAUSTED if starts.dtype != torch.float64 else EXHAUSTED**2
    for step in range(steps):
        image = operator.apply(kept[-1])
        alpha = (image * kept[-1]).sum(dim=1)
        diagonal.append(alpha.double())
        if step == steps - 1:
            break
        rest = _orthogonal(_orthogonal(image, kept), kept)
        beta = rest.norm(dim=1)
        scale = torch.maximum(scale, torch.maximum(alpha.abs(), beta).double())
        alive = beta.double() > limit * scale
        off_diagonal.append(torch.where(alive, beta, 0).double())
        following = torch.where(alive[:, None], rest / beta[:, None], torch.zeros_like(rest))
        kept.append(following)
        if not bool(alive.any()):
            break
    empty = diagonal[0].new_zeros(len(starts), 0)
    return Tridiagonal(
        torch.stack(diagonal, dim=1),
        torch.stack(off_diagonal[: len(diagonal) - 1], dim=1) if len(diagonal) > 1 else empty,
    )


def _orthogonal(vectors: Vectors, kept: list[Vectors]) -> Vectors:
    """What of each vector is orthogonal to the kept ones of its own process."""
    basis = torch.stack(kept)
    along = torch.einsum("mkp,kp->mk", basis, vectors)
    return vectors - torch.einsum("mk,mkp->kp", along, basis)
