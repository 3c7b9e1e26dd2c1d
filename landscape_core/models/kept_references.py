"""References that a user's code may change, each kept as it is now to be put back.

They are what a dictionary, a container, a closure, the attributes of a class or the global
variables hold: the same objects are put back in their places.
"""

import copy
import operator
import types
from abc import abstractmethod
from typing import Any, final

from torch import nn

from landscape_core.models.kept_values import Kept
from landscape_core.models.object_parts import WRITTEN

BLANK = frozenset(vars(nn.Module()))
"""The attributes that every module has."""

ELSEWHERE = ("_parameters", "_buffers", "_modules")
"""Registers whose entries are kept by themselves."""


class Entries(Kept):
    """The entries of a dictionary: attributes, registers, or a user's own."""

    def __init__(self, now: dict[Any, Any]) -> None:
        """Note which objects it holds."""
        self._now = now
        self.note()

    def note(self) -> None:
        """Keep the same objects and their order."""
        self._before, self._names = dict(self._now), list(self._now)

    def restore(self) -> None:
        """Put the same objects back, in their order."""
        if list(self._now) != self._names:
            self._now.clear()
        self._now.update(self._before)

    def changed(self) -> bool:
        """Whether names, their order or objects differ."""
        if list(self._now) != self._names:
            return True
        return not all(map(operator.is_, self._now.values(), self._before.values()))


class Elements(Kept):
    """The elements of a list, a set or a deque."""

    def __init__(self, now: Any) -> None:
        """Note which objects it holds."""
        self._now = now
        self.note()

    def note(self) -> None:
        """Keep the same objects."""
        self._before = copy.copy(self._now)

    def restore(self) -> None:
        """Put the same objects back."""
        if not self.changed():
            return
        self._now.clear()
        if isinstance(self._now, set):
            self._now.update(self._before)
        else:
            self._now.extend(self._before)

    def changed(self) -> bool:
        """Whether their number or one of them differs."""
        if len(self._now) != len(self._before):
            return True
        if isinstance(self._now, set):
            return bool(self._now != self._before)
        return any(one is not other for one, other in zip(self._now, self._before, strict=True))


class Structure(Kept):
    """The class and the hooks of a module, and which of its registers are empty.

    Parametrizations change the class; hooks are entered into dictionaries, nearly all of which are
    empty and only looked at.
    """

    def __init__(self, module: nn.Module) -> None:
        """Note them."""
        self._module = module
        own = vars(module)
        self._registers = {name: own[name] for name in BLANK if isinstance(own.get(name), dict)}
        self.note()

    def note(self) -> None:
        """Keep the class, and what hooks there are."""
        self._class = type(self._module)
        found = self._registers.items()
        self._full = [Entries(one) for name, one in found if one and name not in ELSEWHERE]
        self._empty = [one for _, one in found if not one]

    def restore(self) -> None:
        """Set the class, put the hooks back, and empty what was empty."""
        if type(self._module) is not self._class:
            self._module.__class__ = self._class
        for full in self._full:
            full.restore()
        for empty in self._empty:
            if empty:
                empty.clear()

    def changed(self) -> bool:
        """Whether anything is another."""
        others = sum(one.changed() for one in self._full)  # all are asked
        return type(self._module) is not self._class or any(self._empty) or others > 0


class Named(Kept):
    """Objects that are set and deleted by name, those that there are and those that come."""

    _before: dict[str, Any]

    @abstractmethod
    def found(self) -> dict[str, Any]:
        """The objects by name, as they are now."""

    @abstractmethod
    def put(self, name: str, value: Any) -> None:
        """Set one of them."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete one of them."""

    @final
    def note(self) -> None:
        """Keep the same objects."""
        self._before = self.found()

    @final
    def restore(self) -> None:
        """Set those that differ, delete those that are new."""
        now, before = self.found(), self._before
        for name in now.keys() - before.keys():
            self.delete(name)
        for name, value in before.items():
            if name not in now or now[name] is not value:
                self.put(name, value)

    @final
    def changed(self) -> bool:
        """Whether names or objects differ."""
        return _differ(self.found(), self._before)


class Attributes(Named):
    """Attributes that are set by `setattr`: those of a class, or the slots of an object."""

    def __init__(self, owner: Any, names: list[str] | None = None) -> None:
        """Note the values of these attributes, or of all that a class itself has."""
        self._owner, self._names = owner, names
        self.note()

    def found(self) -> dict[str, Any]:
        """The attributes that have a value."""
        if self._names is not None:
            return {n: getattr(self._owner, n) for n in self._names if hasattr(self._owner, n)}
        return {n: v for n, v in vars(self._owner).items() if not (_dunder(n) or n in WRITTEN)}

    def put(self, name: str, value: Any) -> None:
        """Set an attribute."""
        setattr(self._owner, name, value)

    def delete(self, name: str) -> None:
        """Delete an attribute."""
        delattr(self._owner, name)


class Globals(Named):
    """Global variables, which `global` may set."""

    def __init__(self, names: dict[str, Any], known: set[str]) -> None:
        """Note the values of those that are known."""
        self._names, self._known = names, known
        self.note()

    def found(self) -> dict[str, Any]:
        """The variables that have a value."""
        return {name: self._names[name] for name in self._known if name in self._names}

    def put(self, name: str, value: Any) -> None:
        """Set a variable."""
        self._names[name] = value

    def delete(self, name: str) -> None:
        """Delete a variable."""
        del self._names[name]


class Cell(Kept):
    """A variable of a closure, which `nonlocal` may set."""

    def __init__(self, cell: types.CellType) -> None:
        """Note its value, if it has one."""
        self._cell = cell
        self.note()

    def note(self) -> None:
        """Keep the same object."""
        self._before = self._cell.cell_contents

    def restore(self) -> None:
        """Set it."""
        self._cell.cell_contents = self._before

    def changed(self) -> bool:
        """Whether it is another object."""
        return self._cell.cell_contents is not self._before


def elements_of(container: Any) -> Kept:
    """What a container holds."""
    return Entries(container) if isinstance(container, dict) else Elements(container)


def _differ(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    """Whether names or the objects that they name are others."""
    return now.keys() != before.keys() or any(now[name] is not before[name] for name in before)


def _dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
