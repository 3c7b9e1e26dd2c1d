"""The store's key of a slice: what was asked, by content, never by name or time.

Weights, axes and data go in as their bytes, recipes as their fields, and the user's own functions
and modules as their code with all that it refers to.
"""

import hashlib
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from landscape_core.errors import SpecError
from landscape_core.measures._own import Own
from landscape_core.objective import ModelObjective
from landscape_core.probes import Probe
from landscape_core.recipes import Recipe, canonical, content_key, to_plain
from landscape_core.slices import Grid

PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.Size)
"""Values that their own text tells apart."""


def slice_key(read: Probe, grid: Grid, *more: Recipe | str | int | float) -> str:
    """The key of a slice: weights, axes, data, code, measures and choices; and what more is given.

    Raises:
        SpecError: the code refers to something whose content cannot be told.
    """
    content = Content()
    content.add(read.plane.origin, read.plane.axes, list(read.plane.names))
    content.add(repr(read.plane.explained), read.tf32, dict(read.measures))
    for name, part in read.parts.items():
        content.add(name, part.batch_norm)
        add_objective(content, part)
    return content_key("slice", content.digest(), grid, *more)


def add_objective(content: "Content", part: ModelObjective) -> None:
    """Add data, network, loss and statistics of an objective."""
    fixed = [p for p in part.module.parameters() if not p.requires_grad]
    content.add(part.inputs, part.targets, dict(part.buffers), fixed)
    content.add(part.loss_function, part.adapter, part.module)
    for own in (part.loss_function, part.adapter):
        if isinstance(own, nn.Module):  # no plane moves its values, as it does the network's
            content.add(dict(own.named_buffers()), dict(own.named_parameters()))
    if part.batch_norm == "reestimated" and part.reference is not part.inputs:
        content.add(part.reference)


class Content:
    """A digest that grows with what is added: equal content gives an equal digest."""

    def __init__(self) -> None:
        """Nothing added yet."""
        self._digest = hashlib.sha256()
        self._seen: dict[int, int] = {}

    def digest(self) -> str:
        """The hexadecimal digest of all that was added."""
        return self._digest.hexdigest()

    def add(self, *things: Any) -> None:
        """Add things: plain values, tensors, recipes, functions, modules, and collections of these.

        Raises:
            SpecError: something else, for instance an open file.
        """
        for thing in things:
            self._add(thing)

    def _add(self, thing: Any) -> None:
        self._word(type(thing).__qualname__)
        if isinstance(thing, PLAIN):
            self._word(repr(thing))
        elif isinstance(thing, Tensor | np.ndarray):
            self._array(thing)
        elif isinstance(thing, Own):
            self._add(thing.function)
        elif isinstance(thing, Recipe):
            self._word(canonical(to_plain(thing)))
        elif isinstance(thing, Mapping):
            self.add(*[part for item in thing.items() for part in item])
        elif isinstance(thing, list | tuple | set | frozenset):
            self.add(*(sorted(thing, key=repr) if isinstance(thing, set | frozenset) else thing))
        else:
            self._object(thing)

    def _object(self, thing: Any) -> None:
        """Add something that may refer to itself."""
        if id(thing) in self._seen:
            self._word(f"again {self._seen[id(thing)]}")
            return
        self._seen[id(thing)] = len(self._seen)
        if isinstance(thing, types.FunctionType):
            self._function(thing)
        elif isinstance(thing, types.MethodType):
            self.add(thing.__func__, thing.__self__)
        elif isinstance(thing, type | types.BuiltinFunctionType | types.ModuleType):
            self._named(thing)
        elif isinstance(thing, nn.Module):
            self._module(thing)
        elif callable(thing) and _own_state(thing) is not None:
            self.add(type(thing), _own_state(thing))
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
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        self._code(function.__code__, function.__globals__)
        self.add(function.__defaults__, function.__kwdefaults__, cells)

    def _code(self, code: types.CodeType, names: Mapping[str, Any]) -> None:
        self._word(code.co_code.hex())
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant, names)
            else:
                self._add(constant)
        for name in code.co_names:
            self._word(name)
            if name in names:
                self._add(names[name])

    def _named(self, thing: Any) -> None:
        """Add a class with the functions of its body, or anything installed by its name."""
        self._name(thing)
        if isinstance(thing, type) and not _installed(thing):
            self.add(*thing.__bases__)
            body = {k: v for k, v in vars(thing).items() if isinstance(v, types.FunctionType)}
            self._add(body)

    def _module(self, module: nn.Module) -> None:
        """Add what a network's forward may depend on, but for the values that a plane moves."""
        hidden = {"_parameters", "_buffers", "_modules", "training"}
        if isinstance(module, nn.RNNBase):  # its parameters once more
            hidden |= {"_flat_weights", "_flat_weight_refs"}
        own = {k: v for k, v in vars(module).items() if k not in hidden and not _empty_hooks(k, v)}
        self._named(type(module))
        shapes = [(n, tuple(p.shape), p.requires_grad) for n, p in module.named_parameters()]
        self.add(own, repr(shapes), dict(module.named_children()))

    def _name(self, thing: Any) -> None:
        self._word(f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}")

    def _array(self, values: Tensor | npt.NDArray[Any]) -> None:
        self._word(repr((str(values.dtype), tuple(values.shape))))
        if isinstance(values, Tensor):
            kept = values.detach().cpu().contiguous()
            self._digest.update(kept.flatten().view(torch.uint8).numpy().tobytes())
        else:
            self._digest.update(np.ascontiguousarray(values).tobytes())

    def _word(self, word: str) -> None:
        self._digest.update(f"{len(word)}:{word}".encode())


def _installed(thing: Any) -> bool:
    """Whether something belongs to Python or a package, so that its name says what it is."""
    module = getattr(thing, "__module__", None) or ""
    return module.partition(".")[0] in {"torch", "numpy", "builtins", "math", "landscape_core"}


def _own_state(thing: Any) -> dict[str, Any] | None:
    return dict(vars(thing)) if hasattr(thing, "__dict__") else None


def _empty_hooks(name: str, value: Any) -> bool:
    """Whether an attribute is one of a module's registers, with nothing registered."""
    hooks = name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called", "_hook"))
    register = hooks or name.startswith(("_non_persistent", "_is_full", "_version"))
    return register and not value
