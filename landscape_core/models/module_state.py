"""What evaluating a user's network may change beside its outputs, kept to be put back.

A `forward` may count its calls, fill a buffer or a cache, or draw from a generator of its own. Its
value is a function of the parameters only where it begins each time as it was given.
"""

import copy
import functools
import random
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CONTAINERS = (list, dict, set, deque)

GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)

DEPTH = 4
"""How far generators are looked for behind functions, lists and attributes."""


class ModuleState:
    """The attributes, buffers and generators of modules and functions, as they are now."""

    def __init__(self, *things: Any) -> None:
        """Note all that belongs to these, and to the modules within."""
        modules = [m for one in things if isinstance(one, nn.Module) for m in one.modules()]
        plain = [one for one in things if not isinstance(one, nn.Module | types.FunctionType)]
        owners = [vars(one) for one in (*modules, *plain) if hasattr(one, "__dict__")]
        registers = [r for m in modules for r in (m._parameters, m._buffers, m._modules)]
        registers = [
            one for one in registers if isinstance(one, dict)
        ]  # scripted modules have none
        own = [value for owner in owners for value in _own(owner)]
        containers = [value for value in own if type(value) in CONTAINERS]
        self._entries = [(one, dict(one)) for one in (*owners, *registers) if one]
        self._contents = [(one, copy.copy(one)) for one in containers]
        tensors = [value for value in own if isinstance(value, Tensor)]
        tensors += [b for m in modules for b in m._buffers.values() if b is not None]
        self._tensors = [(one, one.detach().clone()) for one in tensors]
        self._versions = [one._version for one in tensors]
        self._generators = [(one, _state_of(one)) for one in generators(*things)]

    def restore(self) -> None:
        """Put all of it back, in place."""
        for now, before in self._entries:
            if len(now) != len(before):
                for name in now.keys() - before.keys():
                    del now[name]
            now.update(before)
        for container, content in self._contents:
            _refill(container, content)
        for at, (tensor, value) in enumerate(self._tensors):
            if tensor._version != self._versions[at]:
                with torch.no_grad():
                    tensor.copy_(value)
                self._versions[at] = tensor._version
        self.rewind()

    def rewind(self) -> None:
        """Put the generators alone back, which may be the user's own, not copies."""
        for generator, state in self._generators:
            _set_state(generator, state)

    def changed(self) -> bool:
        """Whether any of it is no longer as it was; a container counts by its length."""
        tensors = zip(self._tensors, self._versions, strict=True)
        return (
            any(not _same(now, before) for now, before in self._entries)
            or any(len(now) != len(before) for now, before in self._contents)
            or any(tensor._version != version for (tensor, _), version in tensors)
            or self.drawn()
        )

    def drawn(self) -> bool:
        """Whether one of the generators is no longer as it was."""
        return any(_token(_state_of(one)) != _token(state) for one, state in self._generators)


def generators(*things: Any) -> list[Any]:
    """The generators of random numbers that modules, functions and what they refer to hold."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    for thing in things:
        for one in _reached(thing, seen, DEPTH):
            if isinstance(one, GENERATORS) and one is not torch.default_generator:
                found[id(one)] = one
    return list(found.values())


def _reached(thing: Any, seen: set[int], depth: int) -> Iterator[Any]:
    """The thing and what it refers to, as far as the user's own code may use it."""
    if id(thing) in seen or depth < 0 or isinstance(thing, Tensor | str | int | float | None):
        return
    seen.add(id(thing))
    yield thing
    for part in _parts(thing):
        yield from _reached(part, seen, depth - 1)


def _parts(thing: Any) -> Iterator[Any]:
    """What a thing refers to, one step on."""
    if isinstance(thing, nn.Module):
        for module in thing.modules():
            yield from _own(vars(module))
            if not type(module).__module__.startswith("torch."):
                yield type(module).forward
    elif isinstance(thing, types.FunctionType):
        code, names = thing.__code__, thing.__globals__
        yield from (cell.cell_contents for cell in thing.__closure__ or () if _filled(cell))
        yield from (names[name] for name in code.co_names if name in names)
    elif isinstance(thing, types.MethodType):
        yield from (thing.__func__, thing.__self__)
    elif isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    else:
        yield from _held(thing)


def _held(thing: Any) -> Iterator[Any]:
    """What a collection or an object holds."""
    if type(thing) in (list, tuple, set, deque):
        yield from thing
    elif type(thing) is dict:
        yield from thing.values()
    elif hasattr(thing, "__dict__") and not isinstance(thing, type | types.ModuleType):
        yield from vars(thing).values()
        yield from (one for one in (vars(type(thing)).get("__call__"),) if one is not None)


def _filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - it raises where there is none yet
    except ValueError:
        return False
    return True


_BLANK = frozenset(vars(nn.Module()))
"""The attributes that every module has."""


def _own(attributes: dict[str, Any]) -> list[Any]:
    """The values of the attributes that a user's class has added."""
    return [value for name, value in attributes.items() if name not in _BLANK]


def _same(now: dict[str, Any], before: dict[str, Any]) -> bool:
    return now.keys() == before.keys() and all(now[name] is before[name] for name in before)


def _refill(container: Any, content: Any) -> None:
    if isinstance(container, list):
        container[:] = content
        return
    container.clear()
    container.update(content) if not isinstance(container, deque) else container.extend(content)


def _state_of(generator: Any) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state()
    return generator.getstate()


def _token(state: Any) -> object:
    """A state in a form that can be compared."""
    if isinstance(state, Tensor):
        return state.numpy(force=True).tobytes()
    return repr([one.tolist() if isinstance(one, np.ndarray) else one for one in _entries(state)])


def _entries(state: Any) -> list[Any]:
    return list(state.items()) if isinstance(state, dict) else list(state)


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, torch.Generator | np.random.RandomState):
        generator.set_state(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.setstate(state)
