"""Successive convex approximation: Scardapane and Di Lorenzo, 2018, IEEE TNNLS, arXiv:1706.04769.

At θ the mini-batch loss is replaced by a strongly convex surrogate with the same gradient there, s
being the step from θ: the outputs f are linearized, the loss ℓ in the outputs is kept,

    u(s) = ρ mean ℓ(y, f + J s) + (1 − ρ) ⟨d, s⟩ + τ‖s‖² + λ‖θ + s‖²,

where d ← (1 − ρ) d + ρ g is a moving average of gradients. The iterate moves by the fraction α of
the step to the minimizer of u. With the `linear` surrogate ℓ is linearized too, and the minimizer
is s = −(d + 2λθ) / (2τ + 2λ): as α / (2τ + 2λ) is then the step size, it needs a larger τ. In the
parallel version, the coordinates are partitioned at random into C blocks at each step; each block
is minimized with all others fixed at θ. The defaults suit half the squared error.

For squared error the surrogate is quadratic: one linear system with as many unknowns as the batch
has outputs or the block has coordinates, whichever are fewer. For other losses at most `NEWTON`
steps of Newton's method with step halving minimize it; negative curvatures of the loss are set to
zero. The loss must be a mean over examples. If batch normalization couples the examples, J is that
of the whole batch, one output at a time. The term that a `VectorField` adds to the gradient enters
u linearly. Without a network the surrogate is the second-order Taylor polynomial, minimized by
conjugate gradients that stop at non-positive curvature (Steihaug, 1983); if the first curvature is
not positive, the step is that of the linear surrogate.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.derivatives import jacobians
from landscape_core.models.loss_function import loss_values
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import Optimizer

Remembered = tuple[int, float, Vector]
"""The step count, the next α relative to the first, and d, shape (P,)."""

LARGEST = 2**27
"""Maximum number of entries of a Jacobian: one gigabyte in double precision."""

NEWTON = 8
"""Maximum number of Newton steps per minimization."""

HALVINGS = 30
"""Maximum number of halvings of a Newton step; then the minimum is reached up to rounding."""

PRODUCTS = 100
"""Maximum number of Hessian-vector products per minimization."""


@dataclass(frozen=True, kw_only=True)
class SuccessiveConvex(Optimizer[Remembered]):
    """Minimizes at each step a convex surrogate in which only the network is linearized."""

    label: ClassVar[str] = "Successive convex approximation"
    family: ClassVar[str] = "subproblems"
    formula: ClassVar[str] = (
        "ŝ = argmin ρ·mean ℓ(y, f + Js) + (1 − ρ)⟨d, s⟩ + τ‖s‖² + λ‖θ + s‖²;  "
        "d ← (1 − ρ)d + ρg;  θ ← θ + αŝ;  α ← α(1 − εα);  ρ = (1 + t)^(−γ)"
    )
    source: ClassVar[str] = (
        "Scardapane & Di Lorenzo, 2018, Stochastic Training of Neural Networks via Successive "
        "Convex Approximations"
    )

    learning_rate: Annotated[
        float,
        Knob(
            1e-5,
            100.0,
            "initial step size α: fraction of the step to the surrogate's minimizer",
            "log",
        ),
    ] = 0.3
    decay: Annotated[float, Knob(0.0, 1.0, "decay ε of the step size: α ← α(1 − εα)")] = 0.01
    forgetting: Annotated[
        float, Knob(0.0, 1.0, "exponent γ of the weight of the newest mini-batch, ρ = (1 + t)^(−γ)")
    ] = 0.6
    proximity: Annotated[
        float, Knob(1e-6, 1000.0, "coefficient τ of the proximal term τ‖s‖²", "log")
    ] = 0.05
    weight_decay: Annotated[
        float, Knob(0.0, 1.0, "weight decay: coefficient λ of the penalty λ‖θ‖²")
    ] = 0.00005
    surrogate: Annotated[
        str, Choice(("partial", "linear"), "linearize the network only, or the loss as well")
    ] = "partial"
    blocks: Annotated[
        int, Knob(1, 10_000, "number C of random coordinate blocks minimized in parallel", "log")
    ] = 1
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the coordinate blocks")] = 0

    def init(self, theta: Vector) -> Remembered:
        """Return the initial state: step 0, d = 0."""
        return 0, 1.0, torch.zeros_like(theta)

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the Jacobian for a single example is too large."""
        part = objective.network
        if part is None or self.surrogate == "linear":
            return
        with torch.no_grad():
            outputs = part.alone().outputs(part.start, part.inputs[:1]).numel()
        if outputs * part.layout.size > LARGEST:
            most = f"{LARGEST // outputs} parameters with {outputs} outputs"
            accepted = f"linear for a network of more than {most}"
            raise SpecError("SuccessiveConvex.surrogate", self.surrogate, accepted)

    def step(
        self, objective: Objective, theta: Vector, memory: Remembered
    ) -> tuple[Vector, Remembered]:
        """Take the fraction α of the step to the minimizer of the mini-batch's convex surrogate.

        Raises:
            SpecError: a mini-batch whose Jacobian is too large.
        """
        t, share, d = memory
        rho = (1 + t) ** -self.forgetting
        g = objective.gradient(theta)
        d_new = (1 - rho) * d + rho * g
        alpha = self.learning_rate * share
        s = self._towards(objective, theta, (1 - rho) * d, rho, g, t)
        share = share * max(0.0, 1 - self.decay * alpha)
        return torch.add(theta, s, alpha=alpha), (t + 1, share, d_new)

    def _towards(
        self, objective: Objective, theta: Vector, past: Vector, rho: float, g: Vector, t: int
    ) -> Vector:
        """The step ŝ to the minimizer of u, shape (P,); `past` is (1 − ρ) d."""
        slope = past + rho * g + 2 * self.weight_decay * theta
        pull = 2 * (self.proximity + self.weight_decay)
        if self.surrogate == "linear":
            return -slope / pull
        if objective.network is None:
            return self._by_products(objective, theta, slope, rho, pull, t)
        surrogate = _Outputs(objective.network, theta, rho, pull)
        s = torch.zeros_like(theta)
        for block in self._dealt(theta, t):
            s[block] = surrogate.minimum(slope[block], block)
        return s

    def _by_products(
        self, objective: Objective, theta: Vector, slope: Vector, rho: float, pull: float, t: int
    ) -> Vector:
        """The step ŝ for an objective without a network."""
        s = torch.zeros_like(theta)
        for block in self._dealt(theta, t):

            def product(v: Vector, block: Tensor = block) -> Vector:
                whole = torch.zeros_like(theta).index_copy_(0, block, v)
                return rho * objective.hvp(theta, whole)[block] + pull * v

            s[block] = _conjugate_gradients(product, -slope[block], pull)
        return s

    def _dealt(self, theta: Vector, t: int) -> Iterator[Tensor]:
        """The coordinates of each block at step t."""
        if self.blocks == 1:
            yield torch.arange(len(theta), device=theta.device)
            return
        order = torch.randperm(len(theta), generator=random_streams.stream(self.seed, "blocks", t))
        yield from order.to(theta.device).tensor_split(min(self.blocks, len(theta)))


