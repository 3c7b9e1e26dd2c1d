"""The store's key of a slice: what was asked, by content, never by name or time.

Weights, axes and data go in as their bytes, recipes as their fields, and the user's own functions
and modules as their code with all that it refers to. An object is told only where all of its state
is known: what may hide some is refused.
"""

import collections
import enum
import functools
import hashlib
import operator
import struct
import sys
import sysconfig
import types
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe, canonical, to_plain
from landscape_core.models.measures._own import Own
from landscape_core.models.objective import ModelObjective

PLAIN = (
    *(bool, int, float, complex, str, bytes, range, type(None), type(...), np.generic, np.dtype),
    *(torch.dtype, torch.Size, torch.device, torch.layout, torch.memory_format),
)
"""Values that their own text tells apart."""

INSTALLED = {
    *("torch", "numpy", "builtins", "math", "landscape_core"),
    *("abc", "collections", "enum", "functools", "operator", "types", "typing"),
}
"""Packages whose functions and classes are told by their names."""

CACHED = type(functools.lru_cache(len))
"""What `functools.lru_cache` makes of a function."""

_dispatching: Any = functools.singledispatch(len)
BY_KIND: types.CodeType = _dispatching.__code__
"""The code of every function that `functools.singledispatch` makes."""

PLACES = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
"""Folders of Python and of the packages that are installed."""

WRITTEN = {
    *("__module__", "__name__", "__qualname__", "__doc__", "__firstlineno__", "__type_params__"),
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    *("__slots__", "__static_attributes__", "__classdictcell__", "__match_args__", "__dict__"),
    *("__dataclass_fields__", "__dataclass_params__", "__orig_bases__", "__parameters__"),
    *("__abstractmethods__", "_abc_impl", "__weakref__"),
}
"""What Python writes into the body of a class or the attributes of a function."""

TOO_DEEP = "things within things without end", "nested less deeply"

POINTER = struct.calcsize("P")


def add_objective(content: "Content", part: ModelObjective) -> None:
    """Add data, network, loss and statistics of an objective."""
    fixed = [p for p in part.module.parameters() if not p.requires_grad]
    content.add(part.inputs, part.targets, dict(part.buffers), fixed)
    content.add(part.loss_function, part.adapter)
    content.add_network(part.module)
    if part.batch_norm == "reestimated" and part.reference is not part.inputs:
        content.add(part.reference)


