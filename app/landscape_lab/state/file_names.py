"""Settings that name files of the machine that computes: not for the visitors of a server."""

from collections.abc import Iterator

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import FileName, Recipe, fields_of, parts_of
from landscape_lab.state.form_model import assign
from landscape_lab.state.place import Place
from landscape_lab.state.preset import presets
from landscape_lab.state.scene import Scene

ACCEPTED = "as the preset has it, as no visitor of a served page names files of the server"


def check_names_no_files(place: Place) -> None:
    """Refuse a place that names files which neither its preset nor a default names.

    Nothing is looked up, so that the answer does not tell which files there are.

    Raises:
        SpecError: names the field.
    """
    known = presets().get(place.preset)
    allowed = {value for _, value, _ in _named(known.scene)} if known else set()
    for scene in _scenes(place):
        for field, value, default in _named(scene):
            if value not in {default, *allowed}:
                raise SpecError(field, value, ACCEPTED)
    for other in (*place.kept, *((place.origin.place,) if place.origin else ())):
        check_names_no_files(other)


def _scenes(place: Place) -> Iterator[Scene]:
    """The scene at the start, and after each change that may name a file."""
    scene = place.start
    yield scene
    for change in place.changes:
        scene = assign(scene, change.path, change.value)
        if change.path.startswith("slice.directions"):
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
