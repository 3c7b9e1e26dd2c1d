"""The largest and the smallest eigenvalues of an operator, with what is known about each.

Lanczos with restarts (`restarted_lanczos`); small matrices are taken whole. For a symmetric matrix
the residual norm |A v - lambda v| of a unit vector bounds the distance to the nearest true
eigenvalue (Parlett, 1998, theorem 4.5.1).
"""

import operator as plain
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from landscape_core.curvature.operator import Operator
from landscape_core.curvature.restarted_lanczos import Search, check_finite, drawn
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector, Vectors

DENSE = 150
"""Parameters up to which the whole matrix is formed: no iteration is then faster."""

MIXED = 0.1
"""How much of a random vector is added to a given start, which may miss an eigenvector."""


@dataclass(frozen=True, eq=False)
class Eigenpairs:
    """Eigenvalues (k,) in falling order, orthonormal eigenvectors (k, P), residual norms (k,).

    A pair that did not converge has a NaN for its value and an infinite residual. `leading` (k,)
    says whether no direction outside those found has a Rayleigh quotient beyond the last one found
    at this end, as far as the products made from random vectors can tell; where the matrix was
    taken whole, nothing can be missing. `matvecs` is what it took.
    """

    values: Float[Tensor, " k"]
    vectors: Vectors
    residuals: Float[Tensor, " k"]
    leading: Bool[Tensor, " k"]
    matvecs: int


@public_call
def eigenpairs(
    operator: Operator,
    top: int = 5,
    bottom: int = 0,
    *,
    tolerance: float = 1e-6,
    most: int = 2000,
    start: Vector | None = None,
) -> Eigenpairs:
    """The so many algebraically largest and smallest eigenvalues and their vectors.

    Args:
        operator: the matrix.
        top: how many from the upper end.
        bottom: how many from the lower end.
        tolerance: the residual norm at which a pair is done, relative to its eigenvalue; never
            less than rounding allows.
        most: products after which it gives up, or no longer looks for what it may have passed
            over.
        start: a vector near the ones wanted, for instance of a matrix near by; by default a
            random one, the same each time.

    Raises:
        SpecError: fewer than one pair is asked, more than there are, no whole number of them, a
            tolerance that is no number above 0, or a matrix that is not finite.
    """
    top, bottom, most = (_whole_number(name, value) for name, value in
                         (("top", top), ("bottom", bottom), ("most", most)))  # fmt: skip
    if not 1 <= top + bottom <= operator.size or min(top, bottom) < 0:
        accepted = f"between 1 and the number of parameters, {operator.size}"
        raise SpecError("top + bottom", top + bottom, accepted)
    if not 0 < tolerance < float("inf"):
        raise SpecError("tolerance", tolerance, "a finite number above 0")
    before = operator.matvecs
    if operator.size <= max(DENSE, 2 * (top + bottom) + 2):
        values, vectors = _whole(operator, top, bottom)
        leading = torch.ones(top + bottom, dtype=torch.bool, device=values.device)
    else:
        search = Search(operator, top, bottom, tolerance=tolerance, most=most)
        values, vectors, leading = search.run(_mixed(operator, start))
    known = values.isfinite()
    residuals = torch.full_like(values, torch.inf)
    if bool(known.any()):
        images = operator.apply(vectors[known]).double()
        residuals[known] = (images - values[known, None] * vectors[known].double()).norm(dim=1)
    return Eigenpairs(values, vectors, residuals, leading, operator.matvecs - before)


def _whole_number(name: str, value: int) -> int:
    try:
        return plain.index(value)
    except TypeError:
        raise SpecError(name, value, "a whole number") from None


def _whole(operator: Operator, top: int, bottom: int) -> tuple[Float[Tensor, " k"], Vectors]:
    matrix = operator.dense().double()
    check_finite(matrix)
    values, vectors = torch.linalg.eigh(matrix)
    order = torch.arange(operator.size - 1, -1, -1, device=values.device)
    chosen = torch.cat([order[:top], order[operator.size - bottom :]])
    return values[chosen], vectors.T[chosen].to(operator.like)


def _mixed(operator: Operator, start: Vector | None) -> Vector:
    """A start that has something of every eigenvector: random, or the one given and a little."""
    random = drawn(operator, seed=0)
    if start is None:
        return random
    given = start.detach().to(random)
    share = float(MIXED * given.norm() / random.norm())
    return given + share * random if share > 0 else random
