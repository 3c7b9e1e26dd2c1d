"""What things of Python refer to, one step on, and what takes the place of that.

Functions refer to what they close over, their defaults, their attributes and the global variables
that they mention; objects to their attributes and slots. Classes, modules of Python, tensors and
what is implemented in C are not looked into.
"""

import collections
import copy
import functools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch import Tensor

from landscape_core.models.code_reading import mentioned
from landscape_core.models.object_parts import dictionary, held_in, slots

Other = Callable[[Any], Any]
"""From a thing to what takes its place, or the thing itself."""

COLLECTIONS = (dict, list, set, collections.deque)
"""What holds others and can be changed in place."""

LONGEST = 1000
"""Entries up to which a container counts as one that is filled, not as one of constants."""

FIXED = (tuple, frozenset)

BOUND = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)
"""Methods that have been taken from an object."""

CACHED = type(functools.lru_cache(len))

OPAQUE = (
    *(type(None), int, float, complex, str, bytes, bytearray, range, slice),
    *(Tensor, np.ndarray, np.generic, type, types.ModuleType, types.CodeType),
    *(property, staticmethod, classmethod),
)
"""What refers to nothing that is looked into."""

OURS, TORCH = "landscape_core", "torch"


def is_ours(function: types.FunctionType) -> bool:
    """Whether a function is Landscape Lab's own, which refers to no network of a user."""
    return OURS in (_package(function), str(function.__module__).partition(".")[0])


def parts_of(thing: Any) -> Iterator[Any]:
    """What a thing refers to."""
    if type(thing) is dict:
        yield from (*thing.keys(), *thing.values())
    elif isinstance(thing, types.FunctionType):
        yield from _function_parts(thing)
    elif isinstance(thing, (*BOUND, CACHED)):
        yield from (getattr(thing, name, None) for name in ("__self__", "__func__", "__wrapped__"))
    elif isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values(), *vars(thing).values())
    elif isinstance(thing, FIXED):
        yield from thing
    elif not isinstance(thing, (weakref.ref, *OPAQUE)):
        yield from _object_parts(thing)


def rebuilt(thing: Any, other: Other) -> Any:
    """A thing that cannot be changed, made of others; the thing itself if it cannot be made."""
    if isinstance(thing, types.MethodType):
        return types.MethodType(other(thing.__func__), other(thing.__self__))
    if isinstance(thing, BOUND):
        return getattr(other(thing.__self__), thing.__name__, thing)
    if type(thing) is functools.partial:
        given = [other(one) for one in thing.args]
        named = {name: other(one) for name, one in thing.keywords.items()}
        found = functools.partial(other(thing.func), *given, **named)
        vars(found).update({name: other(one) for name, one in vars(thing).items()})
        return found
    if type(thing) is CACHED:
        return functools.lru_cache(**thing.cache_parameters())(other(thing.__wrapped__))
    if isinstance(thing, tuple) and hasattr(thing, "_make"):
        return thing._make(other(one) for one in thing)
    return type(thing)(other(one) for one in thing) if type(thing) in FIXED else thing


def can_be_filled(thing: Any) -> bool:
    """Whether what a thing refers to can be replaced within it."""
    if isinstance(thing, (*OPAQUE, *FIXED, *BOUND, functools.partial)) or type(thing) is CACHED:
        return False
    return type(thing) is not weakref.ref


def shallow(thing: Any) -> Any:
    """Another object of the kind that refers to the same; the thing itself if none can be made."""
    kind = type(thing)
    if hasattr(kind, "__del__"):  # its end would end what both hold
        return thing
    try:
        if isinstance(thing, (*COLLECTIONS, types.SimpleNamespace)):
            found = copy.copy(thing)
            return found if type(found) is kind else thing
        found = object.__new__(kind)
    except Exception:  # of what users write and of what is implemented in C
        return thing
    held, own = _attributes(thing), _attributes(found)
    if held is not None and own is not None:
        own.update(held)
    for member, value in _slotted(thing):
        member.__set__(found, value)
    return found


