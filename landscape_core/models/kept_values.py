"""Single values that a user's code may change, each kept as it is now to be put back.

Each kind says how its value is noted, put back in place, and compared.
"""

import copy
from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

LARGE = 2**20
"""Entries of a tensor or array from which on those that no module registers are not copied."""


SMALL = 2**14
"""Entries of a tensor up to which comparing all of them takes no longer than asking for them."""


class Kept(ABC):
    """A value that can be put back."""

    @abstractmethod
    def note(self) -> None:
        """Keep the value as it is now."""

    @abstractmethod
    def restore(self) -> None:
        """Put the value back."""

    @abstractmethod
    def changed(self) -> bool:
        """Whether it is another one."""

    @final
    def again(self) -> "Kept":
        """The same place, kept as it is now."""
        found = copy.copy(self)
        found.note()
        return found


class Values(Kept):
    """The entries of a tensor."""

    def __init__(self, tensor: Tensor, given: Tensor | None = None) -> None:
        """Note the entries, or that they are those of another tensor; large ones are not copied."""
        self._tensor = tensor
        self._keep(given if given is not None else tensor.detach().clone())

    def note(self) -> None:
        """Keep a copy of the entries."""
        self._keep(self._tensor.detach().clone())

    def _keep(self, entries: Tensor) -> None:
        self._before, self._untracked = entries, False
        self._version = changes_of(self._tensor)

    def restore(self) -> None:
        """Write the entries back where they have changed."""
        if self._untracked or changes_of(self._tensor) != self._version:
            with torch.no_grad():
                self._tensor.copy_(self._before)
            self._version = changes_of(self._tensor)

    def touched(self) -> bool:
        """The same, large tensors only as far as torch counts their changes."""
        if self._tensor.numel() <= SMALL:
            return self.changed()
        return self._untracked or changes_of(self._tensor) != self._version

    def changed(self) -> bool:
        """Whether entries differ; also by ways that torch does not count, as `.data`."""
        if changes_of(self._tensor) != self._version:
            return True
        self._untracked |= not _equal(self._tensor, self._before)
        return self._untracked


class ArrayValues(Kept):
    """The entries of an array."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        """Copy them."""
        self._array = array
        self.note()

    def note(self) -> None:
        """Keep a copy of the entries."""
        self._before = self._array.copy()

    def restore(self) -> None:
        """Write them back."""
        np.copyto(self._array, self._before)

    def changed(self) -> bool:
        """Whether an entry differs."""
        return self._array.tobytes() != self._before.tobytes()


class Cache(Kept):
    """What `functools.lru_cache` remembers, which can only be forgotten."""

    def __init__(self, function: Any) -> None:
        """Note how much it is."""
        self._function = function
        self.note()

    def note(self) -> None:
        """Keep how much it is."""
        self._size = self._function.cache_info().currsize

    def restore(self) -> None:
        """Forget all of it, if there was nothing."""
        if not self._size and self.changed():
            self._function.cache_clear()

    def changed(self) -> bool:
        """Whether there is more or less of it."""
        return bool(self._function.cache_info().currsize != self._size)


def changes_of(tensor: Tensor) -> int:
    """How often torch has seen the tensor changed in place; 0 where it does not count."""
    return 0 if tensor.is_inference() else tensor._version


def _equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same, NaN being like NaN; yes where that is not known."""
    try:
        same = torch.equal(one, other)
        return same or bool(((one == other) | ((one != one) & (other != other))).all())
    except Exception:  # tensors without values, sparse ones, types of others
        return True