class Content:
    """A digest that grows with what is added: equal content gives an equal digest."""

    def __init__(self) -> None:
        """Nothing added yet."""
        self._digest = hashlib.sha256()
        # With the objects themselves, so that none of these numbers is given to another.
        self._seen: dict[int, tuple[int, Any]] = {}
        self._network: dict[int, nn.Module] = {}

    def digest(self) -> str:
        """The hexadecimal digest of all that was added."""
        return self._digest.hexdigest()

    def add(self, *things: Any) -> None:
        """Add things: plain values, tensors, recipes, functions, modules, and collections of these.

        Raises:
            SpecError: something else, for instance an open file.
        """
        for thing in things:
            try:
                self._add(thing)
            except RecursionError:
                raise SpecError("what the loss, model or measure refers to", *TOO_DEEP) from None

    def add_network(self, network: nn.Module) -> None:
        """Add a network but for the values of its parameters and buffers, and for its mode.

        A plane moves the values, which are added with it, and evaluation sets the mode. Of a module
        that is no part of the network, say a teacher that the loss asks, all of it is added.

        Raises:
            SpecError: something is referred to whose content cannot be told.
        """
        self._network |= {id(module): module for module in network.modules()}
        self.add(network)

    def _add(self, thing: Any) -> None:
        self._word(type(thing).__qualname__)
        if isinstance(thing, enum.Enum):
            self.add(type(thing), thing.name, thing.value)
        elif isinstance(thing, PLAIN):
            self._word(repr(thing))
            self._more(thing)
        elif isinstance(thing, Tensor | np.ndarray):
            self._array(thing)
            self._more(thing)
        elif isinstance(thing, Own):
            self._add(thing.function)
        elif isinstance(thing, Recipe):
            self._word(canonical(to_plain(thing)))
            self._more(thing)
        elif isinstance(thing, Mapping | list | tuple | set | frozenset):
            self._collection(thing)
        else:
            self._object(thing)

    def _collection(self, things: Any) -> None:
        self._word(str(len(things)))
        if isinstance(things, Mapping):
            self.add(*[part for item in things.items() for part in item])
        else:
            unordered = isinstance(things, set | frozenset)
            self.add(*(sorted(things, key=repr) if unordered else things))
        if isinstance(things, collections.defaultdict):
            self._add(things.default_factory)
        self._more(things)

    def _more(self, thing: Any) -> None:
        """Add what a class of one's own adds to a value, a collection or a recipe.

        Tensors take attributes in any case.
        """
        own, state = not _installed(type(thing)), getattr(thing, "__dict__", {})
        if (own or (state and isinstance(thing, Tensor))) and self._first(thing):
            self._add(type(thing))
            if not isinstance(thing, Recipe):  # whose fields are added
                self._add(state)

    def _first(self, thing: Any) -> bool:
        """Whether this object was not met before; a word tells which one it is otherwise."""
        if id(thing) in self._seen:
            self._word(f"again {self._seen[id(thing)][0]}")
            return False
        self._seen[id(thing)] = len(self._seen), thing
        return True

    def _object(self, thing: Any) -> None:
        """Add something that may refer to itself."""
        if not self._first(thing):
            return
        if isinstance(thing, types.FunctionType):
            self._function(thing)
        elif isinstance(thing, types.MethodType):
            self.add(thing.__func__, thing.__self__)
        elif isinstance(thing, type | types.ModuleType):
            self._named(thing)
        elif isinstance(thing, nn.Module):
            self._module(thing)
        elif (parts := _parts(thing)) is not None:
            self.add(*parts)
        elif (state := _own_state(thing)) is not None:
            self.add(type(thing), state)
        else:
            name = type(thing).__name__
            accepted = (
                "made of numbers, text, tensors and functions, as a key is made of its content"
            )
            raise SpecError("what the loss, model or measure refers to", name, accepted)

    def _function(self, function: types.FunctionType) -> None:
        if _installed(function):
            self._name(function)
            return
        if function.__code__ is BY_KIND:
            self._add(vars(function)["registry"])
            return
        code = function.__code__
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        held = {name: value for name, cell in cells.items() for value in _contents(cell)}
        self._code(code, function.__globals__)
        self.add(function.__defaults__, function.__kwdefaults__, held, vars(function))
        for module in held.values():
            if isinstance(module, types.ModuleType):
                self._used(module, _mentioned(code))

    def _code(self, code: types.CodeType, names: Mapping[str, Any]) -> None:
        self._word(code.co_code.hex())
        self._word(code.co_exceptiontable.hex())
        # A partial gives arguments by their names.
        count = code.co_argcount + code.co_kwonlyargcount
        kinds = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
        self._word(repr((*kinds, code.co_varnames[:count])))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant, names)
            else:
                self._add(constant)
        for name in code.co_names:
            self._word(name)
            if name in names:
                self._add(names[name])
                if isinstance(names[name], types.ModuleType):
                    self._used(names[name], _mentioned(code))

    def _used(self, module: types.ModuleType, mentioned: Set[str]) -> None:
        """Add what code that mentions these names may take out of a module of the user's own."""
        if _is_installed(module):
            return
        for name in sorted(mentioned & vars(module).keys()):
            value = vars(module)[name]
            self.add(name, value)
            if isinstance(value, types.ModuleType) and value is not module:
                self._used(value, mentioned)

    def _named(self, thing: Any) -> None:
        """Add a class with its body and its own class; by its name a module, or what is installed.

        Of a module of the user's own, whoever uses it adds what is taken out of it.
        """
        if isinstance(thing, types.ModuleType):
            self._word(thing.__name__)
            return
        self._name(thing)
        if not _installed(thing):
            self.add(*thing.__bases__)
            if not _installed(type(thing)):
                self._add(type(thing))
            self._add({name: v for name, v in vars(thing).items() if not _administers(name, v)})

    def _module(self, module: nn.Module) -> None:
        """Add what a module's forward may depend on, but for what a plane moves of the network."""
        hidden = {"_parameters", "_buffers", "_modules", "training"}
        if isinstance(module, nn.RNNBase):  # its parameters once more
            hidden |= {"_flat_weights", "_flat_weight_refs"}
        own = {k: v for k, v in vars(module).items() if k not in hidden and not _empty_hooks(k, v)}
        self._named(type(module))
        if id(module) not in self._network:
            self.add(module.training, dict(module._parameters), dict(module._buffers))
        shapes = [(n, tuple(p.shape), p.requires_grad) for n, p in module.named_parameters()]
        self.add(own, repr(shapes), dict(module.named_children()))

    def _name(self, thing: Any) -> None:
        self._word(f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}")

    def _array(self, values: Tensor | npt.NDArray[Any]) -> None:
        self._word(repr((str(values.dtype), tuple(values.shape))))
        if isinstance(values, np.ma.MaskedArray):
            self.add(values.data, np.ma.getmaskarray(values), values.fill_value)
        elif isinstance(values, np.ndarray) and values.dtype.hasobject:
            self._add(values.tolist())
        elif isinstance(values, Tensor):
            if values.layout != torch.strided:
                raise SpecError("what the loss, model or measure refers to", values.layout, "dense")
            kept = values.detach().cpu().resolve_conj().resolve_neg().flatten()
            if kept.stride(0) != 1:  # so it may be of a single number
                kept = kept.clone(memory_format=torch.contiguous_format)
            self._digest.update(kept.view(torch.uint8).numpy().tobytes())
        else:
            self._digest.update(np.ascontiguousarray(values).tobytes())

    def _word(self, word: str) -> None:
        self._digest.update(f"{len(word)}:{word}".encode())


