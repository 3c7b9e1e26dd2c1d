"""The size of a network, found from its recipe: no parameter is given memory."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from landscape_core.foundation.recipes import fields_of
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.initializations.base import Initialization

FEW = 2
"""Examples of the trial that counts operations; batch normalization needs two."""

DRAWN = ("randn", "rand")
SCALED = ("mul", "__mul__", "__rmul__")


@dataclass(frozen=True, kw_only=True)
class Unset(Initialization):
    """Leaves the weights as they are, for a network that has none."""

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        """Do nothing."""

    def fill_bias(self, bias: Tensor, weight: Tensor, rng: torch.Generator) -> None:
        """Do nothing."""


class _WithoutValues(TorchFunctionMode):
    """Tensors without values are not drawn, filled or scaled, which torch prepares for seconds."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name, more = getattr(func, "__name__", ""), dict(kwargs or {})
        if name in DRAWN:
            more.pop("generator", None)
            return torch.empty(*args, **more)
        given = [one for one in args if torch.is_tensor(one)]
        fills = name.endswith("_") and not name.endswith("__") and name != "requires_grad_"
        by_number = name in SCALED and len(given) == 1
        if given and given[0].is_meta and (fills or by_number):
            return given[0]
        return func(*args, **more)


@functools.lru_cache(maxsize=1024)
def parameters_of(architecture: Architecture, shape: tuple[int, ...], outputs: int) -> int:
    """The number of parameters of a network for inputs of a shape, and of its running statistics.

    Raises:
        SpecError: the network does not accept inputs of this shape.
    """
    network = _network(architecture, shape, outputs)
    return sum(one.numel() for one in (*network.parameters(), *network.buffers()))


@functools.lru_cache(maxsize=1024)
def operations_of(architecture: Architecture, shape: tuple[int, ...], outputs: int) -> int:
    """Floating-point operations of one evaluation of a network on one example.

    Raises:
        SpecError: the network does not accept inputs of this shape.
    """
    from torch.utils.flop_counter import FlopCounterMode  # with all of torch's shape rules

    network = _network(architecture, shape, outputs)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network(torch.empty(FEW, *shape))
    return int(counter.get_total_flops()) // FEW


def _network(architecture: Architecture, shape: tuple[int, ...], outputs: int) -> nn.Module:
    unset = {
        field.name: Unset()
        for field in fields_of(type(architecture))
        if isinstance(getattr(architecture, field.name), Initialization)
    }
    generator = torch.Generator()  # nothing is drawn of it
    with torch.device("meta"), _WithoutValues():
        # Before weights are reparametrized, which adds a number a unit at most.
        return architecture.replace(**unset).network(shape, outputs, generator)
