"""Two-player games: code shared by the min-max problems.

The first player minimizes the value f(x, y) over the parameters named x, the second maximizes it
over those named y. Both follow their own gradients, so the pair follows −F, with F = (∇x f, −∇y f):
Beznosikov, Gorbunov, Berard and Loizou, 2023, Stochastic Gradient Descent-Ascent. F is not the
gradient of any function; the landscape shown is that of f.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective, VectorField
from landscape_core.models.parameters import Layout


def value(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the value of the game per sample, (N,): the first of the outputs (N, C)."""
    del targets
    return outputs[..., 0]


def maximizes(layout: Layout) -> Bool[Tensor, " P"]:
    """Return the mask of the second player's parameters, shape (P,)."""
    mine = [torch.full((b.stop - b.start,), b.name.split(".")[0] == "y") for b in layout.blocks]
    return torch.cat(mine)


@dataclass(frozen=True)
class DescentAscent:
    """The vector field F = (∇x f, −∇y f), from the gradient of f."""

    def __call__(self, objective: ModelObjective, theta: Vector, gradient: Vector) -> Vector:
        """Return the field at theta, shape (P,)."""
        del theta
        return torch.where(maximizes(objective.layout).to(gradient.device), -gradient, gradient)


@dataclass(frozen=True)
class Penalty:
    """The penalty R(z) = l1 ‖z‖₁ inside the box |zⱼ| ≤ box, infinite outside."""

    l1: float
    box: float

    def __call__(self, theta: Vector, step: float) -> Vector:
        """Apply the proximal map: soft-threshold by step · l1, then clip to the box."""
        return (theta.sign() * (theta.abs() - step * self.l1).clamp(min=0)).clamp(
            -self.box, self.box
        )


@dataclass(frozen=True, eq=False)
class Samples:
    """n quadratic games with k variables per player, in float64.

    fᵢ(x, y) = ½ xᵀSx + xᵀBy − ½ yᵀTy + pᵀx − qᵀy; S, B, T have shape (n, k, k), p, q (n, k).
    """

    S: Float[Tensor, "n k k"]
    B: Float[Tensor, "n k k"]
    T: Float[Tensor, "n k k"]
    p: Float[Tensor, "n k"]
    q: Float[Tensor, "n k"]

    def rows(self) -> Float[Tensor, "n D"]:
        """Return all coefficients of a sample in one row."""
        return torch.cat([part.flatten(1) for part in (self.S, self.B, self.T, self.p, self.q)], 1)


class Quadratic(nn.Module):
    """A module from samples as rows (N, D) to the values of their games (N, 1)."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        """Initialize the players at x (k,) and y (k,), as one-row matrices (one filter each)."""
        nn.Module.__init__(self)
        self.x, self.y = nn.Parameter(x[None].clone()), nn.Parameter(y[None].clone())

    def forward(self, rows: Tensor) -> Tensor:
        """Return the value of each sample's game, (N, 1)."""
        x, y = self.x[0], self.y[0]
        k = len(x)
        *flat, p, q = rows.split([k * k, k * k, k * k, k, k], dim=-1)
        S, B, T = (part.reshape(*part.shape[:-1], k, k) for part in flat)
        found = 0.5 * (S @ x) @ x + (B @ y) @ x - 0.5 * (T @ y) @ y + p @ x - q @ y
        return found[..., None]


def game(module: nn.Module, rows: Float[Tensor, "n D"], field: VectorField) -> ModelObjective:
    """Build the objective of a game from a module of values (n, C) of samples (n, D)."""
    nothing = rows.new_zeros((len(rows), 1))  # to be right about
    return ModelObjective(module, value, rows, nothing).with_field(field)


def quadratic(
    samples: Samples, start: Vector, device: str, dtype: torch.dtype, **penalty: float
) -> ModelObjective:
    """Build the objective of a quadratic or bilinear game: the mean of the samples' values.

    Args:
        samples: n games.
        start: the initial x and y, shape (2k,).
        device: the device.
        dtype: the floating-point type.
        penalty: `l1` and `box` of a `Penalty`; none by default.
    """
    module = Quadratic(*start.chunk(2)).to(device, dtype)
    rows = samples.rows().to(device, dtype)
    made = game(module, rows, DescentAscent())
    return made.with_prox(Penalty(**penalty)) if penalty else made


def orthogonal(count: int, size: int, rng: torch.Generator) -> Float[Tensor, "n k k"]:
    """Sample random orthogonal matrices, shape (count, size, size), float64."""
    return torch.linalg.qr(normal((count, size, size), rng)).Q


def normal(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Sample standard normal values in float64."""
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def uniform(low: float, high: float, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Sample uniform values in float64."""
    return low + (high - low) * torch.rand(shape, generator=rng, dtype=torch.float64)
