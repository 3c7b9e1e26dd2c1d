"""Many points at once, by the algebra that a plane allows.

Along a plane every parameter is affine in the coordinates. So the first layer's product with the
data is computed once for the origin and once for each axis, and at a point it is their combination;
further layers are batched matrix products over the points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape_core.losses.base import Loss
from landscape_core.measures.base import Measure
from landscape_core.objective import ModelObjective
from landscape_core.planes import Plane
from landscape_core.strategies.base import Reader, Strategy

ELEMENTWISE: tuple[type[nn.Module], ...] = (
    nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Identity,
)  # fmt: skip

CACHE_FLOATS = 2**19
"""Numbers that one chunk of hidden values may hold, so that they stay in the processor's cache."""

Layer = Callable[[Tensor, Tensor], Tensor]
"""(coordinates with a leading 1, (K, 1 + D); values (K, N, C)) -> values (K, N, C')."""


@dataclass(frozen=True, kw_only=True)
class PlaneAlgebra(Strategy):
    """Evaluates plain multilayer perceptrons, many points at a time."""

    def applies(self, objective: ModelObjective, plane: Plane) -> bool:
        module = objective.module
        if not isinstance(module, nn.Sequential) or not isinstance(objective.loss_function, Loss):
            return False
        layers = [layer for layer in module if not isinstance(layer, nn.Flatten)]
        linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        if not linear or not isinstance(layers[0], nn.Linear):
            return False
        trained = sum(p.numel() for layer in linear for p in layer.parameters())
        plain = all(isinstance(layer, (nn.Linear, *ELEMENTWISE)) for layer in layers)
        return plain and trained == objective.layout.size

    def reader(
        self, objective: ModelObjective, plane: Plane, measures: Sequence[Measure]
    ) -> Reader:
        loss, targets = objective.loss_function, objective.targets
        if not isinstance(loss, Loss):
            raise TypeError("plane algebra needs a loss of the catalogue")
        first, layers, width = _compiled(objective, plane)
        chunk = max(1, CACHE_FLOATS // (objective.examples * width))

        def read(coords: Tensor) -> Tensor:
            ones = coords.new_ones(len(coords), 1)
            steps = torch.cat([ones, coords], dim=1).to(first)
            found = []
            with torch.no_grad():
                for step in steps.split(chunk):
                    values = (step @ first).view(len(step), objective.examples, -1)
                    for layer in layers:
                        values = layer(step, values)
                    read = [m.per_example(values, targets, loss).mean(dim=-1) for m in measures]
                    found.append(torch.stack(read))
            return torch.cat(found, dim=1)

        return read


def _compiled(objective: ModelObjective, plane: Plane) -> tuple[Tensor, list[Layer], int]:
    """The first layer's products (1 + D, N * C), the layers behind it, and the widest of them."""
    rows = torch.cat([plane.origin[None], plane.axes])
    tensors = {block.name: block.of(rows) for block in objective.layout.blocks}
    modules = [
        (name, module)
        for name, module in objective.module.named_children()
        if not isinstance(module, nn.Flatten)
    ]
    inputs = objective.inputs.flatten(1)
    name, _ = modules[0]
    first = inputs @ tensors[f"{name}.weight"].transpose(1, 2)
    if f"{name}.bias" in tensors:
        first += tensors[f"{name}.bias"][:, None, :]
    layers = [_layer(name, module, tensors) for name, module in modules[1:]]
    widths = [module.out_features for _, module in modules if isinstance(module, nn.Linear)]
    return first.reshape(len(rows), -1), layers, max(widths)


def _layer(name: str, module: nn.Module, tensors: dict[str, Tensor]) -> Layer:
    if isinstance(module, nn.ReLU):
        return lambda _, values: values.relu_()
    if isinstance(module, nn.Tanh):
        return lambda _, values: values.tanh_()
    if not isinstance(module, nn.Linear):
        return lambda _, values: module(values)
    weight = tensors[f"{name}.weight"]
    flat = weight.transpose(1, 2).reshape(len(weight), -1)
    bias = tensors.get(f"{name}.bias", weight.new_zeros(len(weight), weight.shape[1]))

    def linear(step: Tensor, values: Tensor) -> Tensor:
        matrix = (step @ flat).view(len(step), weight.shape[2], weight.shape[1])
        return torch.baddbmm((step @ bias)[:, None, :], values, matrix)

    return linear
