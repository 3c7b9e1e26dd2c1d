"""A digest of what was asked, by content, never by name or time.

Weights, axes and data go in as their bytes, recipes as their classes and fields, and the user's own
functions and modules as their code with all that it refers to. An object is told only where all of
its state is known: what may hide some is refused.
"""

import builtins
import collections
import enum
import functools
import hashlib
import importlib.util
import operator
import os
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooked

from landscape_core.foundation.errors import LandscapeError, MissingDataError, SpecError
from landscape_core.foundation.recipes import Recipe, canonical, fields_of
from landscape_core.models.code_reading import Import, mentioned, reading
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.file_digests import file_digest
from landscape_core.models.installed import (
    comes_installed,
    is_installed,
    is_installed_module,
    package_mark,
)
from landscape_core.models.measures._own import Own
from landscape_core.models.object_parts import administers, attributes, own_state, parts
from landscape_core.models.objective import ModelObjective

PLAIN = (
    *(int, float, complex, str, bytes, range, type(None), type(...), np.dtype),
    *(torch.dtype, torch.Size, torch.device, torch.layout, torch.memory_format),
)
"""Values that their own text tells apart."""

COLLECTIONS = (dict, list, tuple, set, frozenset)

PYTHONS = {*PLAIN, *COLLECTIONS, bool, collections.OrderedDict, torch.nn.Parameter}
"""Classes that add nothing to their values."""

QUICK: dict[type, Any] = {int: hex, **dict.fromkeys((str, bool, float, type(None)), repr)}
"""How the most frequent values are told."""

_dispatching: Any = functools.singledispatch(len)
BY_KIND: types.CodeType = _dispatching.__code__
"""The code of every function that `functools.singledispatch` makes."""

SUBJECT = "what the loss, model or measure refers to"
TOLD = "made of numbers, text, tensors and functions, as a key is made of its content"
TOO_DEEP = "things within things without end", "nested less deeply"

BY_NAME = {"getattr", "vars", "__dict__", "attrgetter", "__getattribute__", "getmembers"}
"""What code says that takes something by a name which need not stand in it."""

READING = {"open", "eval", "exec", "globals", "__import__", "input"}
"""Functions of Python by which code reaches what it does not name."""

NO_CONTENT = {"__doc__", "__annotations__", "__code__", "__file__", "get_type_hints", "_getframe"}
"""What tells how and where code is written."""

FILES = (np.load, np.loadtxt, np.genfromtxt, np.fromfile, np.memmap, torch.load)
FROM_FILE = {"read_text", "read_bytes", "getsource"}
"""What reads files, whose content is nowhere in the code."""

UNTOLD = FROM_FILE | NO_CONTENT

METHODS = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property)
GETTERS = (operator.attrgetter, operator.methodcaller)

MEMBER = {"_name_", "_value_", "__objclass__", "_sort_order_"}
"""What Python notes of a member of an enumeration."""

HOOKS = {name for name in vars(nn.Module()) if "_hook" in name}
"""The registers of what a module calls besides its forward."""

MISSING = object()


