"""What an HDF5 file declares, looked at before any of it is read.

HDF5 can refer to other files, declare arrays that take gigabytes and hold nothing, and inflate.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py

from landscape_core.foundation.errors import FileFormatError
from landscape_core.foundation.memory import amount
from landscape_core.storage.bounded_files import check_memory

MOST_OBJECTS = 2000
"""Groups and datasets of a file."""

INFLATION = 1100
"""How many bytes one byte may inflate to; deflate reaches 1032."""

SMALL = 2**20
"""Bytes that a dataset may have though the file holds none of them: they are a fill value."""

LARGEST_CHUNK = 2**28
"""Bytes that are inflated at once."""


def check_contents(file: h5py.File, path: Path) -> None:
    """Refuse a file that refers to other files, or declares more than it can hold.

    Raises:
        FileFormatError: names the dataset.
    """
    declared = 0
    for name, dataset in _datasets(file, path):
        _check_storage(dataset, f"{path}: {name}")
        declared += _size(dataset)
        check_memory(path, declared)


def _datasets(file: h5py.File, path: Path) -> Iterator[tuple[str, h5py.Dataset]]:
    """All datasets with their names; groups are entered once, and links to elsewhere refused."""
    groups, seen, count = [("", file)], set(), 0
    while groups:
        prefix, group = groups.pop()
        for key in group:
            count += 1
            if count > MOST_OBJECTS:
                raise FileFormatError(f"{path} has more than {MOST_OBJECTS} parts.")
            name = f"{prefix}/{key}"
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise FileFormatError(f"{path}: {name} is a link to another place or file.")
            found = group[key]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(found, h5py.Group):
                groups.append((name, found))
            elif isinstance(found, h5py.Dataset):
                yield name, found


def _check_storage(dataset: h5py.Dataset, name: str) -> None:
    """Refuse values that lie in other files, or are more than the file can hold."""
    if dataset.is_virtual or dataset.external:
        raise FileFormatError(f"{name} has its values in other files, which are not read.")
    size, held = _size(dataset), dataset.id.get_storage_size()
    if size > SMALL and size > INFLATION * held:
        raise FileFormatError(f"{name} declares {amount(size)}, and the file holds {amount(held)}.")
    if dataset.chunks is not None:
        chunk = dataset.dtype.itemsize
        for length in dataset.chunks:
            chunk *= length
        if chunk > LARGEST_CHUNK:
            raise FileFormatError(f"{name} is stored in parts of {amount(chunk)} each.")


def _size(dataset: h5py.Dataset) -> int:
    size = dataset.dtype.itemsize
    for length in dataset.shape or ():
        size *= length
    return size
