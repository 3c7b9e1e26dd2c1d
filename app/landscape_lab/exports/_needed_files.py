"""Your own tables in programs and commands: a file that must be there when they run."""

from collections.abc import Iterator
from dataclasses import replace

from landscape_core.foundation.errors import LandscapeError
from landscape_core.foundation.recipes import TableFile
from landscape_core.storage.held_tables import SCHEME, held_table, is_name
from landscape_lab.state.form_model import assign, rows
from landscape_lab.state.place import Place
from landscape_lab.state.scene import Scene


def _uploaded(scene: Scene) -> Iterator[tuple[str, str]]:
    """The paths and names of the uploaded tables of a scene."""
    for row in rows(scene):
        if isinstance(row.field.mark, TableFile) and is_name(str(row.value)):
            yield row.path, str(row.value)


def with_files(place: Place) -> tuple[Place, dict[str, str]]:
    """The place with a file name for each uploaded table, and the digests of these files.

    Programs and commands read the table from there.
    """
    scene, files = place.start, dict[str, str]()
    for path, name in _uploaded(scene):
        file = _file_of(name)
        files[file] = name.removeprefix(SCHEME)
        scene = assign(scene, path, file)
    origin = place.origin
    if origin is not None:
        there, more = with_files(origin.place)
        origin, files = replace(origin, place=there), files | more
    return (replace(place, start=scene, origin=origin) if files else place), files


def needed(file: str, digest: str) -> str:
    """Which file a program needs, in words."""
    return f"The file {file} is needed: your table, with the SHA-256 digest\n{digest}"


def _file_of(name: str) -> str:
    """What the file of a table is called: by the first characters of its digest."""
    try:
        ending = held_table(name).suffix
    except LandscapeError:
        ending = ".csv"
    return f"table-{name.removeprefix(SCHEME)[:8]}{ending}"
