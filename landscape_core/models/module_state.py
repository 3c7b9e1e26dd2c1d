"""What evaluating a user's network may change besides its outputs, kept to be put back.

A `forward` may count its calls, fill a buffer or a cache, move the weights of a teacher, or draw
from a generator of its own. Its value is a function of the parameters only where it begins each
time as it was given.
"""

import contextlib
import dis
import types
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from landscape_core.models.closure_network import ClosureNetwork
from landscape_core.models.generator_states import is_own_generator, set_state, state_of, token
from landscape_core.models.installed import is_installed
from landscape_core.models.kept_references import (
    Attributes,
    Cell,
    Entries,
    Globals,
    Structure,
    elements_of,
)
from landscape_core.models.kept_values import LARGE, ArrayValues, Cache, Kept, Values
from landscape_core.models.object_graph import (
    COLLECTIONS,
    LONGEST,
    attributes_of,
    contents_of,
    is_foreign,
    is_own_class,
    is_own_object,
    slotted,
)
from landscape_core.models.object_parts import CACHED
from landscape_core.models.reachable_objects import reached

SETTING = dis.opmap["STORE_GLOBAL"]


class ModuleState:
    """All that modules and functions refer to and that their code may change, as it is now."""

    def __init__(self, *things: Any, like: nn.Module | None = None) -> None:
        """Note it.

        Args:
            things: modules, functions, and what else is called.
            like: a module equal to the first of the things that nobody changes, whose frozen
                parameters need not be copied.
        """
        pairs = reached(*things)
        found = [one for one, _ in pairs]
        modules = [one for one in things if isinstance(one, nn.Module)]
        own = {id(t) for one in modules for t in (*one.parameters(), *one.buffers())}
        frozen, registered = _originals(things, like), _registered(found)
        foreign = _foreign([one for one, shared in pairs if shared], own)
        others = {id(one) for one in foreign}
        known = {id(one) for one in registered} | others
        self._shared: list[Kept] = [Values(one) for one in foreign]
        self._kept: list[Kept] = [
            Values(one, frozen.get(id(one))) for one in registered if id(one) not in others
        ]
        for one, shared in pairs:
            kept = self._shared if shared else self._kept
            kept.extend(_of_tensor(one, known) if isinstance(one, Tensor) else _kept(one))
        self._kept += _structures(things[0]) if things else []
        self._generators = [(one, state_of(one)) for one in found if is_own_generator(one)]
        self._others: list[Kept] = []
        self._drawn: list[Any] = []
        self.may_remember = _may_remember(found)

    def begin(self, *, clean: bool = False) -> None:
        """Put all of it back, and note what others have changed meanwhile of what is theirs.

        Args:
            clean: nothing that is the copy's alone has changed.
        """
        self._others = [one.again() for one in self._shared if one.changed()]
        self._drawn = [state_of(generator) for generator, _ in self._generators]
        if not clean:
            self.restore()
        elif self._others or self._generators:
            self.restore_shared()

    def end(self, *, clean: bool = False) -> None:
        """Put back what others hold as well, and what they had changed as they had it at the start.

        What is the copy's alone waits for the next beginning: a graph may still need its values.

        Args:
            clean: nothing has changed since the beginning.
        """
        for one in (*(() if clean else self._shared), *self._others):
            one.restore()
        for (generator, _), state in zip(self._generators, self._drawn, strict=True):
            set_state(generator, state)

    def restore(self) -> None:
        """Put all of it back, in place."""
        for one in (*self._kept, *self._shared):
            one.restore()
        for generator, state in self._generators:
            set_state(generator, state)

    def restore_shared(self) -> None:
        """Put back what others hold as well: what is a copy's alone, a graph may still need."""
        for one in self._shared:
            one.restore()
        for generator, state in self._generators:
            set_state(generator, state)

    def changed(self) -> bool:
        """Whether any of it is no longer as it was."""
        # All are asked, as some find out in this way how they have to be put back.
        every = (*self._kept, *self._shared)
        return sum(one.changed() for one in every) > 0 or self.drawn()

    def touched(self) -> bool:
        """The same, large tensors only as far as torch counts their changes."""
        every = (*self._kept, *self._shared)
        found = (one.touched() if isinstance(one, Values) else one.changed() for one in every)
        return sum(found) > 0 or self.drawn()

    def drawn(self) -> bool:
        """Whether one of the generators is no longer as it was."""
        return any(token(state_of(one)) != token(state) for one, state in self._generators)


@contextlib.contextmanager
def as_given(*things: Any) -> Iterator[None]:
    """Afterwards all that modules and functions refer to is as it was, their generators too."""
    state = ModuleState(*things)
    try:
        yield
    finally:
        state.restore()


