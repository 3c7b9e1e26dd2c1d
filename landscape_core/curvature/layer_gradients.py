"""Layer inputs and output gradients, from which layer-wise curvature approximations are built.

A layer is an `nn.Linear`, or an `nn.Conv2d` with one group, whose weight is itself a block of θ and
is not shared with another module. Subclasses, reparametrized weights (weight or spectral
normalization) and layers whose parameters are used without calling the module (the output
projection of `nn.MultiheadAttention`) do not count. All calls, tokens and spatial positions of a
layer together are its T positions.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad, unfold

from landscape_core.curvature.operator import pulled
from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector
from landscape_core.models.loss_function import loss_values
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Block


@dataclass(frozen=True)
class Layer:
    """A layer's name and parameter blocks; `kernel` is the kernel size, () for a linear layer."""

    name: str
    weight: Block
    bias: Block | None
    kernel: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of its weight matrix, outputs O by inputs I; one more column for a bias."""
        rows = self.weight.shape[0]
        return rows, (self.weight.stop - self.weight.start) // rows + (self.bias is not None)

    def matrix(self, vector: Vector) -> Float[Tensor, "O I"]:
        """The layer's part of a vector as a matrix, one row per output, the bias last."""
        weight = self.weight.of(vector).flatten(1)
        return (
            weight if self.bias is None else torch.cat([weight, self.bias.of(vector)[:, None]], 1)
        )

    def put(self, matrix: Float[Tensor, "O I"], vector: Vector) -> None:
        """Write the layer's matrix into a vector, in place."""
        weight = matrix if self.bias is None else matrix[:, :-1]
        vector[self.weight.start : self.weight.stop] = weight.reshape(-1)
        if self.bias is not None:
            vector[self.bias.start : self.bias.stop] = matrix[:, -1]


@dataclass(frozen=True, eq=False)
class LayerGradients:
    """A layer's inputs (with a last column of 1 for a bias) and output gradients δ.

    δ is the derivative of each example's loss with respect to the outputs of the layer; N examples,
    T positions.
    """

    inputs: Float[Tensor, "N T I"]
    slopes: Float[Tensor, "N T O"]


def layers_of(objective: Objective) -> tuple[Layer, ...]:
    """List the layers of the network in order; empty if the objective is not a network."""
    if objective.network is None:
        return ()
    module = objective.network.module
    blocks = {block.name: block for block in objective.network.layout.blocks}
    owners = Counter(id(one) for part in module.modules() for one in part._parameters.values())
    found = []
    for name, part in module.named_modules():
        if type(part) is not nn.Linear and not (type(part) is nn.Conv2d and part.groups == 1):
            continue
        own = {key: blocks.get(f"{name}.{key}".removeprefix(".")) for key in part._parameters}
        own = {key: own[key] for key in own if owners[id(part._parameters[key])] == 1}
        weight = own.get("weight")
        if weight is not None:
            found.append(Layer(name, weight, own.get("bias"), weight.shape[2:]))
    return tuple(found)


Slopes = Callable[[ModelObjective, Tensor], Tensor]
"""(objective, outputs (N, ...)) -> gradient of each example's loss in the outputs, (N, ...)."""


def gradients_of_layers(
    model: ModelObjective, theta: Vector, layers: Sequence[Layer], slopes: Slopes
) -> Mapping[str, LayerGradients]:
    """Record inputs and output gradients of each layer at theta, by name."""
    uses: dict[str, list[tuple[Tensor, Tensor]]] = {layer.name: [] for layer in layers}
    handles = [_watched(model, layer.name, uses[layer.name]) for layer in layers]
    try:
        outputs = model.outputs(theta.detach())
    finally:
        for handle in handles:
            handle.remove()
    asked = [layer for layer in layers if _by_example(layer, uses[layer.name], model.examples)]
    probes = [probe for layer in asked for _, probe in uses[layer.name]]
    if not (probes and outputs.requires_grad):
        return {}
    back = slopes(model, outputs.detach())
    found = torch.autograd.grad(outputs, probes, back, allow_unused=True, materialize_grads=True)
    left, rows = iter(found), {}
    for layer in asked:
        own = [(inputs, next(left)) for inputs, _ in uses[layer.name]]
        rows[layer.name] = _rows(layer, model.module.get_submodule(layer.name), own)
    return rows


def target_gradients(model: ModelObjective, outputs: Tensor) -> Tensor:
    """The gradient of each example's loss in the outputs, for the data's targets, (N, ...)."""
    free = outputs.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(
        loss_values(model.loss_function, free, model.targets).mean(), free
    )
    return slopes * len(outputs)


def sampled_gradients(rng: torch.Generator) -> Slopes:
    """Sample output gradients with the covariance of those for labels drawn from the model.

    For cross-entropy and squared error that covariance is the Hessian of the loss with respect to
    the outputs; the samples are normal with mean 0. For squared error they have exactly the
    distribution of the gradients for sampled labels; for cross-entropy their second moments agree.
    Other losses are treated the same way.
    """

    def drawn(model: ModelObjective, outputs: Tensor) -> Tensor:
        roots = output_hessian_roots(model, outputs)
        noise = torch.randn(roots.shape[:2], generator=rng, dtype=roots.dtype).to(roots.device)
        return times_roots(roots, noise[:, :, None]).reshape(outputs.shape) * len(outputs) ** 0.5

    return drawn