def add_objective(content: "Content", part: ModelObjective) -> None:
    """Add data, network, loss and statistics of an objective, and what it has for a gradient.

    Raises:
        SpecError: something is referred to whose content cannot be told.
    """
    fixed = [p for p in part.module.parameters() if not p.requires_grad]
    content.add(part.inputs, part.targets, dict(part.buffers), fixed)
    content.add(part.loss_function, part.adapter, part.field, torch.get_default_dtype())
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
        # Modules of the user's own that are handed on, and the names that code mentions.
        self._modules: dict[str, types.ModuleType] = {}
        self._mentioned: dict[str, None] = {}
        self._taken: set[tuple[str, str]] = set()
        # Methods that no key tells, which matter where something calls them.
        self._untold: list[tuple[str, SpecError]] = []

    def digest(self) -> str:
        """The hexadecimal digest of all that was added.

        Raises:
            SpecError: a module is referred to that holds what cannot be told, or a method is called
                that does.
        """
        while left := self._left():
            for module, name in left:
                self._taken.add((module, name))
                self.add(module, name, vars(self._modules[module])[name])
        for name, error in self._untold:
            if name in self._mentioned or self._by_any_name():
                raise error
        return self._digest.hexdigest()

    def add(self, *things: Any) -> None:
        """Add things: plain values, tensors, recipes, functions, modules, and collections of these.

        Raises:
            SpecError: something else, for instance an open file.
        """
        for thing in things:
            try:
                self._add(thing)
            except LandscapeError:
                raise
            except RecursionError:
                raise SpecError(SUBJECT, *TOO_DEEP) from None
            except Exception as error:  # an object of the user's own raises anything
                told = f"{type(thing).__name__} ({type(error).__name__}: {error})"
                raise SpecError(SUBJECT, told, TOLD) from error

    def add_network(self, network: nn.Module) -> None:
        """Add a network but for the values of its parameters and buffers, and for its mode.

        A plane moves the values, which are added with it, and evaluation sets the mode. Of a module
        that is no part of the network, say a teacher that the loss asks, all of it is added.

        Raises:
            SpecError: something is referred to whose content cannot be told.
        """
        self._network |= {id(module): module for module in network.modules()}
        self.add(network, _tied(network))
        for name in ("_global_forward_pre_hooks", "_global_forward_hooks"):
            self.add(list(getattr(hooked, name, {}).values()))

    def _add(self, thing: Any) -> None:
        # What a class says it is need not be so: its type is.
        kind = type(thing)
        if kind in QUICK:
            self._word(f"{kind.__name__} {QUICK[kind](thing)}")
            return
        self._word(kind.__qualname__)
        if issubclass(kind, enum.Enum):
            if self._first(thing):
                own = {name: v for name, v in vars(thing).items() if name not in MEMBER}
                self.add(kind, thing._name_, thing._value_, own)
        elif issubclass(kind, Tensor | np.ndarray | np.generic):
            self._array(np.asarray(thing) if issubclass(kind, np.generic) else thing)
            self._more(thing)
        elif issubclass(kind, PLAIN):
            self._plain(thing)
            self._more(thing)
        elif issubclass(kind, Recipe):
            self._recipe(thing)
        elif issubclass(kind, COLLECTIONS):
            self._collection(thing)
        else:
            self._object(thing)

    def _plain(self, thing: Any) -> None:
        """Add a plain value by its own text, whatever its class would say."""
        kind = type(thing)
        if issubclass(kind, int):
            self._word(f"{int.__index__(thing):x}")
        elif issubclass(kind, bytes):
            self._word(str(len(thing)))
            self._digest.update(bytes.__getitem__(thing, slice(None)))
        else:
            plain: Any = next(one for one in PLAIN if issubclass(kind, one))
            self._word(plain.__repr__(thing))

    def _recipe(self, recipe: Recipe) -> None:
        """Add a recipe by its class, its fields and the bytes of the files it reads."""
        kind = type(recipe)
        if kind is Own:
            self._add(vars(recipe)["function"])
            return
        self._add(kind)
        names = [field.name for field in fields_of(kind)]
        if isinstance(recipe, ProblemData):
            files = _files_of(recipe)
            self._add({name: file_digest(path) for name, path in files.items()})
            names = [name for name in names if not (files and name == recipe.place)]
        for name in names:
            value = getattr(recipe, name)
            self._word(name)
            if isinstance(value, Recipe):
                self._add(value)
            else:
                self._word(canonical(value))
        if not (is_installed(kind) or _file_of(kind)):
            self._add({name: v for name, v in vars(recipe).items() if name not in names})

    def _collection(self, things: Any) -> None:
        kind = type(things)
        if issubclass(kind, dict):
            ordered = issubclass(kind, collections.OrderedDict)
            base: Any = collections.OrderedDict if ordered else dict
            self._word(str(dict.__len__(things)))
            self.add(*[part for item in base.items(things) for part in item])
        elif issubclass(kind, list | tuple):
            held = list(list.__iter__(things) if issubclass(kind, list) else tuple.__iter__(things))
            self._word(str(len(held)))
            self.add(*held)
        else:
            base = set if issubclass(kind, set) else frozenset
            told = sorted(self._apart(one) for one in base.__iter__(things))
            self._word(repr(told))
        if issubclass(kind, collections.defaultdict):
            self._add(things.default_factory)
        self._more(things)

    def _apart(self, thing: Any) -> str:
        """The digest of one thing by itself, as a member of a set, which has no order."""
        content = Content()
        content._seen, content._network = dict(self._seen), self._network
        content._modules, content._mentioned = self._modules, self._mentioned
        content._untold = self._untold
        content.add(thing)
        return content._digest.hexdigest()

    def _more(self, thing: Any) -> None:
        """Add what a class of one's own adds to a value or a collection.

        Tensors take attributes in any case.
        """
        kind = type(thing)
        own = kind not in PYTHONS and not is_installed(kind)
        marked = issubclass(kind, Tensor) and bool(vars(thing))
        if (own or marked) and self._first(thing):
            state = attributes(thing)
            if state is None:
                raise SpecError(SUBJECT, kind.__name__, TOLD)
            self.add(kind, state)

    def _first(self, thing: Any) -> bool:
        """Whether this object was not met before; a word tells which one it is otherwise."""
        if id(thing) in self._seen:
            self._word(f"again {self._seen[id(thing)][0]}")
            return False
        self._seen[id(thing)] = len(self._seen), thing
        return True

    def _object(self, thing: Any) -> None:
        """Add something that may refer to itself."""
        kind = type(thing)
        if not self._first(thing):
            return
        if kind is types.FunctionType:
            self._function(thing)
        elif issubclass(kind, types.ModuleType):
            self._whole(thing)
        elif issubclass(kind, type):
            self._class(thing)
        elif issubclass(kind, nn.Module):
            self._module(thing)
        else:
            self._made_of(thing)

    def _made_of(self, thing: Any) -> None:
        """Add an object by its state; a path to a file with the bytes of it."""
        kind = type(thing)
        if (made_of := parts(thing)) is not None:
            self.add(*made_of)
            if kind in GETTERS:
                self._mentioned["attrgetter"] = None
            if isinstance(thing, Path) and thing.is_file():
                self._word(file_digest(thing))
        elif (state := own_state(thing)) is not None:
            self.add(kind, state)
        else:
            raise SpecError(SUBJECT, kind.__name__, TOLD)

    def _function(self, function: types.FunctionType) -> None:
        if is_installed(function):
            self._name(function)
            if function is os.getenv:
                self._add(os.environ)
            return
        if function.__code__ is BY_KIND:
            self._add(dict(vars(function)["registry"]))
            return
        code = function.__code__
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        held = {name: value for name, cell in cells.items() for value in _contents(cell)}
        self._mentioned |= dict.fromkeys(sorted(mentioned(code)))
        self._code(code, function.__globals__)
        told = {name: v for name, v in vars(function).items() if not administers(name, v)}
        self.add(function.__defaults__, function.__kwdefaults__, held, told)

    def _code(self, code: types.CodeType, names: dict[str, Any]) -> None:
        read = reading(code)
        self._word(read.steps)
        self._word(str(len(read.constants)))
        for constant in read.constants:
            if isinstance(constant, types.CodeType):
                self._code(constant, names)
            else:
                self._add(constant)
        if untold := UNTOLD & read.attributes:
            raise SpecError(SUBJECT, f"code that asks for {min(untold)}", TOLD)
        for chain in read.looked_up:
            self._looked_up(chain, names)
        for one in read.imports:
            self._imported(one, names)

    def _looked_up(self, chain: Sequence[str], names: Mapping[str, Any]) -> None:
        """Add what code takes by a global name, out of modules as `a.b.c`."""
        first, *rest = chain
        value = names.get(first, MISSING)
        self._word(first)
        if value is MISSING:
            if first in READING | UNTOLD:
                raise SpecError(SUBJECT, f"code that calls {first}", TOLD)
            value = vars(builtins).get(first, MISSING)
            if is_installed(value):
                return
        while isinstance(value, types.ModuleType) and rest:
            name = rest.pop(0)
            self._word(f"{value.__name__}.{name}")
            value = self._taken_out(value, name)
        if value is not MISSING:
            self._add(value)

    def _taken_out(self, module: types.ModuleType, name: str) -> Any:
        """What a module gives under a name; nothing more where its name tells it."""
        value = vars(module).get(name, MISSING)
        if value is MISSING and "__getattr__" in vars(module) and not is_installed_module(module):
            return vars(module)["__getattr__"]
        if any(value is one for one in FILES):
            raise SpecError(SUBJECT, f"code that calls {module.__name__}.{name}", TOLD)
        if is_installed_module(module) and not isinstance(value, types.ModuleType):
            self._word(package_mark(module.__name__))
            return value if _may_differ(value) else MISSING
        return value

    def _imported(self, one: Import, names: Mapping[str, Any]) -> None:
        """Add what code imports when it runs.

        Raises:
            SpecError: a module of the user's own that was not imported yet.
        """
        name = f"{'.' * one.level}{one.name}"
        if one.level:
            name = importlib.util.resolve_name(name, names.get("__package__") or "")
        self._word(name)
        module = sys.modules.get(name)
        if module is None:
            if not comes_installed(name):
                raise SpecError(SUBJECT, f"code that imports {name}", "imported beforehand")
        elif one.taken:
            for taken in one.taken:
                value = sys.modules.get(f"{name}.{taken}") or self._taken_out(module, taken)
                if value is not MISSING:
                    self._add(value)
        else:
            self.add(module, sys.modules.get(name.partition(".")[0]))

    def _whole(self, module: types.ModuleType) -> None:
        """Add a module by its name; what code may take out of one's own is added in the end."""
        self._word(module.__name__)
        self._word(package_mark(module.__name__))
        if not is_installed_module(module):
            self._modules[module.__name__] = module

    def _left(self) -> list[tuple[str, str]]:
        """What code may take out of the modules that are handed on, and is not added yet."""
        everything = self._by_any_name()
        return [
            (module, name)
            for module in sorted(self._modules)
            for name in sorted(vars(self._modules[module]))
            if (name in self._mentioned or (everything and not name.startswith("__")))
            if (module, name) not in self._taken and not administers(name, None)
        ]

    def _by_any_name(self) -> bool:
        """Whether code takes something by a name that need not stand in it."""
        return not BY_NAME.isdisjoint(self._mentioned)

    def _class(self, kind: type) -> None:
        """Add a class with its body and its own class; by its name or file what is installed."""
        self._name(kind)
        if file := _file_of(kind):
            self._word(file)
        if file or is_installed(kind):
            return
        self.add(*kind.__bases__)
        if not is_installed(type(kind)):
            self._add(type(kind))
        body = {name: v for name, v in vars(kind).items() if not administers(name, v)}
        self._word(str(len(body)))
        for name, value in body.items():
            self._word(name)
            self._member(kind, name, value)

    def _member(self, kind: type, name: str, value: Any) -> None:
        """Add what a class's body holds; a method that no key tells only counts if it is called.

        Many networks have one that reads a file, and that evaluating them leaves alone.
        """
        noted: tuple[dict[Any, Any], ...] = (self._seen, self._modules, self._mentioned)
        before = [len(one) for one in noted]
        try:
            self.add(value)
        except SpecError as error:
            if type(value) not in METHODS or _called_anyway(kind, name):
                raise
            for one, count in zip(noted, before, strict=True):
                while len(one) > count:  # what was met on the way is not all told
                    one.popitem()
            self._untold.append((name, error))

    def _module(self, module: nn.Module) -> None:
        """Add what a module's forward may depend on, but for what a plane moves of the network."""
        hidden = {"_parameters", "_buffers", "_modules", "training", *HOOKS}
        if isinstance(module, nn.RNNBase):  # its parameters once more
            hidden |= {"_flat_weights", "_flat_weight_refs"}
        own = {name: value for name, value in vars(module).items() if name not in hidden}
        self._class(type(module))
        if id(module) not in self._network:
            self.add(module.training, dict(module._parameters), dict(module._buffers))
        shapes = [(n, tuple(p.shape), p.requires_grad) for n, p in module.named_parameters()]
        self.add(own, _hooks(module), repr(shapes), dict(module._modules))

    def _name(self, thing: Any) -> None:
        self._word(f"{thing.__module__}.{thing.__qualname__}")
        if isinstance(thing.__module__, str):
            self._word(package_mark(thing.__module__))

    def _array(self, values: Tensor | npt.NDArray[Any]) -> None:
        self._word(repr((str(values.dtype), tuple(values.shape))))
        if isinstance(values, np.ma.MaskedArray):
            self.add(values.data, np.ma.getmaskarray(values), values.fill_value)
        elif isinstance(values, np.ndarray) and values.dtype.hasobject:
            self._add(values.tolist())
        elif isinstance(values, Tensor):
            with torch._C.DisableTorchFunctionSubclass():
                self._digest.update(_bytes_of(values))
        else:
            self._digest.update(np.ascontiguousarray(values).tobytes())

    def _word(self, word: str) -> None:
        self._digest.update(f"{len(word)}:{word}".encode())


