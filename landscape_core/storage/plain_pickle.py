"""Numbers, text and arrays from a pickle, as CIFAR-10 is distributed; nothing of it is run.

A pickle is a program that calls functions by their names. Here the names stand for functions of
this module, which make arrays of the bytes that are there, and every other name is refused. The
interpreter is that of Python, not of C, which gives memory to any number that a file names.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1")
"""Types of numbers in arrays."""


def plain_content(content: bytes) -> Any:
    """What a pickle holds, with texts of Python 2 as bytes.

    Raises:
        Exception: it is damaged or holds other things; of any kind, as damage may be anywhere.
    """
    found = _Plain(io.BytesIO(content), encoding="bytes").load()
    return {key: _array(value) for key, value in found.items()}


class _Array:
    """An array of which only the state is taken, if it says what its bytes are."""

    def __init__(self, *_: Any) -> None:
        self.values: npt.NDArray[Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, by_columns, raw = state
        self.values = _from_bytes(raw, dtype, shape, "F" if by_columns else "C")


class _Type:
    """The type of an array's numbers, by its name."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.name = name.decode() if isinstance(name, bytes) else str(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1].decode() if isinstance(state[1], bytes) else str(state[1])
        self.order = order if order in ("<", ">") else "="

    def dtype(self) -> np.dtype[Any]:
        """The type."""
        if self.name not in KINDS:
            raise pickle.UnpicklingError(f"its numbers are of type {self.name}")
        return np.dtype(self.name).newbyteorder(getattr(self, "order", "="))


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: str = "C") -> "_Array":
    made = _Array()
    made.values = _from_bytes(raw, dtype, shape, order)
    return made


def _from_bytes(raw: Any, dtype: Any, shape: Any, order: str) -> npt.NDArray[Any]:
    values = np.frombuffer(raw, dtype.dtype())
    return values.reshape(tuple(map(int, shape)), order="F" if order == "F" else "C")


SAFE: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "_frombuffer"): _from_buffer,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}
"""The names in the original files, and what they stand for here."""


class _Plain(pickle._Unpickler):  # in every Python
    # Without the one instruction that takes memory before there are bytes for it.
    dispatch: ClassVar = {
        code: load
        for code, load in pickle._Unpickler.dispatch.items()
        if code != pickle.BYTEARRAY8[0]
    }

    left = 2**27
    """Bytes that texts may still become: the same one may be named many times."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return self._encode
        if (module, name) not in SAFE:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which is not data")
        return SAFE[module, name]

    def _encode(self, text: Any, encoding: Any = "latin1") -> bytes:
        self.left -= len(text)
        if self.left < 0 or encoding not in ("latin1", b"latin1"):
            raise pickle.UnpicklingError("its text is longer than the file, or not in Latin-1")
        return str(text).encode("latin1")


def _array(value: Any) -> Any:
    return value.values if isinstance(value, _Array) else value
