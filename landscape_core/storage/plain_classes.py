"""Classes of plain values that training scripts save next to their tensors.

These are `argparse.Namespace`, the arguments of a script, and the single numbers of NumPy, as an
accuracy or a learning rate. The bytes of a number are read here, so that a file calls nothing of
NumPy; `torch.load(weights_only=True)` refuses both otherwise.
"""

import argparse
import pickle
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch

FORMATS = {
    **{"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"},
    **{"i8": "q", "u8": "Q", "f2": "e", "f4": "f", "f8": "d"},
}
"""How `struct` calls the types of NumPy."""

ONE_AT_A_TIME = threading.Lock()
"""The classes that torch accepts are those of the process."""


@final
@dataclass(eq=False)
class NumberType:
    """What a file says of the type of a number, in place of `numpy.dtype`."""

    name: str
    align: bool = False
    copy: bool = True
    order: str = "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the order of the bytes, which numbers of several bytes have."""
        self.order = str(state[1])


def number(kind: NumberType, data: bytes) -> bool | int | float:
    """A number of NumPy as one of Python, in place of `numpy.core.multiarray.scalar`.

    Raises:
        pickle.UnpicklingError: it is no number, or of a type that Python does not have.
    """
    found = FORMATS.get(kind.name) if isinstance(kind, NumberType) else None
    if found is None or not isinstance(data, bytes):
        raise pickle.UnpicklingError("Unsupported GLOBAL numpy.core.multiarray.scalar")
    try:
        (value,) = struct.unpack((">" if kind.order == ">" else "<") + found, data)
    except struct.error as error:
        raise pickle.UnpicklingError(str(error)) from error
    plain: bool | int | float = value
    return plain


ACCEPTED: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (argparse.Namespace, "argparse.Namespace"),
    (NumberType, "numpy.dtype"),
    (number, "numpy.core.multiarray.scalar"),
    (number, "numpy._core.multiarray.scalar"),  # since NumPy 2
]


@contextmanager
def plain_classes() -> Iterator[None]:
    """Within it, `torch.load(weights_only=True)` reads these, too; for one thread at a time."""
    with ONE_AT_A_TIME, torch.serialization.safe_globals(ACCEPTED):
        yield
