"""Settings that name files of the machine that computes: not for the visitors of a server."""

from collections.abc import Container, Iterator

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import FileName, Recipe, fields_of, parts_of
from landscape_core.storage.held_tables import is_name, needed_table
from landscape_lab.state.form_model import assign
from landscape_lab.state.place import Place
from landscape_lab.state.preset import presets
from landscape_lab.state.scene import Scene

ACCEPTED = "as the preset has it, as no visitor of a served page names files of the server"


def check_names_no_files(place: Place, held: Container[str] = ()) -> None:
    """Refuse a place that names files which neither its preset nor a default names.

    Nothing is looked up, so that the answer does not tell which files there are.

    Args:
        place: what a visitor asks for.
        held: the names of the tables that were uploaded in the session of the visitor.

    Raises:
        SpecError: names the field.
        MissingDataError: a table that was uploaded in another session.
    """
    known = presets().get(place.preset)
    allowed = {value for _, value, _ in _named(known.scene)} if known else set()
    for scene in _scenes(place):
        for field, value, default in _named(scene):
            if value in {default, *allowed} or value in held:
                continue
            raise needed_table(value) if is_name(value) else SpecError(field, value, ACCEPTED)
    for other in (*place.kept, *((place.origin.place,) if place.origin else ())):
        check_names_no_files(other, held)


def _scenes(place: Place) -> Iterator[Scene]:
    """The scene at the start, and after each change that may name a file."""
    scene = place.start
    yield scene
    for change in place.changes:
        scene = assign(scene, change.path, change.value)
        if change.path.startswith(("slice.directions", "run.problem")):
            yield scene


def _named(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """The fields that name files, with their values and defaults."""
    for part in parts_of(recipe):
        for field in fields_of(type(part)):
            if isinstance(field.mark, FileName):
                yield (
                    f"{type(part).__name__}.{field.name}",
                    getattr(part, field.name),
                    field.default,
                )
