"""Streaming principal component analysis: Oja, 1982, A Simplified Neuron Model.

From a stream of examples x ~ N(0, Σ), find the direction v of largest variance: the maximizer of
vᵀΣv on the sphere, ± the first eigenvector of Σ; the other eigenvectors are saddle points or the
minimum. Optimizers follow Oja's rule, −(I − vvᵀ)xxᵀv in place of a gradient, as in T. Liu et al.,
2018, arXiv:1806.01660; it keeps v near the sphere; off the sphere it is not a gradient. The
landscape is the negative of half the Rayleigh quotient, −½vᵀΣv/‖v‖², whose gradient on the sphere
is that rule. It is undefined at v = 0.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance, Problem


@dataclass(frozen=True, kw_only=True)
class StreamingPCA(Problem):
    """Online PCA by Oja's rule: find the leading principal component from a stream of examples.

    Σ is diagonal, its eigenvalues evenly spaced from the largest to the smallest: 4, 3, 2, 1. The
    training examples are sampled once. The test data are d examples whose second moment is exactly
    Σ, so that the test loss is the population loss.
    """

    label: ClassVar[str] = "streaming PCA"

    dimensions: Annotated[int, Knob(2, 100, "dimension d of an example", "log")] = 4
    largest: Annotated[float, Knob(0.01, 100.0, "largest eigenvalue of Σ", "log")] = 4.0
    smallest: Annotated[float, Knob(0.0, 100.0, "smallest eigenvalue of Σ")] = 1.0
    points: Annotated[
        int, Knob(1, 1_000_000, "number of examples in the stream, sampled once", "log")
    ] = 20_000
    start: Annotated[
        str,
        Choice(
            ("saddle", "random"),
            "initial point: the second eigenvector (a saddle point), or uniform on the sphere",
        ),
    ] = "saddle"

    def check(self) -> None:
        if self.smallest >= self.largest:
            accepted = f"less than the largest eigenvalue, {self.largest:g}"
            raise SpecError("StreamingPCA.smallest", self.smallest, accepted)

    @property
    def spectrum(self) -> Float[Tensor, " d"]:
        """The eigenvalues of Σ in float64, in the order of the axes."""
        ends = self.largest, self.smallest
        return torch.linspace(*ends, self.dimensions, dtype=torch.float64)

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        d, scale = self.dimensions, self.spectrum.sqrt()
        rng = random_streams.stream(seed, "data")
        drawn = scale * torch.randn(self.points, d, generator=rng, dtype=torch.float64)
        v = torch.eye(d, dtype=torch.float64)[1]
        if self.start == "random":
            v = torch.randn(d, generator=random_streams.stream(seed, "init"), dtype=torch.float64)
        direction = Direction(v / v.norm()).to(device, dtype)

        def over(examples: Float[Tensor, "n d"]) -> ModelObjective:
            inputs = examples.to(device, dtype)
            whole = ModelObjective(
                direction, turned_variance, inputs, torch.zeros_like(inputs[:, 0])
            )
            return whole.with_field(Oja())

        train = over(drawn)
        return Instance(train, over(d**0.5 * scale.diag()), train.start, None)


class Direction(nn.Module):
    """The projection of each example on the direction of v, a one-row weight."""

    def __init__(self, v: Float[Tensor, " d"]) -> None:
        """Initialize with v."""
        super().__init__()
        self.weight = nn.Parameter(v[None])

    def forward(self, examples: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
        return examples @ (self.weight / self.weight.norm()).T


def turned_variance(
    outputs: Float[Tensor, "n 1"], targets: Float[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """The contribution of each example to −½vᵀΣv/‖v‖²; there are no targets."""
    del targets
    return -0.5 * outputs[:, 0].square()


@dataclass(frozen=True)
class Oja:
    """Oja's rule in place of the gradient: the mean of −(I − vvᵀ)xxᵀv over the examples."""

    def __call__(self, part: ModelObjective, v: Vector, gradient: Vector) -> Vector:
        """Return the field from the loss f and its gradient: ‖v‖²∇f + 2(1 − ‖v‖²)f v, shape (d,).

        With Σ of the examples ‖v‖²∇f is −Σv + (vᵀΣv/‖v‖²)v and f is −½vᵀΣv/‖v‖².
        """
        square = v @ v
        return square * gradient + 2 * (1 - square) * part.losses(v[None])[0] * v
