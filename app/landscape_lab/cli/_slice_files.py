"""Files that commands read as slices: netCDF, and surfaces of the program loss-landscape (.h5)."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import FileFormatError, LandscapeError, SpecError

if TYPE_CHECKING:
    import xarray as xr


def check_there(files: Iterable[Path]) -> None:
    """Refuse files that are not there, before anything that takes long to import.

    Raises:
        LandscapeError: names the first one.
    """
    for file in files:
        if not file.exists():
            raise LandscapeError(f"{file}: no such file.")


def loaded(files: Iterable[Path], first_index: str | None) -> "list[xr.Dataset]":
    """What files hold; the first index is that of the surfaces among them.

    Raises:
        SpecError: a first index where there is no surface.
        MissingDataError: a file is not there.
        FileFormatError: a file of another format.
    """
    from landscape_core.storage import formats, loss_landscape_h5

    given = list(files)
    surfaces = [
        loss_landscape_h5.is_named_so(file)
        and loss_landscape_h5.kind_of(file) == loss_landscape_h5.SURFACE
        for file in given
    ]
    if first_index and not any(surfaces):
        raise SpecError("--first-index", first_index, "left out for what is no surface (.h5)")
    return [
        formats.load(file, first_index=first_index if surface else None)
        for file, surface in zip(given, surfaces, strict=True)
    ]


def slices(files: Iterable[Path], first_index: str | None) -> "list[xr.Dataset]":
    """The slices that files hold.

    Raises:
        SpecError: a first index where there is no surface.
        MissingDataError: a file is not there.
        FileFormatError: a file holds no slice.
    """
    from landscape_core.storage import schema

    given = list(files)
    found = loaded(given, first_index)
    for file, one in zip(given, found, strict=True):
        if schema.COMPUTED not in one:
            raise FileFormatError(f"{file} holds no slice; one is written by `landscape slice`.")
        schema.check(one)
    return found
