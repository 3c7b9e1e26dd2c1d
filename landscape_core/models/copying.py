"""Copies of a user's network, loss and adapter that refer to each other as the originals do.

`copy.deepcopy` leaves functions as they are. One that refers to the network, say a penalty on its
weights, would then go on to read the original, which no plane moves.
"""

import copy
import functools
import types
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")
Memo = dict[Any, Any]

DEEP = 8
"""How far functions that refer to functions are followed."""


def copied(thing: T) -> T:
    """A copy, tensors that were computed, which torch refuses to copy, as plain values."""
    return copied_together(thing)[0]


def copied_together(*things: Any) -> tuple[Any, ...]:
    """Copies of modules first, then of functions and other things; what they share stays shared.

    What cannot be copied, an open file for one, is the thing itself.
    """
    memo: Memo = {}
    modules = [part for one in things if isinstance(one, nn.Module) for part in one.modules()]
    for tensor in _computed(modules):
        memo[id(tensor)] = tensor.detach().clone()
    order = sorted(range(len(things)), key=lambda i: not isinstance(things[i], nn.Module))
    found = {i: _copy(things[i], memo) for i in order}
    for one in found.values():
        if isinstance(one, nn.Module):
            _rebind_attributes(one, memo)
    return tuple(found[i] for i in range(len(things)))


def _computed(modules: list[nn.Module]) -> Iterator[Tensor]:
    """Tensors that modules hold and that autograd has computed."""
    for module in modules:
        for value in vars(module).values():
            some = value if isinstance(value, list | tuple) else [value]
            some = list(value.values()) if type(value) is dict else some
            yield from (one for one in some if isinstance(one, Tensor) and one.grad_fn is not None)


def _copy(thing: Any, memo: Memo) -> Any:
    if isinstance(thing, types.FunctionType):
        return _rebound(thing, memo, DEEP)
    if type(thing) is functools.partial:
        given = _deep((thing.args, thing.keywords), memo)
        return functools.partial(_copy(thing.func, memo), *given[0], **given[1])
    if isinstance(thing, nn.Module):
        return _module(thing, memo)
    return _deep(thing, memo)


def _module(module: nn.Module, memo: Memo) -> nn.Module:
    with torch.no_grad():  # scripted modules would be copied with the way to the original
        found = copy.deepcopy(module, memo)
    for one, own in zip(module.parameters(), found.parameters(), strict=True):
        if own.requires_grad != one.requires_grad:
            own.requires_grad_(one.requires_grad)
    return found


def _deep(thing: Any, memo: Memo) -> Any:
    slots = [name for kind in type(thing).__mro__ for name in vars(kind).get("__slots__", ())]
    if len(slots) > len(set(slots)):  # of two under one name Python copies one
        return thing
    try:
        return copy.deepcopy(thing, memo)
    except Exception:  # users may hold anything
        return thing


def _rebind_attributes(module: nn.Module, memo: Memo) -> None:
    """Let the functions that modules hold as attributes and hooks refer to the copies."""
    for part in module.modules():
        holders = [vars(part), *(v for n, v in vars(part).items() if n.endswith("_hooks"))]
        for holder in holders:
            for name, value in list(holder.items()):
                if isinstance(value, types.FunctionType):
                    holder[name] = _rebound(value, memo, DEEP)


def _rebound(function: types.FunctionType, memo: Memo, depth: int) -> types.FunctionType:
    """The function, with copies in the place of what was copied that it refers to."""
    if depth == 0 or (function.__module__ or "").partition(".")[0] in ("torch", "landscape_core"):
        return function
    cells = {i: _content(cell) for i, cell in enumerate(function.__closure__ or ())}
    held = {i: _other(one, memo, depth) for i, one in cells.items()}
    names = {name for name in _mentioned(function.__code__) if name in function.__globals__}
    known = {name: _other(function.__globals__[name], memo, depth) for name in names}
    changed = {n: new for n, new in known.items() if new is not function.__globals__[n]}
    if not changed and all(held[i] is cells[i] for i in held):
        return function
    closure = tuple(
        types.CellType(held[i]) if held[i] is not cells[i] else cell
        for i, cell in enumerate(function.__closure__ or ())
    )
    names_there = {**function.__globals__, **changed} if changed else function.__globals__
    found = types.FunctionType(
        function.__code__, names_there, function.__name__, function.__defaults__, closure or None
    )
    found.__kwdefaults__, found.__qualname__ = function.__kwdefaults__, function.__qualname__
    found.__dict__.update(function.__dict__)
    return found


def _other(thing: Any, memo: Memo, depth: int) -> Any:
    """What a copied function refers to in the place of a thing: its copy, if there is one."""
    if id(thing) in memo:
        return memo[id(thing)]
    if isinstance(thing, types.FunctionType):
        return _rebound(thing, memo, depth - 1)
    if type(thing) in (list, tuple, dict):
        values = thing.values() if isinstance(thing, dict) else thing
        return _deep(thing, memo) if any(id(one) in memo for one in values) else thing
    return thing


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return None


def _mentioned(code: types.CodeType) -> set[str]:
    """The names that code mentions, functions within it included."""
    within = (_mentioned(one) for one in code.co_consts if isinstance(one, types.CodeType))
    return set(code.co_names).union(*within)
