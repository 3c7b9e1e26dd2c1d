"""Files are the registry: a package offers the one concrete class of each of its modules.

The module's name is the public name. A base class lives in `<package>/base.py`, so the base alone
tells which package to look into: `entries(Optimizer)` lists every file of `optimizers/`.
"""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe, fields_of, name_of, once

R = TypeVar("R", bound=Recipe)


@once
def entries(base: type[R]) -> Mapping[str, type[R]]:
    """Every concrete class of the base's package by its public name, in alphabetical order."""
    package = importlib.import_module(base.__module__.rpartition(".")[0])
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return MappingProxyType(
        {
            name: _only_class(importlib.import_module(f"{package.__name__}.{name}"), base)
            for name in names
            if name != "base" and not name.startswith("_")
        }
    )


def find(base: type[R], name: object) -> type[R]:
    """The class of that name, which may come from anywhere.

    Raises:
        SpecError: no such name; says the nearest and all that there are.
    """
    known = entries(base)
    if not isinstance(name, str) or name not in known:
        near = difflib.get_close_matches(str(name).lower(), known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise SpecError(base.__name__.lower(), name, "one of " + ", ".join(known) + hint)
    return known[name]


def make(base: type[R], name: str, **values: Any) -> R:
    """The recipe of that name with these field values."""
    return from_plain(base, {"kind": name, **values})


def from_plain(base: type[R], plain: Any) -> R:
    """The recipe that `to_plain` or a person wrote; missing fields take their defaults.

    Raises:
        SpecError: an unknown kind, an unknown field, or a value that is not accepted.
    """
    recipe = _kind(base, plain)
    known = {field.name: field for field in fields_of(recipe)}
    values: dict[str, Any] = {}
    for name, value in plain.items():
        if name == "kind":
            continue
        if name not in known:
            accepted = "one of " + ", ".join(known) if known else "left out (it has no fields)"
            raise SpecError(f"a field of {recipe.__name__}", name, accepted)
        values[name] = _value(known[name].type, value)
    return recipe(**values)


def _kind(base: type[R], plain: Any) -> type[R]:
    what = base.__name__.lower()
    if not isinstance(plain, Mapping):
        raise SpecError(what, plain, "named fields with their values")
    if "digest" in plain:  # it says what was given in Python, and no text holds that
        raise SpecError(what, dict(plain), "of the catalogue, or given again in Python")
    if inspect.isabstract(base):
        if "kind" not in plain:
            raise SpecError(what, dict(plain), "given with its 'kind'")
        return find(base, plain["kind"])
    if plain.get("kind", name_of(base)) != name_of(base):
        raise SpecError(f"the kind of {base.__name__}", plain["kind"], name_of(base))
    return base


def _value(kind: type, value: Any) -> Any:
    if issubclass(kind, Recipe) and isinstance(value, Mapping):
        return from_plain(kind, value)
    if issubclass(kind, Recipe) and isinstance(value, str):
        return from_plain(kind, {"kind": value})
    return value


def _only_class(module: ModuleType, base: type[R]) -> type[R]:
    found = [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if cls.__module__ == module.__name__
        and issubclass(cls, base)
        and not inspect.isabstract(cls)
    ]
    if len(found) != 1:
        names = ", ".join(cls.__name__ for cls in found) or "none"
        raise TypeError(f"{module.__name__} must hold one {base.__name__}; it holds {names}.")
    return found[0]