def _installed(thing: Any) -> bool:
    """Whether something belongs to Python or a package, and its name leads to it.

    The name of a function made by another function does not.
    """
    module = getattr(thing, "__module__", None) or ""
    if module.partition(".")[0] not in INSTALLED:
        return False
    if isinstance(thing, type) and not _is_made(thing):
        return True  # by C, under a name that need not be that of its place
    found: Any = sys.modules.get(module)
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is thing


def _is_installed(module: types.ModuleType) -> bool:
    """Whether a module belongs to Python or a package, rather than to the user."""
    origin = getattr(module.__spec__, "origin", None) or getattr(module, "__file__", None)
    if module.__name__.partition(".")[0] in INSTALLED or origin in ("built-in", "frozen"):
        return True
    return origin is not None and any(Path(origin).is_relative_to(at) for at in PLACES)


def _contents(cell: types.CellType) -> tuple[Any, ...]:
    """What a cell holds, if anything yet."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def _mentioned(code: types.CodeType) -> set[str]:
    """The names that code mentions, functions within it included."""
    within = (_mentioned(one) for one in code.co_consts if isinstance(one, types.CodeType))
    return set(code.co_names).union(*within)


def _is_made(kind: type) -> bool:
    """Whether a class was made while Python ran."""
    return bool(kind.__flags__ & (1 << 9))  # Py_TPFLAGS_HEAPTYPE


PARTS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    functools.partial: lambda it: (it.func, it.args, it.keywords, vars(it)),
    functools.partialmethod: lambda it: (it.func, it.args, it.keywords, vars(it)),
    # With __wrapped__, from which follows what it remembers.
    CACHED: lambda it: ({k: v for k, v in vars(it).items() if not _administers(k, v)},),
    **dict.fromkeys(
        (operator.itemgetter, operator.attrgetter, operator.methodcaller),
        lambda it: tuple(it.__reduce__()),
    ),
    property: lambda it: (it.fget, it.fset, it.fdel),
    functools.cached_property: lambda it: (it.func, it.attrname),
    **dict.fromkeys((staticmethod, classmethod), lambda it: (it.__func__,)),
    **dict.fromkeys(
        (types.BuiltinFunctionType, types.MethodWrapperType),
        lambda it: (getattr(it, "__module__", None), it.__qualname__, it.__self__),
    ),
    **dict.fromkeys(
        (types.MethodDescriptorType, types.WrapperDescriptorType),
        lambda it: (it.__objclass__, it.__name__),
    ),
}
"""What callables that are implemented in C are made of, by their type."""


def _parts(thing: Any) -> tuple[Any, ...] | None:
    """What a callable implemented in C is made of; None for all others."""
    name = getattr(thing, "__name__", "")
    if isinstance(thing, np.ufunc):  # one that was made by `frompyfunc` is nowhere in numpy
        return (name,) if getattr(np, name, None) is thing else None
    made_of = PARTS.get(type(thing))
    return made_of(thing) if made_of else None


def _own_state(thing: Any) -> dict[str, Any] | None:
    """The attributes and slots of an object; None if it may have more state than these."""
    kind = type(thing)
    slots = [
        (name, member)
        for base in kind.__mro__
        if "__slots__" in vars(base)  # what C declares need not be all it has
        for name, member in vars(base).items()
        if isinstance(member, types.MemberDescriptorType)
    ]
    told = len(slots) + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    # As Python decides whether it can copy an object: it is no larger than what is told of it.
    if kind.__itemsize__ or kind.__basicsize__ > object.__basicsize__ + POINTER * told:
        return None
    filled = {name: member.__get__(thing) for name, member in slots if hasattr(thing, name)}
    return {**filled, **getattr(thing, "__dict__", {})}


def _administers(name: str, value: Any) -> bool:
    """Whether an entry of a class's body is Python's own: where it is, and what it is called."""
    kinds = (types.MemberDescriptorType, types.GetSetDescriptorType)
    return isinstance(value, kinds) or name in WRITTEN


def _empty_hooks(name: str, value: Any) -> bool:
    """Whether an attribute is one of a module's registers, with nothing registered."""
    hooks = name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called", "_hook"))
    register = hooks or name.startswith(("_non_persistent", "_is_full", "_version"))
    return register and not value
