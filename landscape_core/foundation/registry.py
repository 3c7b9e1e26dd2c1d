"""Files are the registry: a package offers the one concrete class of each of its modules.

The module's name is the public name. A base class lives in `<package>/base.py`, so the base alone
tells which package to look into: `entries(Optimizer)` lists every file of `optimizers/`, then what
other installed packages offer in the group `landscape_lab.optimizers`, then the optimizers that the
running notebook or script has defined.
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

from landscape_core.foundation.entry_points import Offer, group_of, offers
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.outside_parts import (
    flaw_of,
    offered_class,
    own_classes,
    place,
    unknown_class,
    warn_once,
)
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
"""What a menu shows of a part, read from its file."""


FORMER: Mapping[str, str] = {"optimizers.perturbed_gradient": "noisy_gradient"}
"""Names of parts in older links and files, with their packages, and their present names."""


@dataclass(frozen=True)
class Described:
    """What a menu shows of a part: its name for people, a sentence, its group, where it is from."""

    label: str
    summary: str
    family: str
    origin: str = ""


class Entries(Mapping[str, type[R]], Generic[R]):
    """The parts of a kind by public name; a module is imported when its class is asked for.

    First those of the base's package, then those that installed packages offer, then classes of the
    running program. What cannot be used is not among them; asked for by name, it is an error.
    """

    def __init__(self, base: type[R]) -> None:
        """The names are known at once, the classes when they are asked for."""
        self._base = base
        self._package = importlib.import_module(base.__module__.rpartition(".")[0])
        names = (info.name for info in pkgutil.iter_modules(self._package.__path__))
        self._names = sorted(n for n in names if n != "base" and not n.startswith("_"))

    def __getitem__(self, name: str) -> type[R]:
        """The class of a name.

        Raises:
            KeyError: there is none.
            SpecError: a package or the program has one, which cannot be used; says why.
        """
        if name in self._names:
            return _only_class(importlib.import_module(self._module(name)), self._base)
        kind, problem = self._outside(name)
        if problem:
            raise SpecError(noun_of(self._base), name, f"another one: {problem}")
        if kind is None:
            raise KeyError(name)
        return kind

    def __iter__(self) -> Iterator[str]:
        own = own_classes(self._base).items()
        concrete = (name for name, kinds in own if not all(map(inspect.isabstract, kinds)))
        outside = dict.fromkeys([*(offer.name for offer in self._offers()), *concrete])
        return iter([*self._names, *(name for name in outside if self._usable(name))])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        if name in self._names:
            return True
        return isinstance(name, str) and self._outside(name)[0] is not None

    def shipped(self) -> dict[str, type[R]]:
        """The parts of the laboratory alone: other installed packages change no default."""
        return {name: self[name] for name in self._names}

    def known(self, name: str) -> bool:
        """Whether there is a part of that name, be it one that cannot be used."""
        return name in self._names or self._outside(name) != (None, "")

    def holds(self, kind: type) -> bool:
        """Whether a class is one of these, by its name, rather than one that no name leads to."""
        name = name_of(kind)
        if name in self._names:
            return kind.__module__ == self._module(name)
        return name in self

    def described(self, name: str) -> Described:
        """What a menu shows of a part; read from its file, where that is not imported yet."""
        if name in self._names and self._module(name) not in sys.modules:
            source = _source(Path(self._package.__path__[0], f"{name}.py"))
            label, summary = LABEL.search(source), SUMMARY.findall(source)
            if label and len(summary) == 1:
                family = FAMILY.search(source)
                return Described(label[1], summary[0], family[1] if family else "")
        kind, origin = self[name], self.origin(name)
        group = getattr(kind, "family", "") or origin
        return Described(label_of(kind), summary_of(kind), group, origin)

    def origin(self, name: str) -> str:
        """Where a part comes from, in words: a package or the program; empty for the shipped."""
        if name in self._names:
            return ""
        package = next((offer.package for offer in self._offers() if offer.name == name), "")
        return f"from {package}" if package else "defined here"

    def _module(self, name: str) -> str:
        return f"{self._package.__name__}.{name}"

    def _offers(self) -> tuple[Offer, ...]:
        return offers(group_of(self._package.__name__))

    def _usable(self, name: str) -> bool:
        kind, problem = self._outside(name)
        if problem:
            warn_once(f"This {noun_of(self._base)} is left out: {problem}.")
        return kind is not None

    def _outside(self, name: str) -> tuple[type[R] | None, str]:
        """The class of a package or the program, or None and what keeps it from being used."""
        offered = [offer for offer in self._offers() if offer.name == name]
        own = own_classes(self._base).get(name, [])
        places = [str(offer) for offer in offered] + [f"class {place(kind)}" for kind in own]
        if len(places) > 1:
            return None, "several have this name: " + ", ".join(places)
        if places and name in self._names:
            return None, f"{places[0]} has the name of a part of Landscape Lab"
        if own:
            flaw = flaw_of(own[0], self._base)
            return (None, f"{places[0]} cannot be used: {flaw}") if flaw else (own[0], "")
        if not offered:
            return None, ""
        kind, flaw = offered_class(offered[0], self._base)
        return kind, f"{places[0]} cannot be used: {flaw}" if flaw else ""


@once
def _source(path: Path) -> str:
    """What a file holds; nothing where there is none, as in a zip archive."""
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


@once
def entries(base: type[R]) -> Entries[R]:
    """Every concrete class of a kind by its public name: shipped, installed, or of the program."""
    return Entries(base)


def find(base: type[R], name: object) -> type[R]:
    """The class of that name, which may come from anywhere; nothing is imported by its name.

    Raises:
        SpecError: no such name; says the nearest and all that there are.
    """
    known = entries(base)
    if isinstance(name, str) and known.known(name):
        return known[name]
    if isinstance(name, str) and (present := _present_name(base, name)):
        return known[present]
    names = {each.lower(): each for each in known}
    near = difflib.get_close_matches(str(name).lower(), names, n=1)
    hint = f" (did you mean {names[near[0]]!r}?)" if near else ""
    if isinstance(name, str) and name.isidentifier() and name.lower() not in (name, *names):
        raise unknown_class(base, name, hint)
    raise SpecError(noun_of(base), name, "one of " + ", ".join(known) + hint)


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
    if inspect.isabstract(base) or base.__module__.endswith(".base"):
        if "kind" not in plain:
            raise SpecError(what, dict(plain), "given with its 'kind'")
        return find(base, plain["kind"])
    given = plain.get("kind", name_of(base))
    if name_of(base) not in (given, _present_name(base, given)):
        raise SpecError(f"the kind of {base.__name__}", plain["kind"], name_of(base))
    return base


def _present_name(base: type[R], name: object) -> str:
    """The present name of a part that had this one before; empty where none had."""
    package = base.__module__.rpartition(".")[0].rpartition(".")[2]
    return FORMER.get(f"{package}.{name}", "")


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
