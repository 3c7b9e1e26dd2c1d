"""The linearized network f_lin(x; θ) = f(x; θ₀) + J(x)(θ − θ₀), J = ∂f/∂θ at θ₀.

Lee, Xiao, Schoenholz et al., 2019, Wide Neural Networks of Any Depth Evolve as Linear Models Under
Gradient Descent, arXiv:1902.06720, equations 4 and 8. Its loss is an objective like others, so that
optimizers and slices take it; the Hessian of that loss at θ₀ is the Gauss–Newton matrix of f.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.loss_function import loss_values
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective


@final
class Linearized(Objective):
    """The mean loss of the linearized network over the examples of an objective.

    Each example is treated by itself, with the statistics that batch normalization has stored.
    """

    def __init__(self, objective: ModelObjective, at: Vector) -> None:
        """Linearize the network of an objective at a point θ₀ (P,).

        Raises:
            SpecError: a point of another size, or a network that torch.func cannot differentiate.
        """
        if len(at) != objective.layout.size:
            raise SpecError("the size of the point", len(at), f"{objective.layout.size}")
        if not objective.functional:
            kind = type(objective.module).__name__
            raise SpecError("model", kind, "one that torch.func.functional_call can call")
        self.objective, self.at = objective.alone(), at.detach()
        self.layout, self.examples = objective.layout, objective.examples

    def outputs(self, theta: Vector, inputs: Tensor | None = None) -> Tensor:
        """The outputs of f_lin at theta on the objective's inputs, or on others: (N, C)."""
        value, change = self._jvp(theta - self.at, inputs)
        return value + change

    def change(self, direction: Vector, inputs: Tensor | None = None) -> Tensor:
        """J(x) times a direction (P,), on the objective's inputs or on others: (N, C)."""
        return self._jvp(direction, inputs)[1]

    def loss(self, theta: Vector) -> Scalar:
        """The mean loss of the outputs of f_lin, differentiable."""
        part = self.objective
        return loss_values(part.loss_function, self.outputs(theta), part.targets).mean()

    def restricted(self, indices: Tensor) -> "Linearized":
        """The same over these examples alone."""
        return Linearized(self.objective.reordered(indices), self.at)

    def _jvp(self, direction: Vector, inputs: Tensor | None) -> tuple[Tensor, Tensor]:
        value, change, *_ = jvp(
            lambda point: self.objective.outputs(point, inputs), (self.at,), (direction,)
        )
        return value, change


def descent_coefficients(
    kernel: Float[Tensor, "N N"], residual: Float[Tensor, " N"], rate: float, steps: int
) -> Float[Tensor, " N"]:
    """The c for which θ₀ − Jᵀc is the iterate of gradient descent on f_lin after some steps.

    The loss is the mean of ½ (f_lin − y)² over N examples with one output. Then c = φ(Θ) r₀ with
    φ(λ) = (1 − (1 − ηλ/N)^T)/λ, and elsewhere f_lin(x) = f(x; θ₀) − Θ(x, X) c. With the kernel of
    infinite width this is the limit of the network itself.

    Args:
        kernel: the tangent kernel Θ = JJᵀ of the examples.
        residual: r₀ = f(X; θ₀) − y.
        rate: the learning rate η.
        steps: the number of steps T.
    """
    values, vectors = torch.linalg.eigh(kernel)
    scale = rate / len(residual)
    x = scale * values.clamp(min=0)
    # 1 − (1 − x)^T, without cancellation where x is small.
    slow = -torch.expm1(steps * torch.log1p(-x.clamp(max=0.5)))
    fitted = torch.where(x < 0.5, slow, 1 - (1 - x) ** steps)
    phi = torch.where(x > 0, fitted / x.clamp(min=torch.finfo(x.dtype).tiny), float(steps)) * scale
    return vectors @ (phi * (vectors.T @ residual))
