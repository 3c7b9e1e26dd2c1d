"""Single values that a user's code may change, each kept as it is now to be put back.

Each kind has `restore`, which puts the value back in place, and `changed`.
"""

import copy
import types
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.models.object_parts import WRITTEN

LARGE = 2**20
"""Entries of a tensor or array from which on those that no module registers are not copied."""


class Kept(ABC):
    """A value that can be put back."""

    @abstractmethod
    def restore(self) -> None:
        """Put the value back."""

    @abstractmethod
    def changed(self) -> bool:
        """Whether it is another one."""

    @abstractmethod
    def again(self) -> "Kept":
        """The same place, kept as it is now."""


class Entries(Kept):
    """The entries of a dictionary: attributes, registers, or a user's own."""

    def __init__(self, now: dict[Any, Any]) -> None:
        """Note which objects it holds."""
        self._now, self._before, self._names = now, dict(now), list(now)

    def restore(self) -> None:
        """Put the same objects back, in their order."""
        if list(self._now) != self._names:
            self._now.clear()
        self._now.update(self._before)

    def again(self) -> Kept:
        """The same place, kept as it is now."""
        return Entries(self._now)

    def changed(self) -> bool:
        """Whether names or objects differ."""
        before = self._before
        return self._now.keys() != before.keys() or any(
            self._now[name] is not before[name] for name in before
        )


class Elements(Kept):
    """The elements of a list, a set or a deque."""

    def __init__(self, now: Any) -> None:
        """Note which objects it holds."""
        self._now, self._before = now, copy.copy(now)

    def restore(self) -> None:
        """Put the same objects back."""
        if not self.changed():
            return
        self._now.clear()
        if isinstance(self._now, set):
            self._now.update(self._before)
        else:
            self._now.extend(self._before)

    def again(self) -> Kept:
        """The same place, kept as it is now."""
        return Elements(self._now)

    def changed(self) -> bool:
        """Whether their number or one of them differs."""
        if len(self._now) != len(self._before):
            return True
        if isinstance(self._now, set):
            return self._now != self._before
        return any(one is not other for one, other in zip(self._now, self._before, strict=True))


class Attributes(Kept):
    """Attributes that are set by `setattr`: those of a class, or the slots of an object."""

    def __init__(self, owner: Any, names: list[str] | None = None) -> None:
        """Note the values of these attributes, or of all that a class itself has."""
        self._owner, self._names = owner, names
        self._before = self._found()

    def restore(self) -> None:
        """Set those that differ, delete those that are new."""
        now, before = self._found(), self._before
        for name in now.keys() - before.keys():
            delattr(self._owner, name)
        for name, value in before.items():
            if name not in now or now[name] is not value:
                setattr(self._owner, name, value)

    def again(self) -> Kept:
        """The same place, kept as it is now."""
        return Attributes(self._owner, self._names)

    def changed(self) -> bool:
        """Whether names or objects differ."""
        now, before = self._found(), self._before
        return now.keys() != before.keys() or any(now[n] is not before[n] for n in before)

    def _found(self) -> dict[str, Any]:
        if self._names is not None:
            return {n: getattr(self._owner, n) for n in self._names if hasattr(self._owner, n)}
        return {n: v for n, v in vars(self._owner).items() if not (_dunder(n) or n in WRITTEN)}


class Cell(Kept):
    """A variable of a closure, which `nonlocal` may set."""

    def __init__(self, cell: types.CellType) -> None:
        """Note its value, if it has one."""
        self._cell, self._before = cell, cell.cell_contents

    def restore(self) -> None:
        """Set it."""
        self._cell.cell_contents = self._before

    def again(self) -> Kept:
        """The same place, kept as it is now."""
        return Cell(self._cell)

    def changed(self) -> bool:
        """Whether it is another object."""
        return self._cell.cell_contents is not self._before


class Globals(Kept):
    """Global variables, which `global` may set."""

    def __init__(self, names: dict[str, Any], known: set[str]) -> None:
        """Note the values of those that are known."""
        self._names, self._known = names, known
        self._before = self._found()

    def restore(self) -> None:
        """Set those that differ, delete those that are new."""
        for name in self._found().keys() - self._before.keys():
            del self._names[name]
        self._names.update(self._before)

    def again(self) -> Kept:
        """The same place, kept as it is now."""
        return Globals(self._names, self._known)

    def changed(self) -> bool:
        """Whether names or objects differ."""
        now, before = self._found(), self._before
        return now.keys() != before.keys() or any(now[n] is not before[n] for n in before)

    def _found(self) -> dict[str, Any]:
        return {name: self._names[name] for name in self._known if name in self._names}


class Values(Kept):
    """The entries of a tensor."""

    def __init__(self, tensor: Tensor, given: Tensor | None = None) -> None:
        """Note the entries, or that they are those of another tensor; large ones are not copied."""
        self._tensor, self._untracked = tensor, False
        self._before = given if given is not None else tensor.detach().clone()
        self._version = _version(tensor)

    def restore(self) -> None:
        """Write the entries back where they have changed."""
        if self._untracked or _version(self._tensor) != self._version:
            with torch.no_grad():
                self._tensor.copy_(self._before)
            self._version = _version(self._tensor)

    def again(self) -> Kept:
        """The same place, kept as it is now."""
        return Values(self._tensor)

    def changed(self) -> bool:
        """Whether entries differ; also by ways that torch does not count, as `.data`."""
        if _version(self._tensor) != self._version:
            return True
        self._untracked |= not _equal(self._tensor, self._before)
        return self._untracked


class ArrayValues(Kept):
    """The entries of an array."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        """Copy them."""
        self._array, self._before = array, array.copy()

    def restore(self) -> None:
        """Write them back."""
        np.copyto(self._array, self._before)

    def again(self) -> Kept:
        """The same place, kept as it is now."""
        return ArrayValues(self._array)

    def changed(self) -> bool:
        """Whether an entry differs."""
        return self._array.tobytes() != self._before.tobytes()


class Cache(Kept):
    """What `functools.lru_cache` remembers, which can only be forgotten."""

    def __init__(self, function: Any) -> None:
        """Note how much it is."""
        self._function, self._size = function, function.cache_info().currsize

    def restore(self) -> None:
        """Forget all of it, if there was nothing."""
        if not self._size and self.changed():
            self._function.cache_clear()

    def again(self) -> Kept:
        """The same place, kept as it is now."""
        return Cache(self._function)

    def changed(self) -> bool:
        """Whether there is more or less of it."""
        return bool(self._function.cache_info().currsize != self._size)


def elements_of(container: Any) -> Kept:
    """What a container holds."""
    return Entries(container) if isinstance(container, dict) else Elements(container)


def _dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same, NaN being like NaN; yes where that cannot be told."""
    try:
        same = torch.equal(one, other)
        return same or bool(((one == other) | ((one != one) & (other != other))).all())
    except Exception:  # tensors without values, sparse ones, types of others
        return True
