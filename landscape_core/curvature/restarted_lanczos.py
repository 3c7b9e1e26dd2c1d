"""Both ends of an operator's spectrum: Lanczos with thick restarts and full reorthogonalization.

Wu and Simon, 2000, SIAM Journal on Matrix Analysis and Applications 22, section 2. One search is
for both ends, so that all vectors found are orthonormal.

From one starting vector Lanczos sees one eigenvector of a repeated eigenvalue, and a residual does
not tell whether an eigenvalue was passed over. So once the pairs have converged, the search goes on
from a random vector orthogonal to them, until nothing there can lie beyond what was found. What
does is taken in, and what is left is searched anew.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from landscape_core.curvature.operator import Operator
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector, Vectors

KEPT = 20
"""Lanczos vectors that are kept, at least; half as many more where both ends are asked for."""

CHECKED, CLEAR = 8, 0.1
"""When nothing is believed to lie beyond what was found.

After so many products from a random vector, and once the residual of the next eigenvalue is this
share of what is between the two.
"""

ROUNDING = 20
"""Residuals of so many units of rounding of the largest eigenvalue count as none."""


@dataclass(frozen=True, eq=False)
class Ritz:
    """The eigenpairs of the matrix in a basis of j vectors, and what is asked of them.

    `values` (j,) in falling order, `weights` (j, j), a column each, their residual norms `errors`
    (j,), what of these further steps may lessen, `open` (j,), and those at which they are done,
    `allowed` (j,).
    """

    values: Float[Tensor, " j"]
    weights: Float[Tensor, "j j"]
    errors: Float[Tensor, " j"]
    open: Float[Tensor, " j"]
    allowed: Float[Tensor, " j"]
    top: int
    bottom: int

    @property
    def wanted(self) -> Int64[Tensor, " k"]:
        """Which of them are asked for."""
        return self.ends(self.top, self.bottom)

    def ends(self, top: int, bottom: int) -> Int64[Tensor, " _"]:
        """The indices of the so many largest and smallest."""
        order = torch.arange(len(self.values))
        return torch.cat([order[:top], order[len(order) - bottom :]])

    @property
    def enough(self) -> bool:
        """Whether there are as many as are asked for."""
        return len(self.values) >= self.top + self.bottom

    @property
    def converged(self) -> bool:
        """Whether all that are asked for are done."""
        return self.enough and bool(self.done[self.wanted].all())

    @property
    def done(self) -> Bool[Tensor, " j"]:
        """Which of them are: a part of the error stays with them when the rest is looked at."""
        return (self.errors <= self.allowed) & (self.open <= self.allowed / 4)

    @property
    def outward(self) -> Float[Tensor, " k"]:
        """The values asked for, those of the lower end negated: a larger one lies farther out."""
        return torch.cat([self.values[: self.top], -self.values[len(self.values) - self.bottom :]])

    def farther_than(self, found: "Ritz") -> bool:
        """Whether values lie beyond those found before, by more than these may err."""
        beyond = self.outward - found.outward > found.allowed[found.wanted]
        return bool(beyond.any())

    @property
    def nothing_beyond(self) -> bool:
        """Whether the next value at either end is sure enough to lie within those found.

        Where one alone is asked for there are no copies to be missed.
        """
        if len(self.values) <= self.top + self.bottom:
            return False
        count, ends = len(self.values), []
        if self.top > 1:
            ends.append((self.top - 1, self.top, 1))
        if self.bottom > 1:
            ends.append((count - self.bottom, count - self.bottom - 1, -1))
        return all(
            self.open[after]
            <= CLEAR * (sign * (self.values[last] - self.values[after]) + self.allowed[last])
            for last, after, sign in ends
        )


class Search:
    """An orthonormal basis that grows, (j, P), and the operator's matrix in that basis, (j, j).

    `lost` (j,) is what of the images of the basis vectors lies outside the basis and was let go
    where a random vector took its place.
    """

    def __init__(
        self, operator: Operator, top: int, bottom: int, *, tolerance: float, most: int
    ) -> None:
        """An empty basis for so many values of either end; `most` products may be made."""
        self.operator, self.top, self.bottom = operator, top, bottom
        self.tolerance, self.left = tolerance, most
        self.room = min(
            operator.size, max(2 * (top + bottom) + 1, KEPT + KEPT // 2 * bool(top and bottom))
        )
        self.eps = float(torch.finfo(operator.like.dtype).eps)
        self.basis = operator.like.new_zeros(0, operator.size)
        self._held = operator.like.new_empty(self.room, operator.size)
        self.matrix, self.lost = torch.zeros(0, 0).double(), torch.zeros(0).double()
        self.scale, self.drawn = 0.0, 0

    def run(self, start: Vector) -> tuple[Float[Tensor, " k"], Vectors, Bool[Tensor, " k"]]:
        """Values (k,), NaN where not converged, vectors (k, P), and whether these are leading.

        Raises:
            SpecError: a product that is not finite.
        """
        following, since = start, 0
        found: Ritz | None = None  # what a random vector is to be looked for beyond
        copies, size = max(self.top, self.bottom) > 1, self.operator.size
        while True:
            rest, since = self._extended(following), since + 1
            ritz = self._ritz(float(rest.norm()))
            if found is not None and ritz.farther_than(found):
                found = None  # what came in has to converge, and the rest is to be looked at anew
            checked = found is not None and since >= CHECKED and ritz.nothing_beyond
            complete = len(self.basis) == size
            sure = complete or not copies or checked
            if complete or (ritz.converged and sure) or self.left <= 0:
                return self._result(ritz, sure=sure)
            following = rest
            if ritz.converged and found is None:
                found, since = ritz, 0
                self._compress(ritz, ritz.wanted, lost=ritz.errors)
                following = torch.zeros_like(rest)
            elif len(self.basis) == self.room:
                self._compress(ritz, self._kept(ritz), lost=self._lost(ritz.weights))

    def _extended(self, vector: Vector) -> Vector:
        """Take a vector into the basis; what of its image lies outside, (P,).

        Where the vector is rounding alone, a random one takes its place.
        """
        if float(vector.norm()) <= self.eps * self.scale:
            vector = self._random()
        unit = vector / vector.norm()
        count = len(self.basis)
        self._held[count] = unit
        self.basis = self._held[: count + 1]
        image = self.operator.apply(unit[None])[0]
        check_finite(image)
        self.left -= 1
        self.scale = max(self.scale, float(image.norm()))
        along, rest = self._apart(image)
        matrix = torch.zeros(count + 1, count + 1).double()
        matrix[:count, :count] = self.matrix
        matrix[count] = matrix[:, count] = along
        self.matrix, self.lost = matrix, torch.cat([self.lost, torch.zeros(1).double()])
        return rest

    def _apart(self, vector: Vector) -> tuple[Float[Tensor, " j"], Vector]:
        """What of a vector lies along the basis, and what is left, orthogonal to it."""
        along = self.basis @ vector
        rest = vector - along @ self.basis
        again = self.basis @ rest
        return (along + again).cpu().double(), rest - again @ self.basis

    def _ritz(self, length: float) -> Ritz:
        """The eigenpairs in the basis, where so much of the last image lies outside."""
        values, weights = (part.flip(-1) for part in torch.linalg.eigh(self.matrix))
        outside = 0.0 if len(self.basis) == self.operator.size else length
        left = outside * weights[-1].abs()
        errors = torch.hypot(left, self._lost(weights))
        allowed = (self.tolerance * values.abs()).clamp_min(ROUNDING * self.eps * self.scale)
        return Ritz(values, weights, errors, left, allowed, self.top, self.bottom)

    def _lost(self, weights: Float[Tensor, "j j"]) -> Float[Tensor, " j"]:
        """What Ritz vectors with these weights have lost, as each basis vector lost its own."""
        return (weights.square() * self.lost[:, None].square()).sum(dim=0).sqrt()

    def _kept(self, ritz: Ritz) -> Int64[Tensor, " _"]:
        """Which Ritz vectors a restart keeps: those requested, and half of the remaining space.

        All of it at the end that is not done, if there is one, as the other needs no help.
        """
        extra, count = (self.room - self.top - self.bottom) // 2, len(ritz.values)
        waits = ~ritz.done
        above = bool(waits[: self.top].any())
        below = bool(waits[count - self.bottom :].any())
        if above == below:
            above, below = bool(self.top), bool(self.bottom)
        upper = extra // 2 if above and below else extra * above
        return ritz.ends(self.top + upper, self.bottom + extra - upper)

    def _compress(
        self, ritz: Ritz, kept: Int64[Tensor, " _"], *, lost: Float[Tensor, " j"]
    ) -> None:
        """Let the basis be some of its Ritz vectors."""
        weights = ritz.weights[:, kept].to(self.basis)
        self._held[: len(kept)] = weights.T @ self.basis
        self.basis = self._held[: len(kept)]
        self.matrix, self.lost = torch.diag(ritz.values[kept]), lost[kept]

    def _result(
        self, ritz: Ritz, *, sure: bool
    ) -> tuple[Float[Tensor, " k"], Vectors, Bool[Tensor, " k"]]:
        """The pairs asked for, as far as there are any."""
        count, size = self.top + self.bottom, self.operator.size
        like = self.operator.like
        if not ritz.enough:
            values = torch.full((count,), torch.nan, dtype=torch.float64, device=like.device)
            return values, like.new_zeros(count, size), values.isfinite()
        done = ritz.done[ritz.wanted]
        values = ritz.values[ritz.wanted].where(done, torch.nan)
        vectors = ritz.weights[:, ritz.wanted].to(self.basis).T @ self.basis
        vectors[~done.to(like.device)] = 0
        leading = done & torch.full_like(done, sure)
        return values.to(like.device), vectors, leading.to(like.device)

    def _random(self) -> Vector:
        """A random direction orthogonal to the basis, another one each time."""
        self.drawn += 1
        vector = drawn(self.operator, self.drawn)
        for _ in range(2):
            vector = self._apart(vector / vector.norm())[1]
        return vector


def drawn(operator: Operator, seed: int) -> Vector:
    """A normal vector (P,), always the same one for the same seed."""
    rng = random_streams.stream(seed, "eigenpairs")
    return torch.randn(operator.size, generator=rng).to(operator.like)


def check_finite(found: Tensor) -> None:
    """Refuse what a loss that is not finite leads to.

    Raises:
        SpecError: NaN or infinity.
    """
    if not bool(found.isfinite().all()):
        raise SpecError(
            "the curvature", "NaN or infinity", "finite: weights at which the loss is finite"
        )