def output_hessian_roots(model: ModelObjective, outputs: Tensor) -> Float[Tensor, "N D *D"]:
    """The square root of H, the Hessian of the mean loss in the D outputs of each example.

    Shape (N, D) if H is diagonal, else (N, D, D). Negative eigenvalues, which occur if the loss is
    not convex in the outputs, are set to zero.
    """
    free = outputs.detach().requires_grad_()
    loss = loss_values(model.loss_function, free, model.targets).mean()
    (slope,) = torch.autograd.grad(loss, free, create_graph=True)
    summed = slope.flatten(1).sum(0)  # examples do not know each other in the loss
    vectors = torch.ones_like(summed), _unlike(summed)
    diagonal, product = pulled(summed, free, torch.stack(vectors), 2).flatten(2)
    rest = (product - vectors[1] * diagonal).abs().max()
    if rest <= 100 * torch.finfo(free.dtype).eps * product.abs().max():  # only if H is diagonal
        return diagonal.clamp(min=0.0).sqrt()
    unit = torch.eye(len(summed), dtype=free.dtype, device=free.device)
    hessians = pulled(summed, free, unit, len(unit)).flatten(2).transpose(0, 1)
    if not bool(hessians.isfinite().all()):
        return torch.full_like(hessians, torch.nan)
    values, basis = torch.linalg.eigh(hessians)
    return basis * values.clamp(min=0.0).sqrt()[:, None, :] @ basis.mT


def times_roots(roots: Float[Tensor, "N D *D"], columns: Float[Tensor, "N D K"]) -> Tensor:
    """Multiply the columns of each example by √H, (N, D, K)."""
    return roots @ columns if roots.ndim == 3 else roots[:, :, None] * columns


def inverted(matrices: Float[Tensor, "*K D D"], damping: Tensor | float) -> Float[Tensor, "*K D D"]:
    """Invert M + damping · I for positive semi-definite M by Cholesky in float64.

    NaN where the factorization fails, as after divergence.
    """
    unit = torch.eye(matrices.shape[-1], dtype=torch.float64, device=matrices.device)
    factor, failed = torch.linalg.cholesky_ex(matrices.double() + damping * unit)
    inverse = torch.where(failed[..., None, None] == 0, torch.cholesky_inverse(factor), torch.nan)
    return inverse.to(matrices.dtype)


def _unlike(vector: Vector) -> Vector:
    """A random vector of the same size, dtype and device."""
    rng = random_streams.stream(0, "unlike")
    return torch.randn(len(vector), generator=rng, dtype=vector.dtype).to(vector.device)


def _watched(model: ModelObjective, name: str, uses: list[tuple[Tensor, Tensor]]) -> Any:
    """Register a hook that records inputs and adds zeros, whose gradient is δ, to the outputs."""

    def keep(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> Tensor:
        inputs = args[0] if args else kwargs["input"]
        probe = torch.zeros_like(output, requires_grad=True)
        uses.append((inputs.detach(), probe))
        return output + probe

    return model.module.get_submodule(name).register_forward_hook(keep, with_kwargs=True)


def _by_example(layer: Layer, uses: Sequence[tuple[Tensor, Tensor]], examples: int) -> bool:
    """Whether the layer was called, each time with one row of inputs per example."""
    least = 4 if layer.kernel else 2
    return bool(uses) and all(x.ndim >= least and len(x) == examples for x, _ in uses)


def _rows(layer: Layer, part: nn.Module, uses: Sequence[tuple[Tensor, Tensor]]) -> LayerGradients:
    """Concatenate all calls of a layer along the positions."""
    inputs = torch.cat([_places(part, x) for x, _ in uses], 1)
    slopes = torch.cat([_spread(layer, slope) for _, slope in uses], 1)
    if layer.bias is not None:
        inputs = torch.cat([inputs, torch.ones_like(inputs[..., :1])], 2)
    return LayerGradients(inputs, slopes)


def _places(part: nn.Module, inputs: Tensor) -> Float[Tensor, "N T I"]:
    """The inputs of a layer at each position; patches for a convolution."""
    if not isinstance(part, nn.Conv2d):
        return inputs.reshape(len(inputs), -1, inputs.shape[-1])
    mode = "constant" if part.padding_mode == "zeros" else part.padding_mode
    padded = pad(inputs, part._reversed_padding_repeated_twice, mode=mode)
    dilation, stride = part.dilation, part.stride
    return unfold(padded, part.kernel_size, dilation=dilation, stride=stride).mT


def _spread(layer: Layer, slopes: Tensor) -> Float[Tensor, "N T O"]:
    """The gradients with respect to a layer's outputs at each position."""
    if layer.kernel:
        return slopes.flatten(2).mT
    return slopes.reshape(len(slopes), -1, slopes.shape[-1])
