"""Activation functions: in one row for each, all that the engine knows of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from landscape_core.models.activation_layers import Binary, Quadratic


@dataclass(frozen=True)
class Activation:
    """An activation function.

    `layer` is its class, `name` that by which a network of the catalogue takes it, `functions` the
    functions, and the names of methods, of torch that compute it with its default settings,
    `in_place` the one that writes over its argument; `writes` says that the layer has a setting to
    do so.
    """

    layer: type[nn.Module]
    name: str = ""
    functions: tuple[Any, ...] = ()
    in_place: Callable[[Tensor], Tensor] | None = None
    writes: bool = False


KNOWN = (
    Activation(nn.ReLU, "relu", (torch.relu, functional.relu, "relu"), torch.relu_, writes=True),
    Activation(nn.Tanh, "tanh", (torch.tanh, functional.tanh, "tanh"), torch.tanh_),
    Activation(nn.GELU, "gelu", (functional.gelu,)),
    Activation(nn.SiLU, "silu", (functional.silu,), writes=True),
    Activation(
        nn.Sigmoid, "sigmoid", (torch.sigmoid, functional.sigmoid, "sigmoid"), torch.sigmoid_
    ),
    Activation(nn.Identity, "identity", (), lambda values: values),
    Activation(Quadratic, "quadratic", (torch.square, "square"), torch.square_),
    Activation(Binary, "binary"),
    Activation(nn.LeakyReLU, writes=True),
    Activation(nn.ELU, writes=True),
    Activation(nn.Softplus),
)

LAYERS: tuple[type[nn.Module], ...] = tuple(one.layer for one in KNOWN)
"""The classes of all."""