def same_function(function: types.FunctionType, names: dict[str, Any]) -> types.FunctionType:
    """Another function of the same code, that refers to the same, with these global variables."""
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    for new, old in zip(cells, function.__closure__ or (), strict=True):
        try:
            new.cell_contents = old.cell_contents
        except ValueError:  # nothing yet
            continue
    found = types.FunctionType(
        function.__code__,
        names,
        function.__name__,
        function.__defaults__,
        cells or None,
    )
    found.__kwdefaults__ = dict(function.__kwdefaults__) if function.__kwdefaults__ else None
    found.__qualname__, found.__module__ = function.__qualname__, function.__module__
    found.__doc__, found.__annotations__ = function.__doc__, function.__annotations__
    found.__dict__.update(function.__dict__)
    return found


def fill(thing: Any, other: Other) -> None:
    """Let a thing refer to others, in place."""
    if isinstance(thing, types.FunctionType):
        _fill_function(thing, other)
        return
    _fill_collection(thing, other)
    held = _attributes(thing) or {}
    for name, value in list(held.items()):
        if other(value) is not value:
            held[name] = other(value)
    for member, value in _slotted(thing):
        if other(value) is not value:
            member.__set__(thing, other(value))


def globals_of(function: types.FunctionType) -> dict[str, Any]:
    """The global variables that a function of a user mentions, by name."""
    if is_ours(function) or _package(function) == TORCH:
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
    if is_ours(function) or _package(function) == TORCH:
        return []
    held = [content for _, content in contents_of(function)]
    held += [*(function.__defaults__ or ()), *globals_of(function).values()]
    return [one for one in held if type(one) in COLLECTIONS and len(one) <= LONGEST]


def _package(function: types.FunctionType) -> str:
    return str(function.__globals__.get("__name__", "")).partition(".")[0]


def _function_parts(function: types.FunctionType) -> Iterator[Any]:
    if is_ours(function):
        return
    yield from (content for _, content in contents_of(function))
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from function.__dict__.values()
    yield from globals_of(function).values()


def _object_parts(thing: Any) -> Iterator[Any]:
    if isinstance(thing, dict):
        yield from (*thing.keys(), *thing.values())
    elif isinstance(thing, COLLECTIONS):
        yield from list(thing)
    yield from list((_attributes(thing) or {}).values())
    yield from (value for _, value in _slotted(thing))


def _attributes(thing: Any) -> dict[str, Any] | None:
    """The dictionary of an object's attributes, if there is one."""
    if isinstance(thing, types.SimpleNamespace):
        return vars(thing)
    return dictionary(thing) if type(thing).__dictoffset__ else None


def _slotted(thing: Any) -> Iterator[tuple[types.MemberDescriptorType, Any]]:
    """The slots of an object that hold something."""
    for member in slots(type(thing)):
        yield from ((member, value) for value in held_in(member, thing))


def _fill_function(function: types.FunctionType, other: Other) -> None:
    for cell, content in contents_of(function):
        cell.cell_contents = other(content)
    if function.__defaults__:
        function.__defaults__ = tuple(other(one) for one in function.__defaults__)
    for held in (function.__kwdefaults__ or {}, function.__dict__):
        for name, value in list(held.items()):
            held[name] = other(value)


def _fill_collection(thing: Any, other: Other) -> None:
    if isinstance(thing, dict):
        _fill_mapping(thing, other)
        return
    if not isinstance(thing, COLLECTIONS):
        return
    entries = [other(one) for one in thing]
    if all(one is before for one, before in zip(entries, thing, strict=True)):
        return
    if isinstance(thing, list):
        thing[:] = entries
        return
    thing.clear()
    thing.extend(entries) if isinstance(thing, collections.deque) else thing.update(entries)


def _fill_mapping(thing: dict[Any, Any], other: Other) -> None:
    """Replace values, and keys with all behind them, so that the order stays."""
    kind = collections.OrderedDict if isinstance(thing, collections.OrderedDict) else dict
    entries = list(thing.items())
    if any(other(key) is not key for key, _ in entries):
        kind.clear(thing)
    for key, value in entries:
        kind.__setitem__(thing, other(key), other(value))
