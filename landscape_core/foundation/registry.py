"""Files are the registry: a package offers the one concrete class of each of its modules.

The module's name is the public name. A base class lives in `<package>/base.py`, so the base alone
tells which package to look into: `entries(Optimizer)` lists every file of `optimizers/`.
"""

import difflib
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import (
    Recipe,
    fields_of,
    label_of,
    name_of,
    noun_of,
    once,
    summary_of,
)

R = TypeVar("R", bound=Recipe)


LABEL = re.compile(r'^    label: ClassVar\[str\] = "([^"\\]*)"$', re.M)
FAMILY = re.compile(r'^    family: ClassVar\[str\] = "([^"\\]*)"$', re.M)
SUMMARY = re.compile(r'^class \w+\(.*?\):\n    """([^"\\\n]+?)(?:"""$|$)', re.M | re.S)
"""What a menu tells of a part, as it stands in the part's file."""


@dataclass(frozen=True)
class Described:
    """What a menu tells of a part: its name for people, a sentence, and the group it belongs to."""

    label: str
    summary: str
    family: str


class Entries(Mapping[str, type[R]], Generic[R]):
    """The concrete classes of a package by public name; a module is imported when asked for."""

    def __init__(self, base: type[R]) -> None:
        """The names are known at once, the classes when they are asked for."""
        self._base = base
        self._package = importlib.import_module(base.__module__.rpartition(".")[0])
        names = (info.name for info in pkgutil.iter_modules(self._package.__path__))
        self._names = sorted(n for n in names if n != "base" and not n.startswith("_"))

    def __getitem__(self, name: str) -> type[R]:
        if name not in self._names:
            raise KeyError(name)
        return _only_class(importlib.import_module(self._module(name)), self._base)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def holds(self, kind: type) -> bool:
        """Whether a class is one of these, rather than a user's own."""
        return kind.__module__ == self._module(name_of(kind)) and name_of(kind) in self._names

    def described(self, name: str) -> Described:
        """What a menu tells of a part; read from its file, where that is not imported yet."""
        if self._module(name) not in sys.modules:
            source = _source(Path(self._package.__path__[0], f"{name}.py"))
            label, summary = LABEL.search(source), SUMMARY.findall(source)
            if label and len(summary) == 1:
                family = FAMILY.search(source)
                return Described(label[1], summary[0], family[1] if family else "")
        kind = self[name]
        return Described(label_of(kind), summary_of(kind), getattr(kind, "family", ""))

    def _module(self, name: str) -> str:
        return f"{self._package.__name__}.{name}"


def _source(path: Path) -> str:
    """What a file holds; nothing where there is none, as in a zip archive."""
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


@once
def entries(base: type[R]) -> Entries[R]:
    """Every concrete class of the base's package by its public name, in alphabetical order."""
    return Entries(base)


def find(base: type[R], name: object) -> type[R]:
    """The class of that name, which may come from anywhere.

    Raises:
        SpecError: no such name; says the nearest and all that there are.
    """
    known = entries(base)
    if not isinstance(name, str) or name not in known:
        near = difflib.get_close_matches(str(name).lower(), known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise SpecError(noun_of(base), name, "one of " + ", ".join(known) + hint)
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
    what = noun_of(base)
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


@once
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
