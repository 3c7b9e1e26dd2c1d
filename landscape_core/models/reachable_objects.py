"""The objects that a user's network, loss and adapter refer to, as far as their code may use them.

Followed are attributes, containers, closures, default values, hooks, the globals that functions
mention, and the methods and attributes of classes; not what belongs to Python, torch, NumPy or this
package.
"""

import functools
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from torch import Tensor, nn

from landscape_core.models.code_reading import reading
from landscape_core.models.installed import home_of, is_known
from landscape_core.models.loss_function import Weighted
from landscape_core.models.object_parts import CACHED

DEPTH, MOST, LONG = 7, 4000, 1000
"""How many steps are followed, to how many objects, into containers of up to how many entries."""

FOREIGN = frozenset(
    {*sys.stdlib_module_names, "torch", "numpy", "landscape_core", "beartype", "jaxtyping"}
)
"""Packages whose functions and classes are not followed."""

PLAIN = (str, bytes, int, float, complex, type(None), types.ModuleType, types.CodeType)
"""What refers to nothing that code may change, or to too much."""

BLANK = frozenset(vars(nn.Module()))
"""The attributes that every module has."""

CONTAINERS = (list, set, deque, dict)


def reached(*things: Any) -> list[tuple[Any, bool]]:
    """The things and all that they refer to, nearest first; each module with those within.

    Each with whether it is reached through a function or a class, and so shared by all copies.
    """
    found: dict[int, tuple[Any, bool]] = {}
    queue = deque((one, 0, False) for one in things)
    while queue:
        thing, depth, shared = queue.popleft()
        if isinstance(thing, PLAIN) or id(thing) in found:
            continue
        if len(found) >= MOST and not isinstance(thing, nn.Module):
            continue
        shared = shared or isinstance(thing, types.FunctionType | type)
        found[id(thing)] = thing, shared
        if isinstance(thing, nn.Module):
            queue.extendleft((one, depth, shared) for one in thing._modules.values())
        if depth < DEPTH and not isinstance(thing, Tensor | np.ndarray):
            queue.extend((part, depth + 1, shared) for part in _parts(thing))
    return list(found.values())


def is_foreign(thing: Any) -> bool:
    """Whether a function or class belongs to a package that is not followed."""
    return _is_foreign_name(home_of(thing) or "builtins")


def _is_foreign_name(module: str) -> bool:
    return module.partition(".")[0] in FOREIGN


def is_own_class(kind: type) -> bool:
    """Whether a class is the user's own, and of no installed package."""
    return not is_foreign(kind) and not is_known(kind.__module__)


def own_attributes(module: nn.Module) -> list[Any]:
    """The values of the attributes that a module's class has added to those of every module."""
    return [value for name, value in vars(module).items() if name not in BLANK]


def _parts(thing: Any) -> Iterator[Any]:
    """What a thing refers to, one step on."""
    for kind, parts in PARTS:
        if isinstance(thing, kind):
            yield from parts(thing)
            return
    if has_own_attributes(thing):
        yield from _of_object(thing)


def _of_module(module: nn.Module) -> Iterator[Any]:
    yield from own_attributes(module)
    for name in ("_forward_hooks", "_forward_pre_hooks"):
        yield from (vars(module).get(name) or {}).values()
    yield type(module)


def _of_function(function: types.FunctionType) -> Iterator[Any]:
    if is_foreign(function):
        return
    yield from (cell.cell_contents for cell in function.__closure__ or () if is_filled(cell))
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from vars(function).values()
    for name, *names in _looked_up(function.__code__):
        value = function.__globals__.get(name)
        for one in names:
            if not isinstance(value, types.ModuleType):
                break
            value = None if _is_foreign_name(value.__name__) else vars(value).get(one)
        yield value


def _looked_up(code: types.CodeType) -> Iterator[tuple[str, ...]]:
    """The globals that code mentions with the attributes taken from them, also in code within."""
    yield from reading(code).looked_up
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            yield from _looked_up(one)


def _of_container(container: Any) -> Iterator[Any]:
    if len(container) <= LONG:
        yield from container.values() if isinstance(container, dict) else container


def _of_class(kind: type) -> Iterator[Any]:
    for base in kind.__mro__:
        if is_own_class(base):
            yield base
            for name, value in list(vars(base).items()):
                if not name.startswith("__") or isinstance(value, types.FunctionType):
                    yield _function_in(value)


def _function_in(value: Any) -> Any:
    """The function that an entry of a class wraps, or the entry itself."""
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    if isinstance(value, property):
        return value.fget
    return value.func if isinstance(value, functools.cached_property) else value


def has_own_attributes(thing: Any) -> bool:
    """Whether an object may hold what a user's code has put there."""
    return type(thing) is types.SimpleNamespace or not is_foreign(type(thing))


def _of_object(thing: Any) -> Iterator[Any]:
    """What an object of a user's class holds, and its class."""
    yield from getattr(thing, "__dict__", {}).values()
    yield from slots_of(thing).values()
    yield type(thing)


PARTS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (nn.Module, _of_module),
    (types.FunctionType, _of_function),
    (types.MethodType, lambda it: (it.__func__, it.__self__)),
    (functools.partial, lambda it: (it.func, *it.args, *it.keywords.values())),
    (type, _of_class),
    (CACHED, lambda it: (it.__wrapped__,)),
    (Weighted, lambda it: (it.loss_function,)),
    ((list, tuple, set, frozenset, deque, dict), _of_container),
)
"""What objects refer to, by their kinds; of all others it is what they hold as attributes."""


def slots_of(thing: Any) -> dict[str, Any]:
    """What the slots of an object hold, by name."""
    names = [
        name
        for base in type(thing).__mro__
        for name, member in vars(base).items()
        if type(member) is types.MemberDescriptorType and is_own_class(base)
    ]
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)}


def is_filled(cell: types.CellType) -> bool:
    """Whether a variable of a closure has a value yet."""
    try:
        cell.cell_contents  # noqa: B018 - it raises where there is none yet
    except ValueError:
        return False
    return True