class _Outputs:
    """ρ mean ℓ(y, f + J s) + ½ pull ‖s‖² of a mini-batch, up to terms linear in s."""

    def __init__(self, part: ModelObjective, theta: Vector, rho: float, pull: float) -> None:
        """Linearize the outputs at theta, in double precision."""
        self.part, self.rho, self.pull = part, rho, pull
        self.outputs, jacobian = _linearized(part, theta)
        self.jacobian = jacobian.double()
        self.slope = self._derivatives(self.outputs)[1]

    def minimum(self, slope: Vector, block: Tensor) -> Vector:
        """The minimizing step in these coordinates, (p,); `slope` is the gradient of u at s = 0."""
        J = self.jacobian if len(block) == self.jacobian.shape[2] else self.jacobian[:, :, block]
        slope = slope.double()
        past = slope - self.rho * _times(J, self.slope)
        s, smallest = torch.zeros_like(slope), torch.finfo(self.outputs.dtype).eps ** 0.5

        def at(step: Vector) -> tuple[Scalar, Tensor]:
            outputs = self.outputs + (J @ step).reshape(self.outputs.shape).to(self.outputs)
            fitted = self.rho * self._loss(outputs).double()
            return fitted + past @ step + 0.5 * self.pull * step @ step, outputs

        value, outputs = at(s)
        for _ in range(NEWTON):
            roots, rises = self._derivatives(outputs)
            gradient = past + self.rho * _times(J, rises) + self.pull * s
            if bool(gradient.norm() <= smallest * slope.norm()):
                break
            step = -_solved(self.rho**0.5 * (roots @ J).flatten(0, 1), self.pull, gradient)
            moved = _lower(at, s, step, value, gradient @ step)
            if moved is None:
                break
            s, value, outputs = moved
        return s.to(self.outputs)

    def _loss(self, outputs: Tensor) -> Scalar:
        with torch.no_grad():
            return loss_values(self.part.loss_function, outputs, self.part.targets).mean()

    def _derivatives(self, outputs: Tensor) -> tuple[Float[Tensor, "n C C"], Float[Tensor, "n C"]]:
        """The square root of the loss's Hessian in each example's outputs, and the gradient."""
        point = outputs.detach().requires_grad_()
        loss = loss_values(self.part.loss_function, point, self.part.targets).mean()
        (gradient,) = torch.autograd.grad(loss, point, create_graph=True)
        rises = gradient.reshape(len(outputs), -1)
        rows = [
            torch.autograd.grad(
                one, point, retain_graph=True, allow_unused=True, materialize_grads=True
            )[0]
            if rises.requires_grad
            else torch.zeros_like(point)
            for one in rises.sum(0)
        ]
        hessians = torch.stack([row.reshape(rises.shape) for row in rows], dim=1).double()
        if not bool(hessians.isfinite().all()):
            return torch.full_like(hessians, torch.nan), rises.detach().double()
        values, vectors = torch.linalg.eigh((hessians + hessians.mT) / 2)
        roots = values.clamp(min=0).sqrt()[:, :, None] * vectors.mT
        return roots, rises.detach().double()


