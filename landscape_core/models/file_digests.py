"""The digests of files, by their bytes; read again only where a file has changed."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landscape_core.foundation.errors import MissingDataError
from landscape_core.foundation.recipes import Recipe, fields_of, once, parts_of
from landscape_core.models.datasets.base import ProblemData

Mark = tuple[int, int, int, int]


def file_digest(path: Path) -> str:
    """A digest of a file's bytes, 64 hexadecimal characters.

    Raises:
        MissingDataError: there is no such file, or it cannot be read.
    """
    try:
        found = path.resolve()
        return _digest(found, _mark(found))
    except OSError as error:
        reason = error.strerror or str(error)
        raise MissingDataError(f"{path} cannot be read ({reason}).") from error


def data_digests(recipe: Recipe) -> dict[str, str]:
    """The digests of all data files that a recipe reads, by their names; empty if it reads none.

    Raises:
        MissingDataError: a file is not there.
    """
    found: dict[str, str] = {}
    for data in _data_of(recipe):
        found |= {name: file_digest(path) for name, path in data.files().items()}
    return found


def data_folders(recipe: Recipe) -> list[str]:
    """The folders of the data files that a recipe reads."""
    return [str(getattr(data, data.place)) for data in _data_of(recipe) if data.place]


def without_places(recipe: Recipe) -> dict[str, Any]:
    """A recipe as nested dictionaries, but for where data files lie."""
    place = recipe.place if isinstance(recipe, ProblemData) else ""
    told: dict[str, Any] = {"": type(recipe)}
    for field in fields_of(type(recipe)):
        value = getattr(recipe, field.name)
        if field.name != place:
            told[field.name] = without_places(value) if isinstance(value, Recipe) else value
    return told


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of the files that differ, or are in one alone."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _data_of(recipe: Recipe) -> list[ProblemData]:
    """The data sets in a recipe, itself included."""
    return [part for part in parts_of(recipe) if isinstance(part, ProblemData)]


def _mark(path: Path) -> Mark:
    """What changes with a file."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


@once
def _digest(path: Path, mark: Mark) -> str:
    del mark  # of the bytes that are read
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
