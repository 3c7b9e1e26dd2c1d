"""Functions as a digest of content tells them: their code, with all that it refers to."""

import builtins
import functools
import importlib.util
import os
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

from landscape_core.foundation.errors import SpecError
from landscape_core.models.code_reading import Import, mentioned, reading
from landscape_core.models.content_digest import DIGESTIBLE, SUBJECT, ContentDigest, Unmade
from landscape_core.models.content_installed import (
    MISSING,
    add_name,
    hand_on,
    is_code_of_package,
    taken_of_installed,
)
from landscape_core.models.installed import (
    comes_installed,
    is_installed,
    is_installed_module,
    package_mark,
)
from landscape_core.models.object_parts import administers
from landscape_core.models.pure_modules import is_pure_module, is_pure_name

_dispatching: Any = functools.singledispatch(len)
BY_KIND: types.CodeType = _dispatching.__code__
"""The code of every function that `functools.singledispatch` makes."""

BY_NAME = {
    *("getattr", "vars", "__dict__", "attrgetter", "methodcaller", "__getattribute__"),
    "getmembers",
}
"""What code says that takes something by a name which need not stand in it."""

NO_CONTENT = {
    *("__doc__", "__annotations__", "__code__", "__file__", "get_type_hints", "_getframe"),
    *("__globals__", "__builtins__", "__loader__", "__spec__", "__self__", "__subclasses__"),
    *("f_globals", "f_locals", "f_back", "f_builtins", "gi_frame", "cr_frame", "tb_frame"),
    *("__traceback__", "cache_info", "cache_clear"),
}
"""What says how and where code is written, or leads to everything else."""

FROM_FILE = {
    *("read_text", "read_bytes", "getsource", "from_file", "from_pretrained"),
    "load_from_checkpoint",
}
"""Methods that read files, whose content is nowhere in the code."""

UNTOLD = FROM_FILE | NO_CONTENT


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
    own = not is_code_of_package(function)
    with content.referred(by_user=own):
        _add_code(content, code, function.__globals__)
    if "__class__" in held:  # of which `super()` alone asks
        held["__class__"] = Unmade(held["__class__"])
    told = {name: v for name, v in vars(function).items() if not administers(name, v)}
    with content.referred(by_user=own or content.by_user):
        content.add(function.__defaults__, function.__kwdefaults__, held, told)


def add_module_of_python(content: ContentDigest, module: types.ModuleType) -> None:
    """Add a module by its name; what code may take out of the user's is added in the end."""
    content.word(module.__name__)
    content.word(package_mark(module.__name__))
    if is_installed_module(module):
        hand_on(content, module)
    else:
        content.modules[module.__name__] = module


def add_what_is_left(content: ContentDigest) -> None:
    """Add what code may take out of the modules that are handed on, until nothing new is met."""
    while left := _left(content):
        for module, name in left:
            content.taken.add((module, name))
            if module in content.installed:
                _add_taken(content, content.installed[module], name)
            else:
                content.add(module, name, vars(content.modules[module])[name])


def takes_by_any_name(content: ContentDigest) -> bool:
    """Whether code takes something by a name that need not stand in it."""
    return not BY_NAME.isdisjoint(content.mentioned)


def _left(content: ContentDigest) -> list[tuple[str, str]]:
    """What code may take out of the modules that are handed on, and is not added yet."""
    everything = takes_by_any_name(content)
    if everything and content.installed:
        told = f"code that asks for something of {min(content.installed)} by its name"
        raise SpecError(SUBJECT, told, DIGESTIBLE)
    return [
        (module, name)
        for module in sorted(content.modules)
        for name in sorted(vars(content.modules[module]))
        if (name in content.mentioned or (everything and not name.startswith("__")))
        if (module, name) not in content.taken and not administers(name, None)
    ] + [
        (module, name)
        for module in sorted(content.installed)
        for name in sorted(vars(content.installed[module]).keys() & content.mentioned)
        if (module, name) not in content.taken and not name.startswith("__")
    ]


def _add_taken(content: ContentDigest, module: types.ModuleType, name: str) -> None:
    """Add what code may take out of an installed module that is handed on."""
    content.word(f"{module.__name__}.{name}")
    with content.referred(by_user=True):
        value = _taken_out(content, module, name)
        if value is not MISSING:
            content.add(value)


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
        raise SpecError(SUBJECT, f"code that asks for {min(untold)}", DIGESTIBLE)
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
        if first in UNTOLD or (content.by_user and not is_pure_name("builtins", first)):
            raise SpecError(SUBJECT, f"code that calls {first}", DIGESTIBLE)
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
    if is_installed_module(module) and not isinstance(value, types.ModuleType):
        return taken_of_installed(content, module, name, value)
    return value


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
        if content.by_user and not is_pure_module(name):
            raise SpecError(SUBJECT, f"code that imports {name}", DIGESTIBLE)
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
