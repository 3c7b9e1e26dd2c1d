"""Between one flat vector and a network's named tensors."""

import fnmatch
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector


@dataclass(frozen=True)
class Block:
    """One named tensor inside the flat vector."""

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def has_filters(self) -> bool:
        """Whether rows are filters: weights of linear and convolutional layers (Li et al. 2018).

        Biases and the gains of normalization layers, tensors of one dimension or none, have none.
        """
        return len(self.shape) > 1

    def of(self, theta: Tensor) -> Tensor:
        """The block of one vector `(P,)` or of many `(K, P)`, as a view in its own shape."""
        return theta[..., self.start : self.stop].reshape((*theta.shape[:-1], *self.shape))


@dataclass(frozen=True)
class Layout:
    """Where each named tensor lies in the flat vector of length `size`."""

    blocks: tuple[Block, ...]

    @classmethod
    def of_module(cls, module: nn.Module) -> "Layout":
        """The layout of a module's trainable parameters; tied tensors are counted once."""
        shapes = {n: tuple(p.shape) for n, p in module.named_parameters() if p.requires_grad}
        return cls.of_shapes(shapes)

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]]) -> "Layout":
        """The layout of named tensors laid end to end."""
        blocks, start = [], 0
        for name, shape in shapes.items():
            stop = start + math.prod(shape)
            blocks.append(Block(name, shape, start, stop))
            start = stop
        return cls(tuple(blocks))

    @property
    def size(self) -> int:
        """P, the length of the flat vector."""
        return self.blocks[-1].stop if self.blocks else 0

    def split(self, theta: Vector) -> dict[str, Tensor]:
        """Named views of a flat vector; differentiable."""
        pieces = theta.split([block.stop - block.start for block in self.blocks])
        return {
            block.name: piece.view(block.shape)
            for block, piece in zip(self.blocks, pieces, strict=True)
        }

    def join(self, tensors: Mapping[str, Tensor]) -> Vector:
        """The flat vector of named tensors, copied and detached.

        Raises:
            SpecError: a tensor is missing, is no tensor or has another shape.
        """
        for block in self.blocks:
            given = tensors.get(block.name)
            shape = tuple(given.shape) if torch.is_tensor(given) else None
            if shape != block.shape:
                raise SpecError(f"the shape of {block.name}", shape, f"{block.shape}")
        return torch.cat([tensors[block.name].detach().reshape(-1) for block in self.blocks])


class FunctionalCall:
    """Where a module keeps its parameters and buffers, each under all names that it has there.

    For one evaluation others are put there, as `torch.func.functional_call` does, which looks for
    these places anew each time.
    """

    def __init__(self, module: nn.Module) -> None:
        """The places in a module, whose tensors must stay the same ones as long as this is used."""
        found: dict[int, list[tuple[dict[str, Any], str]]] = {}
        for owner in module.modules():
            stored: tuple[dict[str, Any], ...] = (owner._parameters, owner._buffers)
            for kept in stored:
                for key, tensor in kept.items():
                    found.setdefault(id(tensor), []).append((kept, key))
        named: dict[str, Tensor] = dict(module.named_parameters())
        named |= dict(module.named_buffers())
        self._places = {name: found[id(tensor)] for name, tensor in named.items()}

    def call(self, module: nn.Module, tensors: Mapping[str, Tensor], inputs: Tensor) -> Any:
        """What the module gives with these tensors in place of its own, which come back."""
        own = [(kept, key, kept[key]) for name in tensors for kept, key in self._places[name]]
        try:
            for name, tensor in tensors.items():
                for kept, key in self._places[name]:
                    kept[key] = tensor
            return module(inputs)
        finally:
            for kept, key, before in own:
                kept[key] = before


def doubled(part: Any) -> Any:
    """A module or tensor in double precision, but for whole numbers."""
    return part if isinstance(part, Tensor) and not part.is_floating_point() else part.double()


def groups(layout: Layout) -> dict[str, tuple[Block, ...]]:
    """The blocks of each layer, by its name: a weight and its bias are one layer.

    What a parametrized weight is made of belongs to the layer as well.
    """
    found: dict[str, tuple[Block, ...]] = {}
    for block in layout.blocks:
        layer, made, _ = block.name.partition(".parametrizations.")
        name = layer if made else block.name.rpartition(".")[0] or block.name
        found[name] = (*found.get(name, ()), block)
    return found


def selected(layout: Layout, names: str) -> tuple[Block, ...]:
    """The blocks that a list of names or patterns, separated by commas, speaks of; of "", all.

    A name is that of a tensor (`0.weight`), of a layer or a part (`0`), or a pattern (`*.bias`).

    Raises:
        SpecError: a name that fits no tensor, or only commas and spaces.
    """
    if not names:
        return layout.blocks
    chosen: set[str] = set()
    for name in [part.strip() for part in names.split(",") if part.strip()] or [names]:
        fitting = {
            block.name
            for block in layout.blocks
            if block.name == name
            or block.name.startswith(name + ".")
            or fnmatch.fnmatchcase(block.name, name)
        }
        if not fitting:
            known = ", ".join(block.name for block in layout.blocks)
            raise SpecError("layers", name, f"a name or pattern of these tensors: {known}")
        chosen |= fitting
    return tuple(block for block in layout.blocks if block.name in chosen)
