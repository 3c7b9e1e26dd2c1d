"""What an object is made of, where all of its state is known."""

import array
import collections
import datetime
import decimal
import functools
import logging
import operator
import os
import pathlib
import re
import struct
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

POINTER = struct.calcsize("P")

FIELD = type(vars(collections.namedtuple("One", "field"))["field"])
"""What gives a field of a named tuple."""

CACHED = type(functools.lru_cache(len))
"""What `functools.lru_cache` makes of a function."""

WRITTEN = {
    *("__module__", "__name__", "__qualname__", "__doc__", "__firstlineno__", "__type_params__"),
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    *("__slots__", "__static_attributes__", "__classdictcell__", "__match_args__", "__dict__"),
    *("__dataclass_fields__", "__dataclass_params__", "__orig_bases__", "__parameters__"),
    *("__abstractmethods__", "_abc_impl", "__weakref__"),
    *("_backward_cls", "_autograd_function_id"),
    *("_value2member_map_", "_hashable_values_", "_unhashable_values_", "_unhashable_values_map_"),
}
"""What Python writes into the body of a class or the attributes of a function."""

DATES = (datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone)
PATHS = (pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath)

ASKING: dict[type, tuple[str, ...]] = {
    logging.Logger: (
        *("level", "getEffectiveLevel", "isEnabledFor", "handlers", "hasHandlers", "disabled"),
        *("propagate", "parent", "root", "manager", "filters", "getChild"),
    ),
    **dict.fromkeys(
        (pathlib.Path, pathlib.PurePath, *PATHS),
        (
            *("open", "stat", "lstat", "exists", "is_file", "is_dir", "iterdir", "glob", "rglob"),
            *("walk", "resolve", "absolute", "expanduser", "home", "cwd", "samefile", "readlink"),
            *("owner", "group", "is_mount", "is_symlink", "read_text", "read_bytes"),
        ),
    ),
    **dict.fromkeys(DATES, ("now", "today", "utcnow", "astimezone", "fromtimestamp", "timestamp")),
}
"""By which names objects of these classes ask files, the clock or settings."""

Parts = Callable[[Any], tuple[Any, ...]]

PARTS: dict[type, Parts] = {
    functools.partial: lambda it: (it.func, it.args, it.keywords, vars(it)),
    functools.partialmethod: lambda it: (it.func, it.args, it.keywords, vars(it)),
    # With __wrapped__, from which follows what it remembers.
    CACHED: lambda it: ({k: v for k, v in vars(it).items() if not administers(k, v)},),
    property: lambda it: (it.fget, it.fset, it.fdel),
    functools.cached_property: lambda it: (it.func, it.attrname),
    slice: lambda it: (it.start, it.stop, it.step),
    bytearray: lambda it: (bytes(it),),
    collections.deque: lambda it: (list(it), it.maxlen),
    array.array: lambda it: (it.typecode, it.tobytes()),
    decimal.Decimal: lambda it: (str(it), decimal_context()),
    type(os.environ): lambda it: (dict(it),),
    re.Pattern: lambda it: (it.pattern, it.flags),
    logging.Logger: lambda it: (it.name,),  # which tells, and changes nothing
    types.MethodType: lambda it: (it.__func__, it.__self__),
    types.MappingProxyType: lambda it: (dict(it),),
    types.SimpleNamespace: lambda it: (vars(it),),
    FIELD: lambda it: (it.__reduce__()[1][0],),
    **dict.fromkeys(
        (operator.itemgetter, operator.attrgetter, operator.methodcaller),
        lambda it: tuple(it.__reduce__()),
    ),
    **dict.fromkeys(DATES, lambda it: tuple(it.__reduce__())),
    **dict.fromkeys((staticmethod, classmethod), lambda it: (it.__func__,)),
    **dict.fromkeys(
        (types.BuiltinFunctionType, types.MethodWrapperType),
        lambda it: (getattr(it, "__module__", None), it.__qualname__, _bound_to(it)),
    ),
    **dict.fromkeys(
        (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType),
        lambda it: (it.__objclass__, it.__name__),
    ),
    **dict.fromkeys(PATHS, lambda it: (str(it),)),
}
"""What objects that are implemented in C, or remember what was asked, are made of, by type."""


def parts(thing: Any) -> tuple[Any, ...] | None:
    """What an object of a known type is made of; None for all others."""
    if type(thing) is np.ufunc:  # one that was made by `frompyfunc` is nowhere in a package
        name = str(thing.__name__)
        homes = (np, sys.modules.get("scipy.special"))
        return (name,) if any(getattr(one, name, None) is thing for one in homes) else None
    made_of = PARTS.get(type(thing))
    return made_of(thing) if made_of else None


def _bound_to(function: Any) -> Any:
    """What a function in C is a method of; the name of the module that it belongs to."""
    held = function.__self__
    return held.__name__ if isinstance(held, types.ModuleType) else held


def decimal_context() -> tuple[Any, ...]:
    """On what decimal arithmetic depends besides its numbers."""
    now = decimal.getcontext()
    return now.prec, now.rounding, now.Emin, now.Emax, now.clamp


def own_state(thing: Any) -> list[Any] | None:
    """The attributes and slots of an object; None if it may have more state than these.

    Python decides by it whether it can copy an object: it is no larger than its declared parts.
    """
    kind = type(thing)
    members = slots(kind)
    told = len(members) + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    if kind.__itemsize__ or kind.__basicsize__ > object.__basicsize__ + POINTER * told:
        return None
    return attributes(thing)


def attributes(thing: Any) -> list[Any] | None:
    """What an object's slots and its dictionary hold; None if a class hides the dictionary."""
    found: list[Any] = [
        (f"{member.__objclass__.__qualname__}.{member.__name__}", value)
        for member in slots(type(thing))
        for value in held_in(member, thing)
    ]
    if type(thing).__dictoffset__:
        held = dictionary(thing)
        if held is None:
            return None
        found.append(held)
    return found


def administers(name: str, value: Any) -> bool:
    """Whether an entry of a class's body is Python's own: where it is, and what it is called."""
    kinds = (types.MemberDescriptorType, types.GetSetDescriptorType)
    return type(value) in kinds or name in WRITTEN


def slots(kind: type) -> list[types.MemberDescriptorType]:
    """The slots that the classes of Python behind a class declare."""
    if kind.__mro__ == (kind, object) and "__slots__" not in vars(kind):
        return []
    return [
        member
        for base in kind.__mro__
        if "__slots__" in vars(base)  # what C declares need not be all it has
        for member in vars(base).values()
        if type(member) is types.MemberDescriptorType
    ]


def held_in(member: types.MemberDescriptorType, thing: Any) -> tuple[Any, ...]:
    """What a slot holds, if anything yet."""
    try:
        return (member.__get__(thing),)
    except AttributeError:
        return ()


def dictionary(thing: Any) -> dict[str, Any] | None:
    """An object's dictionary itself, whatever its class gives under that name."""
    for base in type(thing).__mro__:
        found = vars(base).get("__dict__")
        if type(found) is types.GetSetDescriptorType:
            held: dict[str, Any] = found.__get__(thing)
            return held
        if found is not None:
            return None
    return None
