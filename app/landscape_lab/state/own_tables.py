"""Your own tables in links, which say which one it is, never where it lies."""

from pathlib import Path
from typing import Any

from landscape_core.foundation.errors import LandscapeError
from landscape_core.foundation.recipes import Recipe, TableFile, fields_of
from landscape_core.models.file_digests import file_digest
from landscape_core.storage.held_tables import SCHEME, is_name
from landscape_lab.state.form_model import value_at


def public_value(recipe: Recipe, path: str, value: Any) -> Any:
    """A value as a link has it: of a table the digest of its content in place of its path."""
    owner, _, name = path.rpartition(".")
    if not owner or not value or not isinstance(value, str) or is_name(value):
        return value
    marks = {field.name: field.mark for field in fields_of(type(value_at(recipe, owner)))}
    return named_by_content(value) if isinstance(marks.get(name), TableFile) else value


def named_by_content(path: str) -> str:
    """The name of a table by its content; of a file that is not there, nothing but that."""
    try:
        return SCHEME + file_digest(Path(path))
    except LandscapeError:
        return f"{SCHEME}missing"
