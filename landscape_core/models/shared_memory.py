"""Tensors that share the memory of a parameter without being it: no copy keeps that."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError

ACCEPTED = (
    "one whose tensors share no memory with a parameter that moves: assign the Parameter itself,"
    " for instance self.tied = self.first.weight, or a clone of it, which does not move"
)

Addresses = dict[int, tuple[str, Tensor]]
"""Names of tensors by the address of their memory, and the tensors, which so keep their places."""


def storage_of(tensor: Tensor) -> int:
    """The address of the memory of a tensor; 0 where there is none."""
    try:
        return int(tensor.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError):  # sparse, or none at all
        return 0


def check_memory(network: nn.Module, tensors: Iterable[Tensor]) -> None:
    """Refuse a network if one of the tensors shares the memory of a trainable parameter.

    Raises:
        SpecError: names the two.
    """
    by_storage: dict[int, list[tuple[str, Tensor]]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            by_storage.setdefault(storage_of(parameter), []).append((name, parameter))
    by_storage.pop(0, None)
    for tensor in tensors:
        for name, one in by_storage.get(storage_of(tensor), ()):
            if tensor is not one and _overlap(tensor, one):
                other = _name_of(tensor, network)
                if other is not None:
                    raise SpecError(
                        "model", f"{other}, which shares the memory of {name}", ACCEPTED
                    )


def _overlap(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one memory have an entry in common."""
    if one.layout != torch.strided or one.element_size() != other.element_size():
        return True
    count = one.untyped_storage().nbytes() // one.element_size()
    taken = torch.zeros(count, dtype=torch.bool)
    taken.as_strided(one.size(), one.stride(), one.storage_offset()).fill_(1)
    return bool(taken.as_strided(other.size(), other.stride(), other.storage_offset()).any())


def _name_of(tensor: Tensor, network: nn.Module) -> str | None:
    """What a tensor is called; None where the network's own hook writes it before each use."""
    for name, module in network.named_modules():
        for key, one in _held(module):
            if one is tensor:
                return None if _rewritten(module, key) else f"{name}.{key}".removeprefix(".")
    return f"a tensor of shape {tuple(tensor.shape)}"


def _held(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """The tensors of a module by name, those in lists and dictionaries under the name of these."""
    for owner in (vars(module), module._parameters, module._buffers):
        for key, value in list(owner.items()):
            held = value.values() if type(value) is dict else value
            if isinstance(value, list | tuple) or (type(value) is dict and key[:1] != "_"):
                yield from ((key, one) for one in held)
            else:
                yield key, value


def _rewritten(module: nn.Module, key: str) -> bool:
    """Whether it is the weight that `spectral_norm` or `weight_norm` computes at every call."""
    hooks = module._forward_pre_hooks.values()
    return any(
        getattr(hook, "name", None) == key and hasattr(hook, "compute_weight") for hook in hooks
    )
