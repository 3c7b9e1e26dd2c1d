"""The store's key of what recipes ask: their content, the code of their parts and their data."""

import hashlib
import warnings

from landscape_core.foundation import recipes
from landscape_core.foundation.errors import MissingDataError, SpecError
from landscape_core.foundation.recipes import Recipe, canonical
from landscape_core.models.content_hash import Content


def content_key(*parts: Recipe | str | int | float) -> str:
    """A hexadecimal key of 40 characters for what was asked, engine version included.

    Of a recipe, and of those in its fields, its class is part: of the laboratory's own parts the
    bytes of their files, of all others their code with all that it refers to. Data files are
    identified by their bytes, wherever they lie.

    Raises:
        SpecError: the code refers to something whose content cannot be hashed.
        MissingDataError: a data file cannot be read.
    """
    plain = [_told(part) if isinstance(part, Recipe) else part for part in parts]
    asked = canonical([recipes.ENGINE_VERSION, plain])
    return hashlib.sha256(asked.encode()).hexdigest()[:40]


def key_or_warning(what: str, *parts: Recipe | str | int | float) -> str:
    """The key of what was asked; empty, with a warning, where none can be made.

    Args:
        what: is not kept then, for instance "This run".
        parts: as `content_key` takes them.
    """
    try:
        return content_key(*parts)
    except MissingDataError:  # which is said where the file is needed
        return ""
    except SpecError as error:
        warnings.warn(f"{what} is not kept: {error}", stacklevel=3)
        return ""


def _told(part: Recipe) -> list[str]:
    content = Content()
    content.add(part)
    return [type(part).__qualname__, content.digest()]