def _linearized(part: ModelObjective, theta: Vector) -> tuple[Tensor, Float[Tensor, "n C P"]]:
    """The outputs of the mini-batch and their Jacobian, (n, outputs, P)."""
    part = part.still if part.normalizes else part.alone()
    point = theta.detach().requires_grad_()
    outputs = part.outputs(point)
    if outputs.numel() * len(theta) > LARGEST:
        most = LARGEST // (outputs[0].numel() * len(theta))
        accepted = f"at most {most} for the Jacobian of this network, or surrogate='linear'"
        raise SpecError("the batch size of SuccessiveConvex", len(outputs), accepted)
    if not part.normalizes:
        return outputs.detach(), jacobians(part, theta)
    flat = outputs.reshape(-1)
    rows = [torch.autograd.grad(one, point, retain_graph=True)[0] for one in flat]
    return outputs.detach(), torch.stack(rows).reshape(len(outputs), -1, len(theta))


def _times(jacobian: Float[Tensor, "n C p"], weights: Float[Tensor, "n C"]) -> Vector:
    """Multiply Jᵀ by a weight for each output, shape (p,)."""
    return jacobian.flatten(0, 1).T @ weights.reshape(-1)


def _solved(M: Float[Tensor, "m p"], pull: float, right: Vector) -> Vector:
    """(MᵀM + pull I)⁻¹ right, by the smaller of MᵀM and MMᵀ; NaN if that is not finite."""
    dual = M.shape[0] < M.shape[1]
    gram = M @ M.T if dual else M.T @ M
    factor, failed = torch.linalg.cholesky_ex(gram + pull * torch.eye(len(gram)).to(gram))
    if bool(failed):
        return torch.full_like(right, torch.nan)
    wanted = M @ right if dual else right
    found = torch.cholesky_solve(wanted[:, None], factor)[:, 0]
    return (right - M.T @ found) / pull if dual else found


def _lower(
    at: Callable[[Vector], tuple[Scalar, Tensor]],
    s: Vector,
    step: Vector,
    value: Scalar,
    slope: Scalar,
) -> tuple[Vector, Scalar, Tensor] | None:
    """The first of s + step, s + step/2, … with sufficient decrease of u; None if there is none."""
    if not bool(step.isfinite().all()):
        return step, value, at(step)[1]
    for _ in range(HALVINGS):
        reached, outputs = at(s + step)
        if bool(reached <= value + 1e-4 * slope):
            return s + step, reached, outputs
        step, slope = step / 2, slope / 2
    return None


def _conjugate_gradients(product: Callable[[Vector], Vector], right: Vector, pull: float) -> Vector:
    """Solve A x = right by conjugate gradients up to non-positive curvature; else right / pull."""
    found, residual, direction = torch.zeros_like(right), right, right
    squared = right @ right
    smallest = (torch.finfo(right.dtype).eps ** 0.75) ** 2 * squared
    for _ in range(min(PRODUCTS, 2 * len(right))):
        if not bool(squared > smallest):
            break
        curved = product(direction)
        curvature = direction @ curved
        if not bool(curvature > 0):
            return found if bool(found.any()) else right / pull
        length = squared / curvature
        found, residual = found + length * direction, residual - length * curved
        before, squared = squared, residual @ residual
        direction = residual + (squared / before) * direction
    return found
