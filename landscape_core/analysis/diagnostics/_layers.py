"""Networks as sequences of named layers, with their tensors at a point."""

from collections.abc import Iterator

from torch import Tensor, nn

from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective


def sequence(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers of an `nn.Sequential` by name in order, nested ones flattened; else empty."""
    if type(module) is nn.Sequential:
        for name, part in module._modules.items():  # named_children leaves out a layer used again
            if type(part) is nn.Sequential:
                yield from sequence(part, f"{prefix}{name}.")
            else:
                yield prefix + name, part


def state_at(objective: ModelObjective, theta: Vector) -> dict[str, Tensor]:
    """All parameters at theta, including tied and frozen ones, and buffers, under every name."""
    values = objective.layout.split(theta.detach())
    own = dict(objective.module.named_parameters())
    moved = {id(own[name]): value for name, value in values.items()}
    everywhere = objective.module.named_parameters(remove_duplicate=False)
    state = {name: moved.get(id(one), one.detach()) for name, one in everywhere}
    return {**state, **objective.buffers}


def within(state: dict[str, Tensor], layer: str) -> dict[str, Tensor]:
    """The tensors of a layer, by their names within the layer."""
    prefix = f"{layer}."
    return {
        name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
    }
