"""List parts with names, fields, defaults and help."""

import argparse
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from landscape_core.foundation.recipes import Recipe


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.foundation.kinds import packages_of_kinds

    parser.add_argument("kind", nargs="?", choices=packages_of_kinds(), help="list only this kind")
    parser.add_argument(
        "--markdown", action="store_true", help="print the Markdown page docs/catalogue.md"
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="also plot the trajectory of each optimizer into a folder; takes some minutes",
    )


def run(asked: argparse.Namespace) -> None:
    """Print the parts, as text or as the page of the catalogue."""
    from tqdm import tqdm

    from landscape_core.foundation.kinds import base_of, packages_of_kinds
    from landscape_lab.cli import catalogue_page

    bases = {name: base_of(name) for name in ([asked.kind] if asked.kind else packages_of_kinds())}
    if asked.pictures:
        drawn = tqdm(catalogue_page.draw(asked.pictures), desc="pictures", delay=1, leave=False)
        deque(drawn, maxlen=0)
    if asked.markdown:
        print(catalogue_page.page(bases), end="")
        return
    for kind, base in bases.items():
        print(kind)
        for line in _lines(base):
            print(line)


def _lines(base: "type[Recipe]") -> Iterator[str]:
    """The parts of a kind and their fields; of those from outside, where they come from."""
    from landscape_core.foundation.recipes import Recipe, fields_of, label_of, summary_of
    from landscape_core.foundation.registry import entries

    known = entries(base)
    for name, recipe in known.items():
        origin = known.origin(name)
        told = f"{label_of(recipe)}: {summary_of(recipe)}" + (f" ({origin})" if origin else "")
        yield f"  {name:<16} {told}"
        for field in fields_of(recipe):
            default = field.default
            shown = label_of(type(default)) if isinstance(default, Recipe) else default
            yield f"      {field.name} = {shown}  ({field.help})"
