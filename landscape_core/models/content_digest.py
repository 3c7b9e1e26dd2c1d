"""A digest that grows, and what it must remember of what was added."""

import contextlib
import hashlib
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from landscape_core.foundation.errors import LandscapeError, SpecError

SUBJECT = "what the loss, model or measure refers to"
DIGESTIBLE = "made of numbers, text, tensors and functions, as a key is made of its content"
TOO_DEEP = "things within things without end", "nested less deeply"


@dataclass(frozen=True)
class Unmade:
    """A class of which code makes no object where it is met: that of an object, or a base."""

    kind: type


class ContentDigest:
    """Words and bytes one after another, and the objects met on the way.

    `by_user` says whether the user's own code refers to what is added, which then must be pure.
    `seen` holds each object with its number, `network` the modules whose values are moved and so
    left out, `modules` Python's modules of the user's own that are handed on, `installed` those of
    packages that the user's code hands on, `mentioned` the names that code mentions, `taken` what
    was added of those modules, `untold` methods that no key tells, which matter where something
    calls them.
    """

    def __init__(self, add_thing: Callable[["ContentDigest", Any], None]) -> None:
        """Nothing added yet; `add_thing` adds one thing, whatever its type."""
        self._add_thing = add_thing
        self._digest = hashlib.sha256()
        # With the objects themselves, so that none of these numbers is given to another.
        self.seen: dict[int, tuple[int, Any]] = {}
        self.network: dict[int, nn.Module] = {}
        self.modules: dict[str, types.ModuleType] = {}
        self.installed: dict[str, types.ModuleType] = {}
        self.by_user = True
        self.mentioned: dict[str, None] = {}
        self.taken: set[tuple[str, str]] = set()
        self.untold: list[tuple[str, SpecError]] = []

    def hexadecimal(self) -> str:
        """The digest of what was added so far, 64 characters."""
        return self._digest.hexdigest()

    def add(self, *things: Any) -> None:
        """Add things of any type, each by what it is made of.

        Raises:
            SpecError: one whose content cannot be hashed.
        """
        for thing in things:
            try:
                self._add_thing(self, thing)
            except LandscapeError:
                raise
            except RecursionError:
                raise SpecError(SUBJECT, *TOO_DEEP) from None
            except Exception as error:  # an object of the user's own raises anything
                told = f"{type(thing).__name__} ({type(error).__name__}: {error})"
                raise SpecError(SUBJECT, told, DIGESTIBLE) from error

    def add_inner(self, thing: Any) -> None:
        """Add a part of another thing, which is the one that an error names."""
        self._add_thing(self, thing)

    def word(self, word: str) -> None:
        """Add a word, with its length, so that no two words run together."""
        self.raw(f"{len(word)}:{word}".encode())

    def raw(self, content: bytes) -> None:
        """Add bytes as they are; a word before them must state their number."""
        self._digest.update(content)

    @contextlib.contextmanager
    def referred(self, *, by_user: bool) -> Iterator[None]:
        """Whether what is added meanwhile is referred to by the user's code, or a package's."""
        before, self.by_user = self.by_user, by_user
        try:
            yield
        finally:
            self.by_user = before

    def first(self, thing: Any) -> bool:
        """Whether this object was not met before; a word tells which one it is otherwise."""
        if id(thing) in self.seen:
            self.word(f"again {self.seen[id(thing)][0]}")
            return False
        self.seen[id(thing)] = len(self.seen), thing
        return True

    def apart(self, thing: Any) -> str:
        """The digest of one thing by itself, as a member of a set, which has no order."""
        alone = ContentDigest(self._add_thing)
        alone.seen, alone.network = dict(self.seen), self.network
        alone.modules, alone.mentioned = self.modules, self.mentioned
        alone.installed, alone.by_user = self.installed, self.by_user
        alone.untold = self.untold
        alone.add(thing)
        return alone.hexadecimal()
