"""Copies of a user's network, loss and adapter that refer to each other as the originals do.

`copy.deepcopy` copies modules and objects; what it leaves as it is, functions for one, is followed
to wherever it leads back to the originals.
"""

import copy
import functools
import types
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.following import Following
from landscape_core.models.object_graph import parts_of
from landscape_core.models.plain_networks import is_plain_loss, is_plain_network
from landscape_core.models.shared_memory import check_memory

T = TypeVar("T")
Memo = dict[Any, Any]

CALLED = (types.FunctionType, types.BuiltinFunctionType)


def copied(thing: T) -> T:
    """A copy, tensors that were computed, which torch refuses to copy, as plain values."""
    return copied_together(thing)[0]


def copied_together(
    *things: Any,
    followed: Sequence[Any] = (),
    same: Iterable[tuple[Any, Any]] = (),
    checked: bool = True,
) -> tuple[Any, ...]:
    """Copies of modules first, then of functions and other things; what they share stays shared.

    What cannot be copied, an open file for one, is the thing itself, and so is a function that
    leads to nothing that is copied.

    Args:
        things: the network, if there is one, and what refers to it.
        followed: what is copied only as far as it refers to things that are.
        same: pairs of things, of which the second is copied wherever the first is referred to.
        checked: the network, the first of the things, is a copy, which is apart from all others.

    Raises:
        SpecError: a network that no copy is apart from, or of which a tensor shares the memory of a
            parameter without being it.
    """
    memo: Memo = {}
    found: dict[int, Any] = {}
    kept: list[Any] = []
    for i in sorted(range(len(things)), key=lambda i: not isinstance(things[i], nn.Module)):
        copier = _module if isinstance(things[i], nn.Module) else _object
        found[i] = copier(things[i], memo, kept)
    if not checked:
        _check_apart(things[0], found[0])
        check_memory(things[0], [one for one in kept if isinstance(one, Tensor)])
    if not followed and _refer_to_nothing(things):
        return tuple(found[i] for i in range(len(found)))
    copies = {key: one for key, one in memo.items() if isinstance(key, int) and id(one) != key}
    copies |= {id(one): copies[id(other)] for one, other in same if id(other) in copies}
    return _followed([*(found[i] for i in range(len(found))), *followed], copies)


def _refer_to_nothing(things: Sequence[Any]) -> bool:
    """Whether these are layers of torch and known losses, which call no function of a user's."""
    return all(
        is_plain_network(one) if i == 0 and isinstance(one, nn.Module) else is_plain_loss(one)
        for i, one in enumerate(things)
        if one is not None
    )


def _followed(found: Sequence[Any], copies: dict[int, Any]) -> tuple[Any, ...]:
    """The things, which lead to copies wherever they led to what was copied."""
    following = Following(copies, copies.values())
    modules = [one for one in found if isinstance(one, nn.Module)]
    following.explore(modules, private=True)
    following.explore(found, private=False)
    following.follow()
    return tuple(following.replaced(one) for one in found)


def _module(module: nn.Module, memo: Memo, kept: list[Any]) -> nn.Module:
    for tensor in _computed(module.modules()):
        memo[id(tensor)] = tensor.detach().clone()
        kept.append(tensor)
    memo.update(_empty_registers(module))
    with torch.no_grad():  # scripted modules would be copied with the way to the original
        try:
            found = _deep(module, memo, kept)
        except Exception:  # users may hold anything
            _keep_what_cannot_be_copied(module, memo, kept)
            found = _deep(module, memo, kept)
    for one, own in zip(module.parameters(), found.parameters(), strict=True):
        if own.requires_grad != one.requires_grad:
            own.requires_grad_(one.requires_grad)
    for part, new in zip(module.modules(), found.modules(), strict=True):
        memo[id(vars(part))] = vars(new)
    return found


def _empty_registers(module: nn.Module) -> Memo:
    """New ones for the empty dictionaries of hooks that every module has.

    Python takes longer to copy these than all the rest of a layer.
    """
    held = (one for part in module.modules() for one in vars(part).values())
    return {id(one): OrderedDict() for one in held if type(one) is OrderedDict and not one}


def _object(thing: Any, memo: Memo, kept: list[Any]) -> Any:
    slots = [name for kind in type(thing).__mro__ for name in vars(kind).get("__slots__", ())]
    # Of two slots under one name Python copies one.
    if isinstance(thing, CALLED) or len(slots) > len(set(slots)):
        return thing
    try:
        return _deep(thing, memo, kept)
    except Exception:  # users may hold anything
        return thing


def _deep(thing: T, memo: Memo, kept: list[Any]) -> T:
    """A deep copy; all that was copied for it is kept alive, as the memo knows it by identity.

    A copy that fails midway leaves no trace.
    """
    tried = dict(memo)
    found = copy.deepcopy(thing, tried)
    kept.extend(tried.pop(id(tried), ()))
    memo.update(tried)
    return found


def _computed(modules: Iterable[nn.Module]) -> Iterator[Tensor]:
    """Tensors that modules hold and that autograd has computed."""
    for module in modules:
        for value in vars(module).values():
            some = value if isinstance(value, list | tuple) else [value]
            some = list(value.values()) if type(value) is dict else some
            yield from (one for one in some if isinstance(one, Tensor) and one.grad_fn is not None)


def _keep_what_cannot_be_copied(module: nn.Module, memo: Memo, kept: list[Any]) -> None:
    """Note what a copy of the module will hold as it is, a lock for one, and computed tensors."""
    queue: list[Any] = list(module.modules())
    seen: set[int] = set()
    while queue:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, CALLED):
            continue
        seen.add(id(thing))
        kept.append(thing)
        if isinstance(thing, Tensor) and thing.grad_fn is not None:
            memo.setdefault(id(thing), thing.detach().clone())
        elif not isinstance(thing, nn.Module) and not _can_be_copied(thing, memo):
            memo[id(thing)] = thing
            continue
        queue.extend(parts_of(thing))


def _can_be_copied(thing: Any, memo: Memo) -> bool:
    """Whether Python can copy a thing, whatever it refers to."""
    try:
        if hasattr(type(thing), "__deepcopy__"):
            copy.deepcopy(thing, dict(memo))
        elif type(thing) not in copy._deepcopy_dispatch:  # type: ignore[attr-defined]
            thing.__reduce_ex__(4)
    except Exception:  # users may hold anything
        return isinstance(thing, type | functools.partial)
    return True


def _check_apart(module: nn.Module, found: nn.Module) -> None:
    """Refuse a network whose copy is not apart from it.

    Raises:
        SpecError: a part that gives itself where a copy is asked for.
    """
    own = {id(one) for one in found.modules()} | {id(one) for one in found.parameters()}
    shared = [name or "the network" for name, one in module.named_modules() if id(one) in own]
    shared += [name for name, one in module.named_parameters() if id(one) in own]
    if shared:
        accepted = "one of which copy.deepcopy makes another, with parameters of its own"
        raise SpecError(
            "model", f"{type(module).__name__}, whose copy shares {shared[0]}", accepted
        )
