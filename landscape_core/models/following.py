"""Functions, lists and objects that refer to what was copied, made to refer to the copies.

`copy.deepcopy` leaves functions, and what only they refer to, as they are. A penalty in the loss, a
method put in a module's place or a hook would then go on to read the original. What leads nowhere
to a copied thing stays the identical object.
"""

import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from landscape_core.models.counterparts import can_be_filled, fill, rebuilt, same_function, shallow
from landscape_core.models.object_graph import containers_of, globals_of, is_ours, parts_of

MOST = 20_000
"""How many objects are searched in addition to those that were made by copying."""

PLAIN = {type(None), bool, int, float, str, bytes}
LEAVES = {Tensor, nn.Parameter}
EMPTY = {dict, OrderedDict, list, set, tuple}
"""What leads nowhere: values, tensors that were made by copying, and such containers if empty."""


class Following:
    """The way from things to copies that were made of some of what they refer to."""

    def __init__(self, copies: dict[int, Any], own: Iterable[Any]) -> None:
        """Nothing followed yet.

        Args:
            copies: copies by the identity of what they were made of.
            own: what was made by copying, which is changed in place.
        """
        self._copies = copies
        self._own = {id(one) for one in own}
        self._things: dict[int, Any] = {}
        self._parents: dict[int, list[int]] = {}
        self._needed: set[int] = set()
        self._made: dict[int, Any] = {}
        self._globals: dict[int, dict[str, Any]] = {}
        self._unfilled: deque[Any] = deque()
        self._unnamed: deque[tuple[dict[str, Any], dict[str, Any]]] = deque()
        self._others = 0

    def explore(self, roots: Iterable[Any], *, private: bool) -> None:
        """Look at all that things refer to; `private`: what their functions fill is copied, too."""
        queue = deque(one for one in roots if self._enters(one))
        while queue and self._others < MOST:
            thing = queue.popleft()
            if private and type(thing) is types.FunctionType:
                self._needed.update(id(one) for one in containers_of(thing))
            # This is passed for each attribute of each layer, at every copy.
            for part in parts_of(thing):
                key, kind = id(part), type(part)
                if kind in PLAIN:
                    continue
                if key in self._own and (kind in LEAVES or (kind in EMPTY and not part)):
                    continue
                self._parents.setdefault(key, []).append(id(thing))
                if self._enters(part):
                    queue.append(part)

    def follow(self) -> None:
        """Change in place what was made by copying, wherever it leads back to the originals."""
        self._mark()
        self._unfilled.extend(self._things[i] for i in self._needed & self._own & set(self._things))
        self._fill()

    def other(self, thing: Any) -> Any:
        """What takes the place of a thing: its copy, one that refers to copies, or itself."""
        key = id(thing)
        if key in self._copies:
            return self._copies[key]
        if type(thing) is weakref.ref:
            return self._reference(thing)
        if key not in self._needed or key not in self._things:
            return thing
        if can_be_filled(thing) and key in self._own:
            return thing
        if key not in self._made:
            self._made[key] = thing  # for what refers to itself
            self._made[key] = self._another(thing)
        return self._made[key]

    def replaced(self, thing: Any) -> Any:
        """What takes the place of a thing, with all that it refers to."""
        found = self.other(thing)
        self._fill()
        return found

    def _enters(self, thing: Any) -> bool:
        """Note a thing that is seen for the first time; whether there is more behind it."""
        key = id(thing)
        if key in self._things or key in self._copies:
            return False
        self._things[key] = thing
        self._others += key not in self._own
        return True

    def _mark(self) -> None:
        """Find all things that lead to what was copied."""
        found = deque(
            key
            for key in self._parents
            if key in self._copies or key in self._needed or self._refers(key)
        )
        while found:
            for parent in self._parents.get(found.popleft(), ()):
                if parent not in self._needed:
                    self._needed.add(parent)
                    found.append(parent)

    def _refers(self, key: int) -> bool:
        thing = self._things.get(key)
        return type(thing) is weakref.ref and id(thing()) in self._copies

    def _reference(self, thing: Any) -> Any:
        """A weak reference to the copy; another's would end with the copy that nobody holds."""
        found = self._copies.get(id(thing()))
        return thing if found is None else weakref.ref(found)

    def _another(self, thing: Any) -> Any:
        if isinstance(thing, types.FunctionType):
            found = thing if is_ours(thing) else same_function(thing, self._names(thing))
        elif can_be_filled(thing):
            found = shallow(thing)
        else:
            return rebuilt(thing, self.other)
        if found is not thing:
            self._unfilled.append(found)
        return found

    def _names(self, function: types.FunctionType) -> dict[str, Any]:
        """The global variables of a function, in a dictionary of its own if it needs others."""
        names = function.__globals__
        changed = {
            name: value
            for name, value in globals_of(function).items()
            if id(value) in self._copies or id(value) in self._needed
        }
        if not changed:
            return names
        if id(names) not in self._globals:
            self._globals[id(names)] = dict(names)
        self._unnamed.append((self._globals[id(names)], changed))
        return self._globals[id(names)]

    def _fill(self) -> None:
        while self._unfilled or self._unnamed:
            if self._unnamed:
                names, changed = self._unnamed.popleft()
                names.update({name: self.other(value) for name, value in changed.items()})
            else:
                fill(self._unfilled.popleft(), self.other)
