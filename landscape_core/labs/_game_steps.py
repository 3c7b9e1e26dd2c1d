"""Steps of methods for games with affine fields Fᵢ(z) = Aᵢz + bᵢ, in NumPy.

Each function yields (what was spent so far, z) before every step, z (d, S) for S methods or step
sizes side by side. A method without a memory is the one with it whose memory learns nothing.
Formulas: Beznosikov, Gorbunov, Berard, Loizou, 2023, arXiv:2202.07262.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Run = Iterator[tuple[int, Array]]
Drawn = np.random.Generator

AT_ONCE = 2000
"""Steps whose random values are drawn together."""

FORGETFUL = np.array([0.0, 1.0])
"""Whether the memory of a pair learns."""


@dataclass(frozen=True, eq=False)
class Workers:
    """A (M, r, d, d) and b (M, r, d) of the r samples that each of M workers holds."""

    A: Array
    b: Array


@dataclass(frozen=True)
class Penalty:
    """R(z) = l1 ‖z‖₁ within |zⱼ| ≤ box, infinite outside."""

    l1: float
    box: float

    def prox(self, z: Array, step: float) -> Array:
        """The proximal map: the soft threshold step · l1, then the bounds."""
        most = step * self.l1
        moved = z - np.minimum(np.maximum(z, -most), most)
        return np.asarray(np.minimum(np.maximum(moved, -self.box), self.box))


def sgda(A: Array, b: Array, start: Array, rates: Array, drawn: Drawn) -> Run:
    """SGDA, z ← z − γFᵢ(z), for each step size γ; costs one evaluation."""
    z = np.repeat(start[:, None], len(rates), axis=1)
    for step, i in enumerate(_indices(drawn, len(A))):
        yield step, z
        z = z - rates * (A[i] @ z + b[i][:, None])


def loopless_svrg(A: Array, b: Array, start: Array, rate: float, drawn: Drawn) -> Run:
    """L-SVRGDA, g = Fᵢ(z) − Fᵢ(w) + F(w); with probability 1/n: w ← z.

    Costs two evaluations, and n for F(w).
    """
    n, mean, offset = len(A), A.mean(0), b.mean(0)
    z = w = start
    full, spent = mean @ w + offset, n
    renewals = _chances(drawn, 1 / n)
    for i, renewed in zip(_indices(drawn, n), renewals, strict=False):
        yield spent, z[:, None]
        g = A[i] @ (z - w) + full
        spent += 2
        if renewed:
            w, full, spent = z, mean @ z + offset, spent + n
        z = z - rate * g


def diana(workers: Workers, start: Array, rate: float, kept: Iterator[tuple[int, Array]]) -> Run:
    """QSGDA and DIANA: Δ = Q(F(z) − h) on each worker, g = mean(h + Δ), h ← h + αΔ.

    With exact fields of the workers. Costs the numbers that a worker sends.
    """
    A, b = workers.A.mean(1), workers.b.mean(1)[..., None]
    M, d = A.shape[:2]
    flat, z = A.reshape(M * d, d), np.repeat(start[:, None], 2, axis=1)
    h, spent = np.zeros((M, d, 2)), 0
    for count, mask in kept:
        yield spent, z
        changes = mask * ((flat @ z).reshape(M, d, 2) + b - h)
        z = z - rate * (h + changes).mean(0)
        h = h + (count / d) * FORGETFUL * changes
        spent += count


def vr_diana(
    workers: Workers, start: Array, rate: float, kept: Iterator[tuple[int, Array]], drawn: Drawn
) -> Run:
    """DIANA with the field of one sample of each worker, and VR-DIANA with the same samples.

    VR-DIANA compresses Fᵢ(z) − Fᵢ(w) + F(w) − h; with probability 1/r: w ← z.
    """
    M, r, d = workers.b.shape
    A, b = workers.A.mean(1), workers.b.mean(1)
    z, h, spent = np.repeat(start[:, None], 2, axis=1), np.zeros((M, d, 2)), 0
    w, each = start, np.arange(M)
    full = A @ w + b
    renewals = _chances(drawn, 1 / r)
    for (count, mask), own, renewed in zip(kept, _indices(drawn, r, M), renewals, strict=False):
        yield spent, z
        moved = np.stack([z[:, 0], z[:, 1] - w], axis=1)
        field = (workers.A[each, own].reshape(M * d, d) @ moved).reshape(M, d, 2)
        field += np.stack([workers.b[each, own], full], axis=2)
        changes = mask * (field - h)
        if renewed:
            w = z[:, 1].copy()
            full = A @ w + b
        z = z - rate * (h + changes).mean(0)
        h = h + (count / d) * changes
        spent += count


def sega(A: Array, b: Array, start: Array, penalty: Penalty, rate: float, drawn: Drawn) -> Run:
    """Coordinate SGDA and SEGA: g = h + d eⱼ(Fⱼ(z) − hⱼ), hⱼ ← Fⱼ(z); costs one coordinate."""
    d = len(start)
    z, h = np.repeat(start[:, None], 2, axis=1), np.zeros((d, 2))
    for step, j in enumerate(_indices(drawn, d)):
        yield step, z
        change = A[j] @ z + b[j] - h[j]
        g = h.copy()
        g[j] += d * change
        h[j] += FORGETFUL * change
        z = penalty.prox(z - rate * g, rate)


def extragradient(A: Array, b: Array, start: Array, rate: float) -> Run:
    """Extragradient, z ← z − γF(z − γF(z)), with the whole field; costs two evaluations of it."""
    z, spent = start, 0
    while True:
        yield spent, z[:, None]
        z = z - rate * (A @ (z - rate * (A @ z + b)) + b)
        spent += 2


def solution(A: Array, b: Array, penalty: Penalty) -> Array:
    """The fixed point of z ↦ prox(z − γ(Az + b)), which contracts for γ = μ/L²: (d,)."""
    mu = np.linalg.eigvalsh((A + A.T) / 2)[0]
    rate = mu / np.linalg.norm(A, 2) ** 2
    z = np.zeros(len(b))
    for _ in range(20_000):
        before, z = z, penalty.prox(z - rate * (A @ z + b), rate)
        if np.array_equal(before, z):
            break
    return z


def shares(
    drawn: Drawn, keep: float, size: int, workers: int = 10
) -> Callable[[], Iterator[tuple[int, Array]]]:
    """What keeps K of d random coordinates of each worker, times d/K: (K, factors (M, d, 1))."""
    count = max(1, round(keep * size))

    def kept() -> Iterator[tuple[int, Array]]:
        while True:
            order = drawn.random((AT_ONCE, workers, size)).argsort(-1)
            for one in order:
                yield count, (one < count)[..., None] * (size / count)

    return kept


def _indices(drawn: Drawn, below: int, *shape: int) -> Iterator[npt.NDArray[np.int64]]:
    while True:
        yield from drawn.integers(below, size=(AT_ONCE, *shape))


def _chances(drawn: Drawn, probability: float) -> Iterator[bool]:
    while True:
        yield from (drawn.random(AT_ONCE) < probability).tolist()