def _files_of(data: ProblemData) -> dict[str, Path]:
    """The files of a data set; none where one is missing, so that nothing can be made of it."""
    try:
        return data.files()
    except MissingDataError:
        return {}


def _file_of(kind: type) -> str:
    """The digest of the file of a part of the laboratory; empty for all other classes."""
    return str(vars(kind).get("_written", "")) if issubclass(kind, Recipe) else ""


def _may_differ(value: Any) -> bool:
    """Whether what an installed module holds need not be its own, or tells of this machine."""
    if value is os.getenv or value is os.environ or isinstance(value, (*PLAIN, Tensor, np.ndarray)):
        return True
    return isinstance(value, types.FunctionType | type) and not is_installed(value)


def _tied(network: nn.Module) -> list[tuple[str, str]]:
    """Which parameters and buffers of a network are one and the same, by their names."""
    first: dict[int, str] = {}
    named = (
        *network.named_parameters(remove_duplicate=False),
        *network.named_buffers(remove_duplicate=False),
    )
    pairs = [(name, first.setdefault(id(value), name)) for name, value in named]
    return [(name, one) for name, one in pairs if name != one]


def _hooks(module: nn.Module) -> dict[str, Any]:
    """What a module calls besides its forward; its hooks by their order, not by their numbers.

    Those count all hooks that there ever were.
    """
    found = {name: vars(module).get(name) for name in sorted(HOOKS)}
    registers = [held for held in found.values() if isinstance(held, Mapping)]
    order = {number: at for at, number in enumerate(sorted({n for one in registers for n in one}))}
    return {
        name: [(order[n], hook) for n, hook in held.items()] if isinstance(held, Mapping) else held
        for name, held in found.items()
        if held
    }


def _called_anyway(kind: type, name: str) -> bool:
    """Whether Python or a package may call a method, though no code of one's own does."""
    special = name.startswith("__") and name.endswith("__")
    return special or any(name in vars(base) for base in kind.__mro__[1:] if is_installed(base))


def _contents(cell: types.CellType) -> tuple[Any, ...]:
    """What a cell holds, if anything yet."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def _bytes_of(values: Tensor) -> bytes:
    if values.layout != torch.strided:
        raise SpecError(SUBJECT, values.layout, "dense")
    kept = values.detach().cpu().resolve_conj().resolve_neg().flatten()
    if kept.stride(0) != 1:  # so it may be of a single number
        kept = kept.clone(memory_format=torch.contiguous_format)
    return kept.view(torch.uint8).numpy().tobytes()
