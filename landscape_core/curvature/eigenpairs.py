"""The largest and the smallest eigenvalues of an operator, with the error that each still has.

ARPACK's implicitly restarted Lanczos (Lehoucq, Sorensen, Yang, 1998), by SciPy; small matrices are
taken whole. For a symmetric matrix the residual norm |A v - lambda v| of a unit vector bounds the
distance to the nearest true eigenvalue (Parlett, 1998, theorem 4.5.1).

From one starting vector Lanczos sees one eigenvector of a repeated eigenvalue. So what was found is
deflated, and the leading eigenvalue of the rest is sought from a random vector, until it does not
exceed the least that was found.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.curvature.operator import Operator
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector, Vectors

DENSE = 150
"""Parameters up to which the whole matrix is formed: no iteration is then faster."""

KEPT = 20
"""Lanczos vectors that are kept, at least."""

CHECKED, LOOSE = 8, 0.03
"""Vectors and tolerance of a first look at the rest, which is cheap where that is far below."""

MIXED = 0.1
"""How much of a random vector is added to a given start, which may miss an eigenvector."""

Product = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Eigenpairs:
    """Eigenvalues (k,) in falling order, unit eigenvectors (k, P), residual norms (k,).

    A pair that did not converge has a NaN for its value and an infinite residual. `matvecs` is
    what it took.
    """

    values: Float[Tensor, " k"]
    vectors: Vectors
    residuals: Float[Tensor, " k"]
    matvecs: int


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
        most: products at each end after which it gives up, or no longer looks for more copies of
            what it has found.
        start: a vector near the ones wanted, for instance of a matrix near by; by default a
            random one, the same each time.

    Raises:
        SpecError: fewer than one pair is asked, more than there are, or a matrix that is not
            finite.
    """
    if not 1 <= top + bottom <= operator.size or min(top, bottom) < 0:
        accepted = f"between 1 and the number of parameters, {operator.size}"
        raise SpecError("top + bottom", top + bottom, accepted)
    before = operator.matvecs
    if operator.size <= max(DENSE, 2 * (top + bottom) + 2):
        values, vectors = _whole(operator, top, bottom)
    else:
        first = _mixed(operator, start)
        ends = [
            _end(operator, count, sign, first, tolerance=tolerance, most=most)
            for sign, count in ((1, top), (-1, bottom))
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
    return Eigenpairs(exact, vectors, residuals, operator.matvecs - before)


def _whole(operator: Operator, top: int, bottom: int) -> tuple[np.ndarray, Vectors]:
    matrix = operator.dense().double()
    _check(matrix)
    values, vectors = torch.linalg.eigh(matrix)
    order = torch.arange(operator.size - 1, -1, -1, device=values.device)
    chosen = torch.cat([order[:top], order[operator.size - bottom :]])
    return values[chosen].numpy(force=True), vectors.T[chosen].to(operator.like)


def _end(
    operator: Operator, count: int, sign: int, start: np.ndarray, *, tolerance: float, most: int
) -> tuple[np.ndarray, Vectors]:
    """Eigenpairs of one end in falling order: the upper with sign 1, the lower with -1."""
    like, before = operator.like, operator.matvecs

    def product(vector: np.ndarray) -> np.ndarray:
        image = operator.apply(torch.from_numpy(vector.reshape(1, -1)).to(like))
        _check(image)
        return sign * image[0].numpy(force=True)

    kept = min(operator.size - 1, max(2 * count + 1, KEPT))
    values, vectors = _leading(product, start, count, kept, tolerance=tolerance, most=most)
    # An only eigenvalue needs no copies, and the start has something of every eigenvector.
    while count > 1 and np.isfinite(values).all() and len(values) < operator.size - 1:
        guess = _random(operator, seed=len(values))
        more = _missed(
            product,
            (values[count - 1], vectors),
            guess,
            tolerance=tolerance,
            left=lambda: most - (operator.matvecs - before),
        )
        if more is None:
            break
        values, vectors = np.append(values, more[0]), np.append(vectors, more[1], axis=0)
        order = np.argsort(-values, kind="stable")
        values, vectors = values[order], vectors[order]
    order = np.arange(count)[::sign]
    return sign * values[order], torch.from_numpy(vectors[order]).to(like)


def _missed(
    product: Product,
    found: tuple[float, np.ndarray],
    guess: np.ndarray,
    *,
    tolerance: float,
    left: Callable[[], int],
) -> tuple[np.ndarray, np.ndarray] | None:
    """A pair above the least of those found, if there is one: value (1,) and vector (1, P).

    Args:
        product: the matrix.
        found: that least value, and the vectors (j, P) found so far.
        guess: a random vector (P,).
        tolerance: differences below this share of the value do not count.
        left: how many products may still be made.
    """
    floor, vectors = float(found[0]), found[1]

    def outside(vector: np.ndarray) -> np.ndarray:
        return vector - vectors.T @ (vectors @ vector)

    # Shifted, so that what was found lies at 0, the least of it at `height`, and that the errors
    # are relative to this height also where the eigenvalues of the rest are near 0.
    height = 2 * abs(floor) or 1.0

    def rest(vector: np.ndarray) -> np.ndarray:
        inside = outside(vector)
        return outside(product(inside) + (height - floor) * inside)

    smallest = max(tolerance, 10 * float(np.finfo(guess.dtype).eps))
    limit = height * (1 + smallest / 2)
    for vectors_kept, error, most in (
        (CHECKED, max(LOOSE, tolerance / 2), 3 * CHECKED),
        (KEPT, tolerance / 2, sys.maxsize),
    ):
        kept, allowed = min(vectors_kept, len(guess) - 1), min(most, left())
        if allowed < kept:
            return None
        values, seen = _leading(rest, guess, 1, kept, tolerance=error, most=allowed)
        if values[0] * (1 + error) <= limit:
            return None
        guess = seen[0] if np.isfinite(values[0]) else guess
    if not values[0] > limit:
        return None
    vector = outside(guess)
    return values - (height - floor), (vector / np.linalg.norm(vector))[None]


def _leading(
    product: Product, start: np.ndarray, count: int, kept: int, *, tolerance: float, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues (k,) in falling order and their vectors (k, P), by ARPACK."""
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh

    size, kind = len(start), start.dtype
    moved: list[bool] = []

    def told(vector: np.ndarray) -> np.ndarray:
        image = product(vector)
        moved.append(bool(image.any()))
        return image

    linear: Any = LinearOperator((size, size), matvec=told, dtype=kind)
    try:
        values, vectors = eigsh(
            linear,
            k=count,
            which="LA",
            tol=tolerance,
            v0=start,
            ncv=kept,
            maxiter=max(1, most // (kept - count)),
        )
    except ArpackNoConvergence as stopped:
        missing = count - len(stopped.eigenvalues)
        values = np.append(stopped.eigenvalues, np.full(missing, np.nan))
        columns = np.zeros((size, missing), kind)
        vectors = np.concatenate([stopped.eigenvectors.reshape(size, -1), columns], axis=1)
    except ArpackError:
        if any(moved):
            raise
        # The start has something of every eigenvector: the matrix is zero, which ARPACK refuses.
        values, vectors = np.zeros(count), np.eye(size, count, dtype=kind)
    order = np.argsort(-values)
    return values[order].astype(np.float64), np.ascontiguousarray(vectors.T[order])


def _mixed(operator: Operator, start: Vector | None) -> np.ndarray:
    """A start that has something of every eigenvector: random, or the one given and a little."""
    drawn = _random(operator, seed=0)
    if start is None:
        return drawn
    given = start.numpy(force=True).astype(drawn.dtype)
    share = float(MIXED * np.linalg.norm(given) / np.linalg.norm(drawn))
    return given + share * drawn if share > 0 else drawn


def _random(operator: Operator, seed: int) -> np.ndarray:
    drawn = torch.randn(operator.size, generator=random_streams.stream(seed, "eigenpairs"))
    return drawn.numpy().astype(np.float64 if operator.like.dtype == torch.float64 else np.float32)


def _check(found: Tensor) -> None:
    if not bool(found.isfinite().all()):
        raise SpecError(
            "the curvature", "NaN or infinity", "finite: weights at which the loss is finite"
        )
