"""Files from outside, read within limits: a header is compared with what the file holds.

Nothing here runs code of a file, and nothing is given memory before its size is known.
"""

import gzip
import io
import os
import pickle
import stat
import zipfile
import zlib
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.foundation.errors import FileFormatError, MissingDataError
from landscape_core.foundation.memory import amount, free_memory
from landscape_core.storage.plain_classes import plain_classes, with_arrays

SHARE = 0.5
"""Of the free memory, how much the content of a file may take."""

SLACK = 2**16
"""Bytes by which the numbers of a small file may exceed it: what is shared is stored once."""


def check_regular(path: Path) -> int:
    """The bytes of a file; devices and pipes are not opened, as they may never end.

    Raises:
        MissingDataError: there is none, or no regular one.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        told = "" if isinstance(error, FileNotFoundError) else f" ({reason})"
        raise MissingDataError(f"{path}: no such file{told}.") from error
    if stat.S_ISDIR(found.st_mode):
        raise MissingDataError(f"{path} is a folder, not a file.")
    if not stat.S_ISREG(found.st_mode):
        raise MissingDataError(f"{path} is no regular file.")
    if not os.access(path, os.R_OK):
        raise MissingDataError(f"{path} may not be read.")
    return found.st_size


def check_memory(path: Path, size: float) -> None:
    """Refuse content that takes more than half of the memory that is free.

    Raises:
        FileFormatError: names both.
    """
    limit = SHARE * free_memory()
    if size > limit:
        raise FileFormatError(
            f"{path} declares {amount(size)} of content, and {amount(limit)} may be used."
        )


def bounded_bytes(path: Path, most: int) -> bytes:
    """The bytes of a file that has no more than so many.

    Raises:
        MissingDataError: there is no such regular file.
        FileFormatError: it has more.
    """
    size = check_regular(path)
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise FileFormatError(
            f"{path} has {amount(max(size, most))}, and at most {amount(most)} are read."
        )
    return content


def bounded_text(path: Path, most: int) -> str:
    """The text of a file in UTF-8 that has no more than so many bytes; errors as above.

    Raises:
        UnicodeDecodeError: it is not in UTF-8.
    """
    return bounded_bytes(path, most).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def bounded_stream(path: Path) -> io.BufferedIOBase:
    """A file opened to be read in parts, inflated on the way if its name ends with `.gz`.

    Raises:
        MissingDataError: there is no such regular file.
    """
    check_regular(path)
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


INFLATION_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading a stream of a damaged `.gz` raises, besides `OSError`."""


def numpy_array(path: Path) -> npt.NDArray[Any]:
    """The array in a `.npy` file, whose header is compared with the size of the file.

    Raises:
        MissingDataError: there is no such regular file.
        FileFormatError: it is damaged, holds Python objects, or is shorter than its header says.
    """
    check_regular(path)
    try:
        with np.errstate(over="ignore"):  # which numpy then finds to be too large
            mapped = np.lib.format.open_memmap(path, mode="r")  # never beyond the end of the file
    except (OSError, ValueError, TypeError, KeyError, SyntaxError, EOFError, MemoryError) as error:
        reason = str(error).partition("\n")[0]
        raise FileFormatError(f"{path} cannot be read as .npy: {reason}") from error
    except OverflowError as error:
        raise FileFormatError(f"{path} declares more numbers than it holds.") from error
    check_memory(path, mapped.nbytes)
    return np.array(mapped)


def torch_tensors(path: Path) -> Any:
    """What `torch.save` wrote: tensors and plain values in containers; no other class is built.

    Raises:
        MissingDataError: there is no such regular file.
        FileFormatError: its parts are compressed, or its tensors are larger than the file.
        pickle.UnpicklingError: it holds objects of other classes.
    """
    size = check_regular(path)
    check_memory(path, size)
    _check_archive(path, size)
    try:
        with plain_classes():
            found = torch.load(path, map_location="cpu", weights_only=True)
        found = with_arrays(found, 2 * size + SLACK)
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle raises anything
        raise FileFormatError(f"{path} is a damaged file of torch.save.") from error
    declared = sum(one.numel() * one.element_size() for one in _tensors(found))
    if declared > 2 * size + SLACK:  # tied weights are stored once
        raise FileFormatError(f"{path} declares tensors of {amount(declared)}; it holds fewer.")
    return found


def _check_archive(path: Path, size: int) -> None:
    """Refuse what is no archive of torch.save, or declares more than the file holds.

    Raises:
        FileFormatError: says which.
    """
    if not zipfile.is_zipfile(path):
        raise FileFormatError(
            f"{path} cannot be read: it must hold a state dictionary or vectors as torch.save "
            "writes them since version 1.6; load and save an older file once more."
        )
    try:
        parts = zipfile.ZipFile(path).infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise FileFormatError(f"{path} is a damaged file of torch.save: {error}") from error
    if any(part.filename.split("/")[1:] == ["constants.pkl"] for part in parts):
        raise FileFormatError(
            f"{path} is a program of TorchScript, which is not run: torch.jit.load(file) and"
            " state_dict() give its state."
        )
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise FileFormatError(f"{path} has compressed parts, which torch.save does not write.")
    if sum(part.file_size for part in parts) > size + SLACK:
        raise FileFormatError(f"{path} declares more content than it holds.")


def _tensors(found: Any) -> list[Tensor]:
    """The tensors in containers within containers, each once: one may hold itself."""
    waiting, seen, tensors = [found], set(), []
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if torch.is_tensor(one):
            tensors.append(one)
        elif isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, Namespace):
            waiting.extend(vars(one).values())
        elif isinstance(one, list | tuple | set):
            waiting.extend(one)
    return tensors
