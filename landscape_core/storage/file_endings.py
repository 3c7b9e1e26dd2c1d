"""Endings of the files that a dataset can be written to, known before anything is imported."""

from pathlib import Path

from landscape_core.foundation.errors import SpecError

MESH = ("split", "variable", "scale")
"""Options of a surface."""

OPTIONS = {".nc": (), ".csv": ("split",), ".json": (), ".vtp": MESH, ".obj": MESH}
"""The options that each format takes."""


def check_ending(path: Path, others: tuple[str, ...] = ()) -> str:
    """How the name of a file to be written ends.

    Args:
        path: the file.
        others: endings that are accepted besides, named first in the error.

    Raises:
        SpecError: no format has this ending; names all that one has.
    """
    ending = Path(path).suffix.lower()
    *most, last = (*others, *OPTIONS)
    if ending not in (*most, last):
        raise SpecError("the output", str(path), f"a {', '.join(most)} or {last} file")
    return ending
