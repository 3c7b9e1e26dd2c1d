"""The largest and the smallest eigenvalues of an operator, with the error that each still has.

ARPACK's implicitly restarted Lanczos (Lehoucq, Sorensen, Yang, 1998), by SciPy; small matrices are
taken whole. For a symmetric matrix the residual norm |A v - lambda v| of a unit vector bounds the
distance to the nearest true eigenvalue (Parlett, 1998, theorem 4.5.1).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from landscape_core import seeds
from landscape_core.curvature.operator import Operator
from landscape_core.errors import SpecError
from landscape_core.types import Vector, Vectors

DENSE = 150
"""Parameters up to which the whole matrix is formed: no iteration is then faster."""


@dataclass(frozen=True, eq=False)
class Eigenpairs:
    """Eigenvalues (k,) in falling order, unit eigenvectors (k, P), residual norms (k,).

    A pair that did not converge has a NaN for its value and an infinite residual. `products` is
    what it took.
    """

    values: Float[Tensor, " k"]
    vectors: Vectors
    residuals: Float[Tensor, " k"]
    products: int


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
        tolerance: the residual norm at which a pair is done, relative to its eigenvalue.
        most: products at each end after which it gives up.
        start: a vector near the ones wanted, for instance of a matrix near by; by default a
            random one, the same each time.

    Raises:
        SpecError: fewer than one pair is asked, more than there are, or a matrix that is not
            finite.
    """
    if not 1 <= top + bottom <= operator.size or min(top, bottom) < 0:
        accepted = f"between 1 and the number of parameters, {operator.size}"
        raise SpecError("top + bottom", top + bottom, accepted)
    before = operator.products
    if operator.size <= max(DENSE, 2 * (top + bottom) + 2):
        values, vectors = _whole(operator, top, bottom)
    else:
        first = _start(operator) if start is None else start
        asked: dict[Literal["LA", "SA"], int] = {"LA": top, "SA": bottom}
        ends = [
            _end(operator, count, end, first, tolerance=tolerance, most=most)
            for end, count in asked.items()
            if count
        ]
        values = np.concatenate([found for found, _ in ends])
        vectors = torch.cat([found for _, found in ends])
    exact = torch.from_numpy(values).to(operator.like.device)
    known = exact.isfinite()
    residuals = torch.full_like(exact, torch.inf)
    if bool(known.any()):
        images = operator.apply(vectors[known]).double()
        residuals[known] = (images - exact[known, None] * vectors[known].double()).norm(dim=1)
    return Eigenpairs(exact, vectors, residuals, operator.products - before)


def _whole(operator: Operator, top: int, bottom: int) -> tuple[np.ndarray, Vectors]:
    matrix = operator.dense().double()
    _check(matrix)
    values, vectors = torch.linalg.eigh(matrix)
    order = torch.arange(operator.size - 1, -1, -1, device=values.device)
    chosen = torch.cat([order[:top], order[operator.size - bottom :]])
    return values[chosen].numpy(force=True), vectors.T[chosen].to(operator.like)


def _end(
    operator: Operator,
    count: int,
    end: Literal["LA", "SA"],
    start: Vector,
    *,
    tolerance: float,
    most: int,
) -> tuple[np.ndarray, Vectors]:
    """Eigenpairs of one end in falling order."""
    like = operator.like

    def product(vector: np.ndarray) -> np.ndarray:
        image = operator.apply(torch.from_numpy(vector.reshape(1, -1)).to(like))
        _check(image)
        return image[0].numpy(force=True)

    kind = np.float64 if like.dtype == torch.float64 else np.float32
    linear: Any = LinearOperator((operator.size, operator.size), matvec=product, dtype=kind)
    kept = min(operator.size - 1, max(2 * count + 1, 20))
    first: Any = start.numpy(force=True).astype(kind)
    try:
        values, vectors = eigsh(
            linear,
            k=count,
            which=end,
            tol=tolerance,
            v0=first,
            ncv=kept,
            maxiter=max(1, most // (kept - count)),
        )
    except ArpackNoConvergence as stopped:
        missing = count - len(stopped.eigenvalues)
        values = np.append(stopped.eigenvalues, np.full(missing, np.nan))
        columns = np.zeros((operator.size, missing), kind)
        vectors = np.concatenate([stopped.eigenvectors.reshape(operator.size, -1), columns], axis=1)
    order = np.argsort(-values)
    found = torch.from_numpy(np.ascontiguousarray(vectors.T[order])).to(like)
    return values[order].astype(np.float64), found


def _start(operator: Operator) -> Vector:
    drawn = torch.randn(operator.size, generator=seeds.stream(0, "eigenpairs"))
    return drawn.to(operator.like)


def _check(found: Tensor) -> None:
    if not bool(found.isfinite().all()):
        raise SpecError(
            "the curvature", "NaN or infinity", "finite: weights at which the loss is finite"
        )
