"""A small GAN: Mescheder, Geiger and Nowozin, 2018, Which Training Methods for GANs Converge?

Real samples are N(0, s²); the generator outputs a + s z, z standard normal. With the discriminator
D(u) = ψu and s = 0 it is their Dirac-GAN: without a penalty the players cycle around a = ψ = 0, or
diverge from it, and with their gradient penalty R₁ they converge to it. With hidden units the
generator also has a scale, a + c z, and the discriminator is a network.

f(x, y) is the mean of log σ(D(real)) + log σ(−D(generated)) − ½ γ D′(real)², which the generator x
minimizes and the discriminator y maximizes: Goodfellow et al., 2014, Generative Adversarial Nets,
equation 1. A non-saturating generator follows the gradient of −log σ(D(generated)) instead.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.games import DescentAscent, game, maximizes, normal
from landscape_core.models.loss_function import Weighted
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.problems.base import Instance, Problem


@dataclass(frozen=True, kw_only=True)
class GANGame(Problem):
    """A one-dimensional GAN: a generator against a discriminator."""

    label: ClassVar[str] = "small GAN"
    value: ClassVar[str] = "value of the game"

    hidden: Annotated[
        int, Knob(0, 512, "number of hidden units of the discriminator; 0: Dirac-GAN, D(u) = ψu")
    ] = 0
    generator: Annotated[
        str, Choice(("minimax", "non-saturating"), "generator loss: minimax or non-saturating")
    ] = "minimax"
    penalty: Annotated[float, Knob(0.0, 100.0, "coefficient γ of the gradient penalty R₁")] = 0.0
    spread: Annotated[float, Knob(0.0, 10.0, "standard deviation s of the real samples")] = 0.5
    samples: Annotated[
        int, Knob(1, 100_000, "number of real samples, and of generated ones", "log")
    ] = 200

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        rows = normal((self.samples, 2), random_streams.stream(seed, "data")).to(device, dtype)
        rng = random_streams.stream(seed, "init")
        generator = Generator(rng, None if self.hidden else self.spread)
        discriminator = Network(rng, self.hidden) if self.hidden else Linear(rng)
        module = GAN(generator, discriminator, self.spread, self.penalty).to(device, dtype)
        field = DescentAscent() if self.generator == "minimax" else NonSaturating()
        train = game(module, rows, field)
        return Instance(train, None, train.start, None)


class Generator(nn.Module):
    """The generator: from noise z (N, 1) to samples a + c z (N, 1); a given c is fixed."""

    def __init__(self, rng: torch.Generator, scale: float | None) -> None:
        """Initialize at random."""
        nn.Module.__init__(self)
        self.shift = nn.Parameter(normal((1, 1), rng))
        given = scale is not None
        first = torch.tensor([[scale]], dtype=torch.float64) if given else normal((1, 1), rng)
        self.scale = nn.Parameter(first, requires_grad=not given)

    def forward(self, z: Tensor) -> Tensor:
        """Return the generated samples, (N, 1)."""
        return self.shift + self.scale * z


class Linear(nn.Module):
    """The discriminator D(u) = ψu and its derivative."""

    def __init__(self, rng: torch.Generator) -> None:
        """Initialize at random."""
        nn.Module.__init__(self)
        self.psi = nn.Parameter(normal((1, 1), rng))

    def forward(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return D and D′ at u (N, 1), each (N, 1)."""
        return self.psi * u, self.psi.expand_as(u)


class Network(nn.Module):
    """The discriminator D(u) = w · tanh(vu + b) and its derivative."""

    def __init__(self, rng: torch.Generator, hidden: int) -> None:
        """Initialize at random, with outputs of order one."""
        nn.Module.__init__(self)
        self.v, self.b = (nn.Parameter(normal((hidden, *more), rng)) for more in ((1,), ()))
        self.w = nn.Parameter(normal((1, hidden), rng) / hidden**0.5)

    def forward(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return D and D′ at u (N, 1), each (N, 1)."""
        h = (u @ self.v.T + self.b).tanh()
        return h @ self.w.T, (1 - h.square()) @ (self.w * self.v.T).T


class GAN(nn.Module):
    """From normal samples (N, 2) to the game's value and the non-saturating loss, (N, 2)."""

    def __init__(self, x: Generator, y: nn.Module, spread: float, penalty: float) -> None:
        """Hold the players, the spread of the real samples and the penalty coefficient."""
        nn.Module.__init__(self)
        self.x, self.y = x, y
        self.spread, self.penalty = spread, penalty

    def forward(self, rows: Tensor) -> Tensor:
        """Return f and −log σ(D(generated)) per pair of a real and a generated sample, (N, 2)."""
        real, slope = self.y(self.spread * rows[..., :1])
        generated, _ = self.y(self.x(rows[..., 1:]))
        f = logsigmoid(real) + logsigmoid(-generated) - 0.5 * self.penalty * slope.square()
        return torch.cat([f, -logsigmoid(generated)], dim=-1)


def own_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the non-saturating generator loss per sample, (N,)."""
    del targets
    return outputs[..., 1]


@dataclass(frozen=True)
class NonSaturating:
    """The vector field (∇x of the generator's loss, −∇y f)."""

    def __call__(self, objective: ModelObjective, theta: Vector, gradient: Vector) -> Vector:
        """Return the field at theta, shape (P,)."""
        given = objective.loss_function
        own = Weighted(own_loss, given.weights) if isinstance(given, Weighted) else own_loss
        _, descent = Objective.value_and_gradient(objective.with_loss(own), theta)
        return torch.where(maximizes(objective.layout).to(theta.device), -gradient, descent)
