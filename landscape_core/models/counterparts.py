"""Counterparts of things of Python: they refer to others in the place of what these refer to.

What can be changed in place is filled, of what cannot another one is made.
"""

import collections
import copy
import functools
import types
from collections.abc import Callable
from typing import Any

from landscape_core.models.object_graph import (
    BOUND,
    COLLECTIONS,
    FIXED,
    OPAQUE,
    attributes_of,
    contents_of,
    slotted,
)
from landscape_core.models.object_parts import CACHED

Other = Callable[[Any], Any]
"""From a thing to what takes its place, or the thing itself."""


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
    fixed = isinstance(thing, (*OPAQUE, *FIXED, *BOUND, functools.partial))
    return not fixed and type(thing) is not CACHED


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
    held, own = attributes_of(thing), attributes_of(found)
    if held is not None and own is not None:
        own.update(held)
    for member, value in slotted(thing):
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
    held = attributes_of(thing) or {}
    for name, value in list(held.items()):
        if other(value) is not value:
            held[name] = other(value)
    for member, value in slotted(thing):
        if other(value) is not value:
            member.__set__(thing, other(value))


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
