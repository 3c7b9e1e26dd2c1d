"""Whether an evaluation is the same arithmetic at every point: found out by watching one.

Ways of computing that do not run `forward` at each point repeat what they saw elsewhere. That holds
only where the network never asks for a value, has no shape that depends on values, draws nothing
and writes to nothing that outlives the call. Every operation of torch passes a dispatch mode, which
sees all of these by the operation's own tags; what leaves torch (`tolist`, `numpy`) passes a
function mode.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from landscape_core.models.shared_memory import Addresses, storage_of

T = TypeVar("T")

TELLING = {
    torch.Tag.data_dependent_output: "asks for a value",
    torch.Tag.dynamic_output_shape: "has a shape that depends on values",
}
"""Tags of operations after which a network may go another way elsewhere."""

MASKS = (torch.bool, torch.uint8)
"""Types of indices that choose by their values."""

LEAVING = {
    torch.Tensor.tolist: "tolist",
    torch.Tensor.numpy: "numpy",
    torch.Tensor.__array__: "numpy",
    torch.Tensor.data_ptr: "data_ptr",
}
"""Methods through which values leave torch, which no operation tells."""


MEMORY = "remembers earlier calls"
SHAPED = ("_like.", ".new_", ".size", ".stride", ".numel", ".dim")
"""Parts of the names of operations that take a tensor for its shape and type alone."""


class Watch:
    """Which tensors are read of those whose memory is at certain addresses.

    `read` holds the names of those that were, once each.
    """

    def __init__(self, addresses: Addresses) -> None:
        """Nothing read yet."""
        self._addresses = addresses
        self.read: dict[str, None] = {}

    def note(self, operation: Any, args: Any, kwargs: Any) -> None:
        """Look at what an operation is given."""
        if not self._addresses or any(one in str(operation) for one in SHAPED):
            return
        for tensor in _tensors((args, kwargs)):
            found = self._addresses.get(storage_of(tensor))
            if found is not None:
                self.read[found[0]] = None


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list):
        for one in given:
            yield from _tensors(one)
    elif isinstance(given, dict):
        yield from _tensors(tuple(given.values()))


@dataclass(frozen=True)
class Trace:
    """What an evaluation did that may turn out otherwise at another point, in words.

    `draws`: random numbers; `spoils`: it writes to its inputs or targets.
    """

    found: tuple[str, ...] = ()
    draws: bool = False
    spoils: bool = False

    @property
    def fixed(self) -> bool:
        """Whether nothing was found: the same arithmetic everywhere, as far as this tells."""
        return not self.found

    @property
    def remembers(self) -> bool:
        """Whether earlier calls change what it gives, which a warning has reported."""
        return MEMORY in self.found


class _Operations(TorchDispatchMode):
    def __init__(self, found: dict[str, None], watch: Watch | None) -> None:
        TorchDispatchMode.__init__(self)
        self._found, self._watch = found, watch

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        del types
        if self._watch is not None:
            self._watch.note(operation, args, kwargs)
        telling = [TELLING[tag] for tag in operation.tags if tag in TELLING]
        if telling and not _by_numbers(operation, args):
            self._found[f"{telling[0]} ({operation})"] = None
        return operation(*args, **(kwargs or {}))


def _by_numbers(operation: Any, args: Any) -> bool:
    """Whether this is indexing by whole numbers, whose result has the shape of these."""
    indexing = operation is torch.ops.aten.index.Tensor
    return indexing and all(i is None or i.dtype not in MASKS for i in args[1])


class _Methods(TorchFunctionMode):
    def __init__(self, found: dict[str, None]) -> None:
        TorchFunctionMode.__init__(self)
        self._found = found

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        del types
        if function in LEAVING:
            self._found[f"takes values out of torch ({LEAVING[function]})"] = None
        return function(*args, **(kwargs or {}))


def traced(call: Callable[[], T], watch: Watch | None = None) -> tuple[T, tuple[str, ...]]:
    """What a call gives, and what it did that depends on values, in words: empty for nothing."""
    found: dict[str, None] = {}
    try:
        with _Operations(found, watch), _Methods(found):
            result = call()
    except Exception as error:  # some of what users write cannot be watched, and yet runs
        return call(), (f"cannot be watched ({type(error).__name__})",)
    return result, tuple(found)
