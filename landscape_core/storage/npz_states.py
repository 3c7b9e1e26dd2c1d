"""State dictionaries in `.npz` files of NumPy: an array for each tensor, by its name."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape_core.foundation.errors import FileFormatError
from landscape_core.storage.bounded_files import check_memory, check_regular
from landscape_core.storage.npz_members import array_in

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
    def check(name: str, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
        if kind.kind not in KINDS:
            told = "text or other objects, which no network has"
            raise FileFormatError(f"{path.name}: {name} holds {told}.")

    values = array_in(path, parts, part, check)
    kind = values.dtype.newbyteorder("=")
    return torch.from_numpy(np.array(values, dtype=kind, order="C"))
