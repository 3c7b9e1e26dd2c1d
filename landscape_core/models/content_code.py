"""Functions as a digest of content tells them: their code, with all that it refers to."""

import builtins
import functools
import importlib.util
import os
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.code_reading import Import, mentioned, reading
from landscape_core.models.content_digest import SUBJECT, TOLD, ContentDigest
from landscape_core.models.content_values import PLAIN
from landscape_core.models.installed import (
    comes_installed,
    is_installed,
    is_installed_module,
    package_mark,
)
from landscape_core.models.object_parts import administers

_dispatching: Any = functools.singledispatch(len)
BY_KIND: types.CodeType = _dispatching.__code__
"""The code of every function that `functools.singledispatch` makes."""

BY_NAME = {"getattr", "vars", "__dict__", "attrgetter", "__getattribute__", "getmembers"}
"""What code says that takes something by a name which need not stand in it."""

READING = {"open", "eval", "exec", "globals", "__import__", "input"}
"""Functions of Python by which code reaches what it does not name."""

NO_CONTENT = {"__doc__", "__annotations__", "__code__", "__file__", "get_type_hints", "_getframe"}
"""What tells how and where code is written."""

FILES = (np.load, np.loadtxt, np.genfromtxt, np.fromfile, np.memmap, torch.load)
FROM_FILE = {"read_text", "read_bytes", "getsource"}
"""What reads files, whose content is nowhere in the code."""

UNTOLD = FROM_FILE | NO_CONTENT

MISSING = object()


def add_name(content: ContentDigest, thing: Any) -> None:
    """Add the name of a function or class, and what changes with the package it comes from."""
    content.word(f"{thing.__module__}.{thing.__qualname__}")
    if isinstance(thing.__module__, str):
        content.word(package_mark(thing.__module__))


def add_function(content: ContentDigest, function: types.FunctionType) -> None:
    """Add a function: what is installed by its name, all others by code, closure and defaults.

    Raises:
        SpecError: its code asks for what no key tells, for instance the content of a file.
    """
    if is_installed(function):
        add_name(content, function)
        if function is os.getenv:
            content.add_inner(os.environ)
        return
    if function.__code__ is BY_KIND:
        content.add_inner(dict(vars(function)["registry"]))
        return
    code = function.__code__
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    held = {name: value for name, cell in cells.items() for value in _contents(cell)}
    content.mentioned |= dict.fromkeys(sorted(mentioned(code)))
    _add_code(content, code, function.__globals__)
    told = {name: v for name, v in vars(function).items() if not administers(name, v)}
    content.add(function.__defaults__, function.__kwdefaults__, held, told)


def add_module_of_python(content: ContentDigest, module: types.ModuleType) -> None:
    """Add a module by its name; what code may take out of one's own is added in the end."""
    content.word(module.__name__)
    content.word(package_mark(module.__name__))
    if not is_installed_module(module):
        content.modules[module.__name__] = module


def add_what_is_left(content: ContentDigest) -> None:
    """Add what code may take out of the modules that are handed on, until nothing new is met."""
    while left := _left(content):
        for module, name in left:
            content.taken.add((module, name))
            content.add(module, name, vars(content.modules[module])[name])


def takes_by_any_name(content: ContentDigest) -> bool:
    """Whether code takes something by a name that need not stand in it."""
    return not BY_NAME.isdisjoint(content.mentioned)


def _left(content: ContentDigest) -> list[tuple[str, str]]:
    """What code may take out of the modules that are handed on, and is not added yet."""
    everything = takes_by_any_name(content)
    return [
        (module, name)
        for module in sorted(content.modules)
        for name in sorted(vars(content.modules[module]))
        if (name in content.mentioned or (everything and not name.startswith("__")))
        if (module, name) not in content.taken and not administers(name, None)
    ]


def _add_code(content: ContentDigest, code: types.CodeType, names: dict[str, Any]) -> None:
    read = reading(code)
    content.word(read.steps)
    content.word(str(len(read.constants)))
    for constant in read.constants:
        if isinstance(constant, types.CodeType):
            _add_code(content, constant, names)
        else:
            content.add_inner(constant)
    if untold := UNTOLD & read.attributes:
        raise SpecError(SUBJECT, f"code that asks for {min(untold)}", TOLD)
    for chain in read.looked_up:
        _add_looked_up(content, chain, names)
    for one in read.imports:
        _add_imported(content, one, names)


def _add_looked_up(content: ContentDigest, chain: Sequence[str], names: Mapping[str, Any]) -> None:
    """Add what code takes by a global name, out of modules as `a.b.c`."""
    first, *rest = chain
    value = names.get(first, MISSING)
    content.word(first)
    if value is MISSING:
        if first in READING | UNTOLD:
            raise SpecError(SUBJECT, f"code that calls {first}", TOLD)
        value = vars(builtins).get(first, MISSING)
        if is_installed(value):
            return
    while isinstance(value, types.ModuleType) and rest:
        name = rest.pop(0)
        content.word(f"{value.__name__}.{name}")
        value = _taken_out(content, value, name)
    if value is not MISSING:
        content.add_inner(value)


def _taken_out(content: ContentDigest, module: types.ModuleType, name: str) -> Any:
    """What a module gives under a name; nothing more where its name tells it."""
    value = vars(module).get(name, MISSING)
    if value is MISSING and "__getattr__" in vars(module) and not is_installed_module(module):
        return vars(module)["__getattr__"]
    if any(value is one for one in FILES):
        raise SpecError(SUBJECT, f"code that calls {module.__name__}.{name}", TOLD)
    if is_installed_module(module) and not isinstance(value, types.ModuleType):
        content.word(package_mark(module.__name__))
        return value if _may_differ(value) else MISSING
    return value


def _may_differ(value: Any) -> bool:
    """Whether what an installed module holds need not be its own, or tells of this machine."""
    if value is os.getenv or value is os.environ or isinstance(value, (*PLAIN, Tensor, np.ndarray)):
        return True
    return isinstance(value, types.FunctionType | type) and not is_installed(value)


def _add_imported(content: ContentDigest, one: Import, names: Mapping[str, Any]) -> None:
    """Add what code imports when it runs.

    Raises:
        SpecError: a module of the user's own that was not imported yet.
    """
    name = f"{'.' * one.level}{one.name}"
    if one.level:
        name = importlib.util.resolve_name(name, names.get("__package__") or "")
    content.word(name)
    module = sys.modules.get(name)
    if module is None:
        if not comes_installed(name):
            raise SpecError(SUBJECT, f"code that imports {name}", "imported beforehand")
    elif one.taken:
        for taken in one.taken:
            value = sys.modules.get(f"{name}.{taken}") or _taken_out(content, module, taken)
            if value is not MISSING:
                content.add_inner(value)
    else:
        content.add(module, sys.modules.get(name.partition(".")[0]))


def _contents(cell: types.CellType) -> tuple[Any, ...]:
    """What a cell holds, if anything yet."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()
