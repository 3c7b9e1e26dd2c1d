"""Networks and their layers as a digest of content tells them: class, state, hooks and parts."""

import functools
import types
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn.modules import module as hooked

from landscape_core.models.content_classes import add_class
from landscape_core.models.content_digest import ContentDigest
from landscape_core.models.installed import is_installed

HOOKS = {name for name in vars(nn.Module()) if "_hook" in name}
"""The registers of what a module calls besides its forward."""


def add_network(content: ContentDigest, network: nn.Module) -> None:
    """Add a network but for the values of its parameters and buffers, and for its mode."""
    content.network |= {id(module): module for module in network.modules()}
    content.add(network, _tied(network))
    for name in ("_global_forward_pre_hooks", "_global_forward_hooks"):
        content.add(list(getattr(hooked, name, {}).values()))


def add_module(content: ContentDigest, module: nn.Module) -> None:
    """Add what a module's forward may depend on, but for what a plane moves of the network."""
    hidden = {"_parameters", "_buffers", "_modules", "training", *HOOKS}
    if isinstance(module, nn.RNNBase):  # its parameters once more
        hidden |= {"_flat_weights", "_flat_weight_refs"}
    own = {name: value for name, value in vars(module).items() if name not in hidden}
    kind = type(module)
    add_class(content, kind)
    if id(module) not in content.network:
        content.add(module.training, dict(module._parameters), dict(module._buffers))
    shapes = [(n, tuple(p.shape), p.requires_grad) for n, p in module.named_parameters()]
    packaged = {name for name, value in own.items() if _is_packaged(value, kind)}
    with content.referred(by_user=True):
        content.add({name: value for name, value in own.items() if name not in packaged})
    with content.referred(by_user=False):
        content.add({name: value for name, value in own.items() if name in packaged})
    with content.referred(by_user=not is_installed(kind)):
        content.add(_hooks(module), repr(shapes), dict(module._modules))


def _is_packaged(value: Any, kind: type) -> bool:
    """Whether an attribute of a layer belongs to the package of its class, or of its bases.

    Of a layer that is installed all do but for functions of other packages; of the user's the
    objects of classes that come with its bases.
    """
    function = value.func if isinstance(value, functools.partial) else value
    called = isinstance(function, types.FunctionType | types.BuiltinFunctionType)
    if is_installed(kind):
        return not called or _package(function) == _package(kind)
    packages = {_package(base) for base in kind.__mro__ if is_installed(base)}
    given = function if called else type(value)
    return is_installed(given) and _package(given) in packages - {"torch", "builtins"}


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]


def _tied(network: nn.Module) -> list[tuple[str, str]]:
    """Which parameters and buffers of a network are one and the same, by their names."""
    first: dict[int, str] = {}
    named = (
        *network.named_parameters(remove_duplicate=False),
        *network.named_buffers(remove_duplicate=False),
    )
    pairs = [(name, first.setdefault(id(value), name)) for name, value in named]
    return [(name, one) for name, one in pairs if name != one]


def _hooks(module: nn.Module) -> dict[str, Any]:
    """What a module calls besides its forward; its hooks by their order, not by their numbers.

    Those count all hooks that there ever were.
    """
    found = {name: vars(module).get(name) for name in sorted(HOOKS)}
    registers = [held for held in found.values() if isinstance(held, Mapping)]
    order = {number: at for at, number in enumerate(sorted({n for one in registers for n in one}))}
    return {
        name: [(order[n], hook) for n, hook in held.items()] if isinstance(held, Mapping) else held
        for name, held in found.items()
        if held
    }
