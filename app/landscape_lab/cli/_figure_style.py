"""Options of commands that say how a picture looks on paper, and the files of such a picture."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    from landscape_lab.figures.matplotlib.figure_style import FigureStyle

OPTIONS = {
    "width": "column (3.25 inches), page (6.75) or inches",
    "font": "sans, serif (as Times) or tex (as LaTeX's own)",
    "theme": "light, dark, transparent or dark-transparent",
    "caption": "below, separate (in a text file next to the picture) or none",
    "dpi": "dots per inch of bitmaps; by default 300",
}
"""Names and descriptions; their values are checked with the others of a picture."""


def style_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a style; left out, a picture looks as usual."""
    for name, words in OPTIONS.items():
        kind = int if name == "dpi" else str
        parser.add_argument(f"--{name}", type=kind, help=words)


def style_of(asked: argparse.Namespace) -> "FigureStyle":
    """The style that is asked for.

    Raises:
        SpecError: a value that is not accepted.
    """
    from landscape_lab.figures.matplotlib.figure_style import checked_style

    given = {name: getattr(asked, name) for name in OPTIONS if getattr(asked, name) is not None}
    if "dpi" in given:
        given["dots_per_inch"] = given.pop("dpi")
    return checked_style(**given)


def check_no_style(asked: argparse.Namespace, what: str) -> None:
    """Refuse the options of a style for what has none.

    Raises:
        SpecError: one of them is given.
    """
    for name in OPTIONS:
        if getattr(asked, name) is not None:
            raise SpecError(f"--{name}", getattr(asked, name), f"left out for {what}")


def written(target: Path, content: bytes, caption: str = "") -> Iterator[Path]:
    """Write a picture, and what belongs to it; the paths of the files.

    Args:
        target: the file of the picture; for `.pgf` the content is an archive, which is unpacked.
        content: of the file.
        caption: the text of its caption file, if any.
    """
    from landscape_core.storage import atomic_files
    from landscape_lab.figures.matplotlib.pgf import unpacked

    files = {target.name: content}
    if target.suffix.lower() == ".pgf":
        files = unpacked(content, target.stem)
    if caption:
        files[f"{target.stem}.txt"] = f"{caption}\n".encode()
    for name, data in files.items():
        atomic_files.write(target.with_name(name), [data])
        yield target.with_name(name)
