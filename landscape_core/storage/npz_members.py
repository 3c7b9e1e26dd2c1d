"""The arrays within a file of NumPy, none larger than the bytes that there are."""

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import FileFormatError


def array_in(
    path: Path,
    parts: zipfile.ZipFile,
    part: zipfile.ZipInfo,
    check: Callable[[str, tuple[int, ...], np.dtype[Any]], None],
) -> npt.NDArray[Any]:
    """One array; its header is compared with the bytes that there are before it is read.

    Args:
        path: the file, for errors.
        parts: what it holds.
        part: the array among these.
        check: called with its name, shape and type before anything of it is read.

    Raises:
        FileFormatError: it declares more than it holds, or holds objects; or as `check` raises.
        ValueError: it is damaged.
    """
    name, headers = part.filename.removesuffix(".npy"), np.lib.format
    with parts.open(part) as file:
        old = headers.read_magic(file) == (1, 0)
        read = headers.read_array_header_1_0 if old else headers.read_array_header_2_0
        shape, _, kind = read(file)
    check(name, shape, kind)
    if math.prod(shape) * kind.itemsize > part.file_size:
        raise FileFormatError(f"{path.name}: {name} declares more than it holds.")
    with parts.open(part) as file:
        found: npt.NDArray[Any] = headers.read_array(file, allow_pickle=False)
    return found
