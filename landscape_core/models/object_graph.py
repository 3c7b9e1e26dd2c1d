"""What things of Python refer to, one step on: the graph that a user's code spans.

Functions refer to what they close over, their defaults, their attributes and the global variables
that they mention; objects to their attributes and slots. Modules of Python, tensors and what is
implemented in C are not looked into. Two searches go along this graph, in a scope each: for what
leads to a network that is copied, and for what a user's code may change.
"""

import collections
import functools
import sys
import types
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from landscape_core.models.code_reading import mentioned, reading
from landscape_core.models.installed import home_of, is_known
from landscape_core.models.loss_function import Weighted
from landscape_core.models.object_parts import CACHED, dictionary, held_in, slots

COLLECTIONS = (dict, list, set, collections.deque)
"""What holds others and can be changed in place."""

FIXED = (tuple, frozenset)

BOUND = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)
"""Methods that have been taken from an object."""

OPAQUE = (
    *(type(None), int, float, complex, str, bytes, bytearray, range, slice),
    *(Tensor, np.ndarray, np.generic, type, types.ModuleType, types.CodeType),
    *(property, staticmethod, classmethod, weakref.ref),
)
"""What refers to nothing that is looked into."""

LONGEST = 1000
"""Entries up to which a container counts as one that is filled, not as one of constants."""

FOREIGN = frozenset(
    {*sys.stdlib_module_names, "torch", "numpy", "landscape_core", "beartype", "jaxtyping"}
)
"""Packages whose objects and classes hold nothing of a user's that changes."""

BLANK = frozenset(vars(nn.Module()))
"""The attributes that every module has."""

HOOKS = ("_forward_hooks", "_forward_pre_hooks")


@dataclass(frozen=True)
class Scope:
    """Into what a search looks.

    `foreign`: into objects of installed packages, too; `classes`: into the classes of a user's own
    and the modules of Python that their code names; `longest`: into containers of so many entries.
    """

    foreign: bool
    classes: bool
    longest: int


EVERYTHING = Scope(foreign=True, classes=False, longest=sys.maxsize)
"""For what leads to a thing: something can be put in its place wherever it is referred to."""

CHANGEABLE = Scope(foreign=False, classes=True, longest=LONGEST)
"""For what a user's code may change: what belongs to an installed package is not its own."""


def is_ours(function: types.FunctionType) -> bool:
    """Whether a function is Landscape Lab's own, which refers to no network of a user."""
    return _package(home_of(function)) == "landscape_core"


def is_foreign(thing: Any) -> bool:
    """Whether a function or class belongs to a package that holds nothing of a user's."""
    return _package(home_of(thing) or "builtins") in FOREIGN


def is_own_class(kind: type) -> bool:
    """Whether a class is the user's own, and of no installed package."""
    return not is_foreign(kind) and not is_known(kind.__module__)


def is_own_object(thing: Any) -> bool:
    """Whether an object may hold what a user's code has put there."""
    return type(thing) in (types.SimpleNamespace, Weighted) or not is_foreign(type(thing))


def parts_of(thing: Any, scope: Scope = EVERYTHING) -> Iterator[Any]:
    """What a thing refers to."""
    if type(thing) is dict:
        yield from _entries(thing, scope)
    elif isinstance(thing, types.FunctionType):
        yield from _function_parts(thing, scope)
    elif isinstance(thing, (*BOUND, CACHED)):
        yield from (getattr(thing, name, None) for name in ("__self__", "__func__", "__wrapped__"))
    elif isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values(), *vars(thing).values())
    elif isinstance(thing, FIXED):
        yield from thing if len(thing) <= scope.longest else ()
    elif scope.classes and isinstance(thing, type | nn.Module):
        yield from _class_parts(thing) if isinstance(thing, type) else _module_parts(thing)
    elif not isinstance(thing, OPAQUE):
        yield from _object_parts(thing, scope)


def globals_of(function: types.FunctionType) -> dict[str, Any]:
    """The global variables that a function of a user mentions, also as text, by name."""
    if _package(home_of(function)) in ("landscape_core", "torch"):
        return {}
    known = function.__globals__
    return {name: known[name] for name in mentioned(function.__code__) if name in known}


def contents_of(function: types.FunctionType) -> Iterator[tuple[types.CellType, Any]]:
    """The cells that a function closes over, with what they hold."""
    for cell in function.__closure__ or ():
        try:
            yield cell, cell.cell_contents
        except ValueError:  # nothing yet
            continue


def containers_of(function: types.FunctionType) -> list[Any]:
    """The lists, dictionaries and sets that a function of a user may fill."""
    if _package(home_of(function)) in ("landscape_core", "torch"):
        return []
    held = [content for _, content in contents_of(function)]
    held += [*(function.__defaults__ or ()), *globals_of(function).values()]
    return [one for one in held if type(one) in COLLECTIONS and len(one) <= LONGEST]


def attributes_of(thing: Any) -> dict[str, Any] | None:
    """The dictionary of an object's attributes, if there is one."""
    if isinstance(thing, types.SimpleNamespace):
        return vars(thing)
    return dictionary(thing) if type(thing).__dictoffset__ else None


def slotted(thing: Any) -> Iterator[tuple[types.MemberDescriptorType, Any]]:
    """The slots of an object that hold something."""
    for member in slots(type(thing)):
        yield from ((member, value) for value in held_in(member, thing))


def _package(module: str) -> str:
    return module.partition(".")[0]


def _entries(container: Any, scope: Scope) -> tuple[Any, ...]:
    if len(container) > scope.longest:
        return ()
    pairs = isinstance(container, dict)
    return (*container.keys(), *container.values()) if pairs else tuple(container)


def _function_parts(function: types.FunctionType, scope: Scope) -> Iterator[Any]:
    if is_ours(function):
        return
    if is_foreign(function) and not scope.foreign:  # perhaps a decorator's, around a user's own
        yield function.__dict__.get("__wrapped__")
        return
    yield from (content for _, content in contents_of(function))
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from function.__dict__.values()
    yield from _named(function) if scope.classes else globals_of(function).values()


def _named(function: types.FunctionType) -> Iterator[Any]:
    """What a function's code names: global variables, and what is taken from modules of Python."""
    for name, *names in _looked_up(function.__code__):
        value = function.__globals__.get(name)
        for one in names:
            if not isinstance(value, types.ModuleType):
                break
            foreign = _package(value.__name__) in FOREIGN
            value = None if foreign else vars(value).get(one)
        yield value


def _looked_up(code: types.CodeType) -> Iterator[tuple[str, ...]]:
    """The globals that code mentions with the attributes taken from them, also in code within."""
    yield from reading(code).looked_up
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            yield from _looked_up(one)


def _module_parts(module: nn.Module) -> Iterator[Any]:
    """What a class has added to the attributes of every module, the hooks, and the class."""
    yield from (value for name, value in vars(module).items() if name not in BLANK)
    for name in HOOKS:
        yield from (vars(module).get(name) or {}).values()
    yield type(module)


def _class_parts(kind: type) -> Iterator[Any]:
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


def _object_parts(thing: Any, scope: Scope) -> Iterator[Any]:
    if isinstance(thing, COLLECTIONS):
        yield from _entries(thing, scope)
    if scope.foreign or is_own_object(thing):
        yield from list((attributes_of(thing) or {}).values())
        yield from (value for _, value in slotted(thing))
        yield from (type(thing),) if scope.classes else ()
