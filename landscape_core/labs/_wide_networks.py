"""ReLU networks with one hidden layer on one-dimensional data, next to their linearization.

Outputs are counted from those at the start, f(x; θ) − f(x; θ₀), so that a large output scale does
not bring large initial outputs (Chizat, Oyallon, Bach, 2019, arXiv:1812.07956, section 2). The
learning rate is that of the kernel of infinite width, the same time for all widths.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.types import Vector
from landscape_core.models.architectures.ntk_mlp import NTKMLP
from landscape_core.models.datasets.regression_1d import Regression1D
from landscape_core.models.derivatives import jacobians
from landscape_core.models.linearized import Linearized, descent_coefficients
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.wide_kernels import wide_kernels

SIGMA, BETA = math.sqrt(2.0), 1.0
"""Scales of weights and biases: with equal ones kinks lie all over the domain."""
DATA = Regression1D(points=20, waves=1.0, noise=0.1)


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs (n, 1) in ascending order, targets (n, 1), and the kernel of infinite width (n, n)."""

    inputs: Tensor
    targets: Tensor
    kernel: Tensor

    @classmethod
    def drawn(cls, seed: int) -> "Examples":
        """The examples of a seed."""
        part = DATA.build(seed).train
        order = part.inputs[:, 0].argsort()
        inputs = part.inputs[order]
        return cls(inputs, part.targets[order], limit_kernel(inputs, inputs))

    def rate(self, output_scale: float) -> float:
        """The learning rate 1/λ_max(Θ/n) of the limit, half of the largest stable one."""
        largest = float(torch.linalg.eigvalsh(self.kernel)[-1])
        return len(self.inputs) / (largest * output_scale**2)

    def limit(self, inputs: Float[Tensor, "m 1"], steps: int) -> Float[Tensor, " m"]:
        """What a network of infinite width has learned after some steps, at other inputs."""
        fitted = descent_coefficients(self.kernel, -self.targets[:, 0], self.rate(1.0), steps)
        return -limit_kernel(inputs, self.inputs) @ fitted


def limit_kernel(inputs: Float[Tensor, "n 1"], others: Float[Tensor, "m 1"]) -> Tensor:
    """The tangent kernel of infinite width and output scale 1, (n, m)."""
    return wide_kernels(inputs, others, depth=1, sigma=SIGMA, beta=BETA).tangent


class Wide:
    """A network of some width and output scale, its start, and its linearization there."""

    def __init__(
        self,
        examples: Examples,
        width: int,
        output_scale: float,
        seed: int,
        *,
        pace: float = 1.0,
    ) -> None:
        """Draw the start, the same for all output scales; `pace` is a factor on the rate."""
        architecture = NTKMLP(
            depth=1, width=width, sigma=SIGMA, beta=BETA, output_scale=output_scale
        )
        network = architecture.build((1,), 1, stream(seed, "init", width)).double()
        whole = ModelObjective(network, SquaredError(), examples.inputs, examples.targets)
        self.width, self.output_scale, self.start = width, output_scale, whole.start
        self.examples, self.rate = examples, pace * examples.rate(output_scale)
        shifted = examples.targets + whole.outputs(whole.start)
        self.objective = whole.with_inputs(examples.inputs, shifted)
        self.linear = Linearized(self.objective, self.start)
        self.jacobian = self.jacobian_at(self.start)

    def iterates(self, steps: int) -> Iterator[Vector]:
        """The start, and the iterate of gradient descent after each step."""
        theta = self.start
        yield theta
        for _ in range(steps):
            theta = theta - self.rate * self.objective.gradient(theta)
            yield theta

    def linear_iterate(self, steps: int) -> Vector:
        """The iterate of gradient descent on the linearized network, in closed form."""
        kernel = self.jacobian @ self.jacobian.T
        residual = -self.examples.targets[:, 0]
        return self.start - self.jacobian.T @ descent_coefficients(
            kernel, residual, self.rate, steps
        )

    def function(self, theta: Vector, inputs: Float[Tensor, "m 1"]) -> Float[Tensor, " m"]:
        """What the network has learned, f(x; θ) − f(x; θ₀)."""
        objective = self.objective
        return (objective.outputs(theta, inputs) - objective.outputs(self.start, inputs))[:, 0]

    def linear_function(self, theta: Vector, inputs: Float[Tensor, "m 1"]) -> Float[Tensor, " m"]:
        """The same of the linearized network, J(x)(θ − θ₀)."""
        return self.linear.change(theta - self.start, inputs)[:, 0]

    def jacobian_at(self, theta: Vector) -> Float[Tensor, "n P"]:
        """The derivatives of the outputs on the examples by the parameters."""
        return jacobians(self.objective, theta)[:, 0]

    def kernel_row(self, theta: Vector, at: int, inputs: Float[Tensor, "m 1"]) -> Tensor:
        """The tangent kernel at theta between one example and inputs, for output scale 1: (m,)."""
        row = Linearized(self.objective, theta).change(self.jacobian_at(theta)[at], inputs)
        return row[:, 0] / self.output_scale**2

    def hidden(self, theta: Vector) -> Float[Tensor, "n m"]:
        """The features: activations of the hidden units on the examples."""
        first, bias, _, _ = self.objective.layout.split(theta).values()
        return (SIGMA * self.examples.inputs @ first.T + BETA * bias).relu()

    def changes(self, theta: Vector) -> dict[str, float]:
        """Drift of the kernel and movement of the features from the start, relative to both."""
        now, before = self.jacobian_at(theta), self.jacobian
        old = before @ before.T
        features = self.hidden(self.start)
        return {
            "drift": float((now @ now.T - old).norm() / old.norm()),
            "movement": float((self.hidden(theta) - features).norm() / features.norm()),
        }

    def particles(self, theta: Vector) -> tuple[Tensor, Tensor]:
        """Of each unit the place −βb/(σw) of its kink and the bend a|w| there: (m,) each."""
        first, bias, last, _ = self.objective.layout.split(theta).values()
        return -BETA * bias / (SIGMA * first[:, 0]), last[0] * first[:, 0].abs()
