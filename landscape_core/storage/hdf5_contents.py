"""What an HDF5 file declares, looked at before any of it is read.

HDF5 can refer to other files, declare arrays that take gigabytes and hold nothing, and inflate.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path

import h5py
import numpy as np

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

MOST_TEXTS = 100_000
"""Texts of variable length in a file; an attribute has one."""

MOST_ATTRIBUTES = 20_000
"""Attributes of a file."""

TEXT_CHUNK = 2**20
"""Bytes of a chunk of texts, each of which is read on its own: what HDF5 keeps for the next."""

NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable."
"""How the name of a dimension begins that has no coordinates."""

POSITIONS = ("DIMENSION_LIST", "REFERENCE_LIST")
"""Attributes that refer to the dimensions of a dataset, and from there back."""


def check_contents(file: h5py.File, path: Path) -> None:
    """Refuse a file that refers to other files, or declares more than it can hold.

    Raises:
        FileFormatError: names the dataset.
    """
    declared = 0
    texts = _Texts(path)
    for name, found in _objects(file, path):
        texts.check_attributes(found, f"{path}: {name}")
        if isinstance(found, h5py.Dataset) and not is_bare(found):
            _check_storage(found, f"{path}: {name}")
            declared += _size(found)
            check_memory(path, declared)
            declared += texts.check_values(found, f"{path}: {name}")
            check_memory(path, declared)


def is_bare(column: h5py.Dataset) -> bool:
    """Whether this is a dimension without coordinates: a length, of which no value is read."""
    return "NAME" in column.attrs and bytes(column.attrs["NAME"]).startswith(NO_VARIABLE)


def _objects(file: h5py.File, path: Path) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Groups and datasets with names; groups are entered once, and links to elsewhere refused."""
    groups, seen, count = [("", file)], set(), 0
    yield "/", file
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
            if isinstance(found, h5py.Group | h5py.Dataset):
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
    return int(dataset.dtype.itemsize) * _count(dataset.shape)


def _count(shape: tuple[int, ...] | None) -> int:
    """The values of an array; where HDF5 has no place for any, it has no shape."""
    return 0 if shape is None else prod(shape)


class _Texts:
    """What the attributes and the texts of variable length of a file may still take.

    A text of variable length lies elsewhere in the file, where any number of them may name the
    same one: the lengths are added up, one text at a time, and compared with the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = path.stat().st_size + SMALL
        self._bytes, self._texts, self._attributes = self._held, MOST_TEXTS, MOST_ATTRIBUTES

    def check_values(self, dataset: h5py.Dataset, name: str) -> int:
        """The bytes that the texts of a dataset take once they have one length; 0 for numbers."""
        if not dataset.dtype.hasobject:
            return 0
        if h5py.check_string_dtype(dataset.dtype) is None:
            raise FileFormatError(f"{name} holds neither numbers nor text.")
        part = 16 * _count(dataset.chunks)
        if part > TEXT_CHUNK:
            raise FileFormatError(f"{name} has its texts in parts of {amount(part)} each.")
        count = _count(dataset.shape)
        self._take_texts(count, name)
        size, held = 0, self._held - SMALL
        for text in _each(dataset, count):
            self._take_bytes(len(text), name)
            size = max(size, 4 * count * len(text))  # NumPy has four bytes for a character
            if size > INFLATION * self._held:
                raise FileFormatError(
                    f"{name} declares {amount(size)}, and the file holds {amount(held)}."
                )
        return size

    def check_attributes(self, of: h5py.Group | h5py.Dataset, name: str) -> None:
        """Refuse attributes that are more than the file holds, before any is read."""
        self._attributes -= h5py.h5a.get_num_attrs(of.id)
        if self._attributes < 0:
            raise FileFormatError(f"{self._path} has more than {MOST_ATTRIBUTES} attributes.")
        for key in of.attrs:
            attribute = of.attrs.get_id(key)
            shown = f"{name}: the attribute {key}"
            count = _count(attribute.shape)
            self._take_bytes(count * attribute.dtype.itemsize, shown)
            if key in POSITIONS:
                _check_positions(of, attribute, shown)
            elif attribute.dtype.hasobject:
                if h5py.check_string_dtype(attribute.dtype) is None or count > 1:
                    raise FileFormatError(f"{shown} is neither numbers nor one text.")
                self._take_texts(count, shown)
                self._take_bytes(len(of.attrs[key]) if count else 0, shown)

    def _take_texts(self, count: int, name: str) -> None:
        self._texts -= count
        if self._texts < 0:
            raise FileFormatError(
                f"{name}: {self._path.name} has more than {MOST_TEXTS} texts of variable length."
            )

    def _take_bytes(self, count: int, name: str) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise FileFormatError(f"{name} declares more text than the file holds.")


def _each(dataset: h5py.Dataset, count: int) -> Iterator[bytes]:
    """The texts of a dataset one after another, so that no more than one is in memory."""
    space, one = dataset.id.get_space(), h5py.h5s.create_simple((1,))
    kind = h5py.h5t.py_create(dataset.dtype)
    for index in range(count):
        read = np.empty(1, dataset.dtype)
        place = np.unravel_index(index, dataset.shape) if dataset.shape else ()
        if place:
            space.select_hyperslab(tuple(map(int, place)), (1,) * len(place))
        dataset.id.read(one, space, read, kind)
        yield read[0] or b""


def _check_positions(of: h5py.Group | h5py.Dataset, attribute: h5py.h5a.AttrID, name: str) -> None:
    """Refuse what is no list of dimensions: one reference for each axis, none of any length."""
    if attribute.get_name() == b"REFERENCE_LIST":
        good = attribute.dtype.names is not None and len(attribute.shape) == 1
    else:
        axes = range(of.ndim) if isinstance(of, h5py.Dataset) else range(0)
        good = attribute.shape == (len(axes),) and all(
            h5py.h5ds.get_num_scales(of.id, axis) <= 1 for axis in axes
        )
    if not good:
        raise FileFormatError(f"{name} does not name the dimensions of the dataset.")