@contextlib.contextmanager
def rewound(*things: Any) -> Iterator[None]:
    """Afterwards the generators alone that functions refer to are as they were."""
    found = [(one, state_of(one)) for one, _ in reached(*things) if is_own_generator(one)]
    try:
        yield
    finally:
        for generator, state in found:
            set_state(generator, state)


def _kept(thing: Any) -> Iterator[Kept]:
    """What can be put back of one object by itself."""
    for kind, kept in KINDS:
        if isinstance(thing, kind):
            yield from kept(thing)
            return
    if is_own_object(thing):
        held = attributes_of(thing)
        yield from () if held is None else (Entries(held),)
        names = [m.__name__ for m, _ in slotted(thing) if is_own_class(m.__objclass__)]
        yield from (Attributes(thing, names),) if names else ()


def _of_module(module: nn.Module) -> Iterator[Kept]:
    registers = (vars(module), module._parameters, module._buffers, module._modules)
    return (Entries(one) for one in registers if type(one) is dict and one)  # scripted ones differ


def _of_function(function: types.FunctionType) -> Iterator[Kept]:
    if is_foreign(function):
        return
    yield Entries(vars(function))
    yield from (Cell(cell) for cell, _ in contents_of(function))
    if SETTING in function.__code__.co_code[::2]:
        yield Globals(function.__globals__, set(function.__code__.co_names))


def _of_tensor(tensor: Tensor, known: set[int]) -> Iterator[Kept]:
    """Its entries, but for those of known tensors and of parameters, which move."""
    if tensor.numel() <= LARGE and id(tensor) not in known:
        yield from () if tensor.is_leaf and tensor.requires_grad else (Values(tensor),)


def _of_array(array: npt.NDArray[Any]) -> Iterator[Kept]:
    if array.size <= LARGE and array.flags.writeable and array.dtype != object:
        yield ArrayValues(array)


def _structures(thing: Any) -> list[Kept]:
    """What an objective may change of a network besides: hooks, classes and empty registers.

    Hooks in other networks may be our own.
    """
    parts = thing.network.modules() if isinstance(thing, ClosureNetwork) else ()
    return [Structure(one) for one in parts if not isinstance(one, torch.jit.ScriptModule)]


KINDS: tuple[tuple[Any, Callable[[Any], Iterable[Kept]]], ...] = (
    (nn.Module, _of_module),
    (types.FunctionType, _of_function),
    (type, lambda it: (Attributes(it),) if is_own_class(it) else ()),
    (CACHED, lambda it: () if is_installed(it.__wrapped__) else (Cache(it),)),
    (np.ndarray, _of_array),
    (COLLECTIONS, lambda it: (elements_of(it),) if len(it) <= LONGEST**2 else ()),
)
"""What can be put back of objects, by their kinds; of all others it is their attributes."""


def _registered(found: list[Any]) -> list[Tensor]:
    """The buffers and the frozen parameters of modules."""
    modules = [one for one in found if isinstance(one, nn.Module)]
    tensors = [t for m in modules for t in m._buffers.values() if t is not None]
    frozen = [t for m in modules for t in m._parameters.values() if t is not None]
    every = (*tensors, *(t for t in frozen if not t.requires_grad))
    return list({id(one): one for one in every}.values())


def _foreign(shared: list[Any], own: Collection[int]) -> list[Tensor]:
    """Buffers and parameters of the modules that all copies share, but for those of its own."""
    modules = [one for one in shared if isinstance(one, nn.Module)]
    every = [t for m in modules for t in (*m._buffers.values(), *m._parameters.values())]
    return list({id(t): t for t in every if t is not None and id(t) not in own}.values())


def _originals(things: tuple[Any, ...], like: nn.Module | None) -> dict[int, Tensor]:
    """The frozen parameters of a like module by the identity of those that they are equal to."""
    if like is None:
        return {}
    own = dict(like.named_parameters())
    return {
        id(one): own[name].detach()
        for name, one in things[0].named_parameters()
        if not one.requires_grad and name in own
    }


def _may_remember(found: list[Any]) -> bool:
    """Whether among objects there is code of the user's, and something that it may remember in."""
    kinds = (one for one in found if isinstance(one, type) and not is_foreign(one))
    functions = (
        one for one in found if isinstance(one, types.FunctionType) and not is_foreign(one)
    )
    places = (one for one in found if isinstance(one, (CACHED, Iterator, *COLLECTIONS)))
    return any(True for _ in kinds) or (any(functions) and any(True for _ in places))
