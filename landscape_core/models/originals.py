"""The networks that a private one was copied from, known by weak references alone.

A copy is that network at other parameters only if nothing in it goes on to read the original. Their
tensors are watched for in a trace, and functions that are given later, and refer to the original,
find the private part of the same name.
"""

import weakref
from collections.abc import Iterable, Iterator
from typing import Any, final

from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.shared_memory import Addresses, storage_of

REACHED = (
    "a network, loss, adapter and measures that reach the network by an argument, a closure, a"
    " global variable or an attribute that can be followed to it, so that they read its copy, not"
    " by a class or a module of Python"
)


@final
class Originals:
    """Networks that another was copied from, one after the other."""

    def __init__(self, networks: Iterable[dict[str, "weakref.ref[Any]"]] = ()) -> None:
        """The parts of each by name; none at first."""
        self._networks = tuple(networks)

    def __getstate__(self) -> dict[str, Any]:
        return {"_networks": ()}  # they are not where it arrives

    def and_of(self, network: nn.Module) -> "Originals":
        """These and one more; those that are no more are left out."""
        living = [one for one in self._networks if any(part() is not None for part in one.values())]
        found = {name: weakref.ref(part) for name, part in _parts(network)}
        return Originals([*living, found])

    def counterparts(self, network: nn.Module) -> list[tuple[Any, Any]]:
        """Pairs of a part of an original and the part of this network that has its name."""
        own = dict(_parts(network)) if self._networks else {}
        pairs = [(ref(), own.get(name)) for one in self._networks for name, ref in one.items()]
        return [(part, other) for part, other in pairs if part is not None and other is not None]

    def watched(self, *given: Tensor) -> Addresses:
        """The addresses of the memory of parameters that move and of buffers.

        Without that of tensors that are given to the evaluation.
        """
        found: Addresses = {}
        for one in self._networks:
            for name, ref in one.items():
                part = ref()
                if isinstance(part, Tensor) and part.is_floating_point():
                    moves = part.requires_grad or not isinstance(part, nn.Parameter)
                    found |= {storage_of(part): (name, part.detach())} if moves else {}
        for address in (0, *(storage_of(one) for one in given)):
            found.pop(address, None)
        return found


def check_reads(read: Iterable[str], what: str = "model") -> None:
    """Refuse an evaluation that has read parameters or buffers of an original.

    Raises:
        SpecError: names them.
    """
    names = sorted(set(read))
    if names:
        told = f"code that reads {', '.join(names[:3])} of the original network"
        raise SpecError(what, told, REACHED)


def _parts(network: nn.Module) -> Iterator[tuple[str, Any]]:
    for name, module in network.named_modules():
        yield f"{name} (module)", module
    yield from network.named_parameters()
    yield from network.named_buffers()
