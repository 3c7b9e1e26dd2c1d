"""Streaming principal component analysis: Oja, 1982, A Simplified Neuron Model.

Examples x ~ N(0, Σ) come one after another, and the direction v of largest variance is wanted: the
maximum of vᵀΣv on the sphere, which is ± the first eigenvector of Σ; all others are saddles or the
minimum. Optimizers follow Oja's rule, −(I − vvᵀ)xxᵀv in the place of a gradient, as in T. Liu et
al., 2018, arXiv:1806.01660; it keeps v near the sphere, and off the sphere it is no gradient. The
landscape is half the Rayleigh quotient with its sign turned, −½vᵀΣv/‖v‖², whose gradient on the
sphere that rule is. At v = 0 it has no value.
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
    """The direction of largest variance is found from examples that come one by one.

    Σ is diagonal, its eigenvalues evenly spaced from the largest to the smallest: 4, 3, 2, 1. The
    training examples are drawn once. The test data stand for the whole distribution: d examples
    whose second moment is Σ exactly, so that the test loss is that of the population.
    """

    label: ClassVar[str] = "streaming principal component"

    dimensions: Annotated[int, Knob(2, 100, "numbers d in an example", "log")] = 4
    largest: Annotated[float, Knob(0.01, 100.0, "largest eigenvalue of Σ", "log")] = 4.0
    smallest: Annotated[float, Knob(0.0, 100.0, "smallest eigenvalue of Σ")] = 1.0
    points: Annotated[int, Knob(1, 1_000_000, "examples of the stream, drawn once", "log")] = 20_000
    start: Annotated[
        str, Choice(("saddle", "random"), "the second eigenvector, or anywhere on the sphere")
    ] = "saddle"

    def check(self) -> None:
        if self.smallest >= self.largest:
            accepted = f"less than the largest eigenvalue, {self.largest:g}"
            raise SpecError("StreamingPCA.smallest", self.smallest, accepted)

    @property
    def spectrum(self) -> Float[Tensor, " d"]:
        """The eigenvalues of Σ, in float64, that of the first axis first."""
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
    """The coordinate of each example along the direction of v, its one row of weights."""

    def __init__(self, v: Float[Tensor, " d"]) -> None:
        """Begin with v."""
        super().__init__()
        self.weight = nn.Parameter(v[None])

    def forward(self, examples: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
        return examples @ (self.weight / self.weight.norm()).T


def turned_variance(
    outputs: Float[Tensor, "n 1"], targets: Float[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """What each example has of −½vᵀΣv/‖v‖²; there are no targets."""
    del targets
    return -0.5 * outputs[:, 0].square()


@dataclass(frozen=True)
class Oja:
    """Oja's rule in the gradient's place: the mean of −(I − vvᵀ)xxᵀv over the examples."""

    def __call__(self, part: ModelObjective, v: Vector, gradient: Vector) -> Vector:
        """The field, by the loss f and its gradient: ‖v‖²∇f + 2(1 − ‖v‖²)f v, shape (d,).

        With Σ of the examples ‖v‖²∇f is −Σv + (vᵀΣv/‖v‖²)v and f is −½vᵀΣv/‖v‖².
        """
        square = v @ v
        return square * gradient + 2 * (1 - square) * part.losses(v[None])[0] * v
