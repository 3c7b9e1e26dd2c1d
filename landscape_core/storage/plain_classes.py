"""Classes of plain values that training scripts save next to their tensors.

These are `argparse.Namespace`, the arguments of a script, paths, and the numbers and arrays of
NumPy, as an accuracy or a history of losses. The bytes of numbers are read here, so that a file
calls nothing of NumPy; of dates, states of generators and the like it is known that they are there,
and nothing more. `torch.load(weights_only=True)` refuses all of these otherwise.
"""

import argparse
import pickle
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

FORMATS = {
    **{"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"},
    **{"i8": "q", "u8": "Q", "f2": "e", "f4": "f", "f8": "d"},
}
"""How `struct` calls the types of NumPy."""

GENERATORS = ("generator", "bit_generator", "randomstate")
BIT_GENERATORS = (
    *("_pcg64.PCG64", "_pcg64.PCG64DXSM", "_mt19937.MT19937", "_philox.Philox", "_sfc64.SFC64"),
    *("bit_generator.SeedSequence", "bit_generator.__pyx_unpickle_SeedSequence"),
)
"""How files name what makes a generator of NumPy."""

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


@final
class ArrayContent:
    """What a file says of an array of NumPy, in place of it."""

    def __init__(self, *_: Any) -> None:
        """Empty until its state is known."""
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Keep shape, type, order and bytes."""
        self.state = state

    @property
    def size(self) -> int:
        """The bytes that it has."""
        data = self.state[-1] if self.state else b""
        return len(data) if isinstance(data, bytes) else 0

    def tensor(self) -> Tensor | None:
        """The array as a tensor; None of one that holds no numbers.

        Raises:
            ValueError: its bytes are not as many as its shape says.
        """
        try:
            _, shape, kind, by_columns, data = self.state
            known = isinstance(kind, NumberType) and kind.name in FORMATS
            if not known or not isinstance(data, bytes):
                return None
            order = kind.order if kind.order in ("<", ">") else "="
            values = np.frombuffer(data, np.dtype(kind.name).newbyteorder(order))
            values = values.reshape(tuple(map(int, shape)), order="F" if by_columns else "C")
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"an array of NumPy is damaged: {error}") from error
        return torch.from_numpy(values.astype(kind.name, order="C"))


@final
class Unread:
    """Something next to a state of which nothing is read."""

    def __init__(self, *_: Any) -> None:
        """Keep nothing."""

    def __new__(cls, *_: Any) -> "Unread":
        """Whatever it would be made of."""
        return object.__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Keep nothing."""


LONGEST = 4096
"""Characters of a path; a file may name one text many times."""


def place(*parts: Any) -> str | Unread:
    """A path as text, in place of one of `pathlib`; of one that is too long nothing is read."""
    texts = [part for part in parts if isinstance(part, str)]
    short = len(texts) == len(parts) and sum(map(len, texts)) + len(texts) <= LONGEST
    return str(PurePosixPath(*texts)) if short else Unread()


def dictionary(*_: Any) -> dict[Any, Any]:
    """A plain dictionary, in place of `collections.defaultdict`; its entries follow."""
    return {}


def entries(*_: Any) -> list[Any]:
    """A plain list, in place of `collections.deque`; its entries follow."""
    return []


def no_bytes() -> bytes:
    """The bytes of an empty array, in place of `bytes`."""
    return b""


def names(stands: Callable[..., Any], *known: str) -> list[tuple[Callable[..., Any], str]]:
    """What stands for each of some names in a file."""
    return [(stands, name) for name in known]


OLD_AND_NEW = ("numpy.core", "numpy._core")
"""Where NumPy keeps what files name: before and since its version 2."""

ACCEPTED: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *names(argparse.Namespace, "argparse.Namespace", "types.SimpleNamespace"),
    (NumberType, "numpy.dtype"),
    *names(number, *(f"{module}.multiarray.scalar" for module in OLD_AND_NEW)),
    *names(ArrayContent, *(f"{module}.multiarray._reconstruct" for module in OLD_AND_NEW)),
    (ArrayContent, "numpy.ndarray"),
    *names(
        place,
        *(
            f"{module}.{kind}{system}Path"
            for module in ("pathlib", "pathlib._local")
            for kind in ("", "Pure")
            for system in ("Posix", "Windows")
        ),
    ),
    (dictionary, "collections.defaultdict"),
    (entries, "collections.deque"),
    (no_bytes, "builtins.bytes"),
    *names(
        Unread,
        *(f"datetime.{kind}" for kind in ("datetime", "date", "time", "timedelta", "timezone")),
        *("decimal.Decimal", "fractions.Fraction", "uuid.UUID"),
        *(f"builtins.{kind}" for kind in ("frozenset", "slice", "range")),
        *(f"builtins.{kind}" for kind in ("list", "dict", "int", "float", "str", "bool", "tuple")),
        *(f"numpy.random._pickle.__{kind}_ctor" for kind in GENERATORS),
        *(f"numpy.random.{kind}" for kind in BIT_GENERATORS),
    ),
]
"""What stands for a name in a file; of classes of these names nothing is called."""


def with_arrays(found: Any, most: int) -> Any:
    """What was read, with a tensor in the place of each array of NumPy; changes it in place.

    Args:
        found: what was read.
        most: bytes of all arrays, of which a file may name one many times.

    Raises:
        ValueError: an array is damaged, or there are more bytes.
    """
    waiting, seen, made, left = [found], set[int](), dict[int, Tensor | Unread](), most
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        within: Any = vars(one) if isinstance(one, argparse.Namespace) else one
        if not isinstance(within, dict | list):
            waiting.extend(within if isinstance(within, tuple) else ())
            continue
        for key, value in within.items() if isinstance(within, dict) else enumerate(within):
            if isinstance(value, ArrayContent):
                if id(value) not in made:
                    left -= value.size
                    if left < 0:
                        raise ValueError("arrays of more bytes than the file holds")
                    tensor = value.tensor()
                    made[id(value)] = Unread() if tensor is None else tensor
                within[key] = made[id(value)]
            else:
                waiting.append(value)
    return found


@contextmanager
def plain_classes() -> Iterator[None]:
    """Within it, `torch.load(weights_only=True)` reads these, too; for one thread at a time."""
    with ONE_AT_A_TIME, torch.serialization.safe_globals(ACCEPTED):
        yield
