"""State dictionaries in `.npz` files of NumPy: an array for each tensor, by its name."""

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from landscape_core.foundation.errors import FileFormatError
from landscape_core.storage.bounded_files import check_memory, check_regular

KINDS = "biuf"
"""What NumPy calls truths and real numbers."""

MOST = 100_000
"""Arrays of a file."""


def npz_state(path: Path) -> dict[str, Tensor]:
    """The arrays of a file as tensors by name; nothing of it is unpickled.

    Raises:
        MissingDataError: there is no such regular file.
        FileFormatError: a damaged file, two arrays of one name, others than of numbers, or more
            than memory holds.
    """
    check_regular(path)
    try:
        with zipfile.ZipFile(path) as parts:
            members = parts.infolist()
            names = [part.filename.removesuffix(".npy") for part in members]
            if len(members) > MOST or len({*names}) < len(names):
                raise FileFormatError(f"{path} has two arrays of one name, or more than {MOST}.")
            check_memory(path, sum(part.file_size for part in members))
            pairs = zip(names, members, strict=True)
            return {name: _tensor(path, parts, part) for name, part in pairs}
    except FileFormatError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).partition("\n")[0]
        raise FileFormatError(f"{path} cannot be read as .npz: {reason}") from error


def _tensor(path: Path, parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> Tensor:
    """One array; its header is compared with the bytes that there are before it is read."""
    headers = np.lib.format
    with parts.open(part) as file:
        first = headers.read_magic(file) == (1, 0)
        read = headers.read_array_header_1_0 if first else headers.read_array_header_2_0
        shape, _, kind = read(file)
    if kind.kind not in KINDS:
        told = "text or other objects"
        raise FileFormatError(f"{path}: {part.filename} holds {told}, which no network has.")
    if math.prod(shape) * kind.itemsize > part.file_size:
        raise FileFormatError(f"{path}: {part.filename} declares more than it holds.")
    with parts.open(part) as file:
        values = headers.read_array(file, allow_pickle=False)
    return torch.from_numpy(np.array(values, dtype=kind.newbyteorder("="), order="C"))
