"""What belongs to Python or to an installed package, and so is identified by its name."""

import importlib.machinery
import importlib.util
import sys
import sysconfig
import time
import types
import uuid
from pathlib import Path
from typing import Any

from landscape_core.foundation.recipes import once

INSTALLED = {
    *("torch", "numpy", "builtins", "math", "landscape_core"),
    *("abc", "collections", "enum", "functools", "operator", "types", "typing"),
}
"""Packages whose functions and classes are identified by their names."""

MAIN = "__main__"
"""The module of what is typed, and of the program itself."""

EXTENSIONS = tuple(importlib.machinery.EXTENSION_SUFFIXES)
"""What the names of modules in C end with."""

LOADED = time.time_ns()
"""When this was imported."""

STANDARD = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
PACKAGES = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
"""Folders of Python, and of the packages that are installed."""


def is_installed(thing: Any) -> bool:
    """Whether a function or class belongs to Python or a package, and its name leads to it.

    The name of a function made by another function does not.
    """
    module = getattr(thing, "__module__", None)
    if not isinstance(module, str) or not is_known(module):
        return False
    if isinstance(thing, type) and not is_made(thing):
        return True  # by C, under a name that need not be that of its place
    found: Any = sys.modules.get(module)
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is thing


def is_installed_module(module: types.ModuleType) -> bool:
    """Whether a module belongs to Python or a package, rather than to the user."""
    if module.__name__.partition(".")[0] in INSTALLED:
        return True
    if module.__name__ == MAIN:  # wherever the program lies that runs a notebook
        return False
    origin = _origin(module)
    return origin is not None and _is_known_place(origin)


def comes_installed(name: str) -> bool:
    """Whether a module that is not loaded would come from Python or a package, or is not there."""
    top = name.partition(".")[0]
    spec = importlib.util.find_spec(top)
    origin = getattr(spec, "origin", None)
    return spec is None or top in INSTALLED or (origin is not None and _is_known_place(origin))


def package_mark(module: str) -> str:
    """What changes when the package of a module is installed anew; empty if names identify it.

    That is the size and time of each of its files in Python, and of a module in C of the user's.
    """
    top = module.partition(".")[0]
    own, package = sys.modules.get(module), sys.modules.get(top)
    if top in INSTALLED or own is None or package is None:
        return ""
    place, origin = _origin(own) or "", _origin(package) or ""
    if module != MAIN and _is_packaged(origin):
        return _mark(tuple(vars(package).get("__path__", (origin,))))
    return _mark((place,)) if place.endswith(EXTENSIONS) and not _is_pythons(place) else ""


def is_made(kind: type) -> bool:
    """Whether a class was made while Python ran."""
    return bool(kind.__flags__ & (1 << 9))  # Py_TPFLAGS_HEAPTYPE


def home_of(thing: Any) -> str:
    """The module that a function, a class or an object belongs to; empty if there is none.

    A function belongs where its code is: `functools.wraps` gives it the name of another.
    """
    if isinstance(thing, types.FunctionType):
        return str(thing.__globals__.get("__name__") or "")
    return str(getattr(thing, "__module__", None) or "")


def is_known(module: str) -> bool:
    """Whether a module of this name belongs to Python or to an installed package."""
    found = sys.modules.get(module)
    if module.partition(".")[0] in INSTALLED:
        return True
    return isinstance(found, types.ModuleType) and is_installed_module(found)


def _origin(module: types.ModuleType) -> str | None:
    return getattr(vars(module).get("__spec__"), "origin", None) or vars(module).get("__file__")


def _is_known_place(origin: str) -> bool:
    return _is_pythons(origin) or _is_packaged(origin)


@once
def _is_packaged(origin: str) -> bool:
    return any(Path(origin).is_relative_to(folder) for folder in PACKAGES)


@once
def _is_pythons(origin: str) -> bool:
    within = any(Path(origin).is_relative_to(folder) for folder in STANDARD)
    return origin in ("built-in", "frozen") or (within and not _is_packaged(origin))


@once
def _mark(places: tuple[str, ...]) -> str:
    found = []
    for place in map(Path, places):
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            stat = path.stat()
            found.append((path.name, stat.st_size, stat.st_mtime_ns))
            if stat.st_ctime_ns > LOADED:  # perhaps what runs is what was there before
                found.append((uuid.uuid4().hex, 0, 0))
    return repr(found)
