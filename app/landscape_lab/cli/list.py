"""Print what there is: names, fields, defaults and what they mean."""

import argparse
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from landscape_core.foundation.recipes import Recipe

KINDS = {
    "problems": "landscape_core.models.problems.base:Problem",
    "datasets": "landscape_core.models.datasets.base:ProblemData",
    "architectures": "landscape_core.models.architectures.base:Architecture",
    "initializations": "landscape_core.models.initializations.base:Initialization",
    "normalizations": "landscape_core.models.normalizations.base:Normalization",
    "neighbours": "landscape_core.models.neighbor_sampling.base:Neighbours",
    "losses": "landscape_core.models.losses.base:Loss",
    "regularizers": "landscape_core.models.regularizers.base:Regularizer",
    "optimizers": "landscape_core.training.optimizers.base:Optimizer",
    "schedules": "landscape_core.training.schedules.base:Schedule",
    "samplers": "landscape_core.training.samplers.base:Sampler",
    "directions": "landscape_core.planes.directions.base:Directions",
    "measures": "landscape_core.models.measures.base:Measure",
    "matrices": "landscape_core.curvature.matrices.base:Matrix",
    "sharpness": "landscape_core.curvature.sharpness.base:Sharpness",
    "diagnostics": "landscape_core.analysis.diagnostics.base:Diagnostic",
    "paths": "landscape_core.connectivity.paths.base:Path",
    "strategies": "landscape_core.slices.strategies.base:Strategy",
    "backends": "landscape_core.slices.backends.base:Backend",
}
"""The kinds of parts, and where each one's base class is."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("kind", nargs="?", choices=KINDS, help="only this kind")
    parser.add_argument("--markdown", action="store_true", help="as a page, docs/catalogue.md")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="also draw the path of each optimizer into a folder; takes some minutes",
    )


def run(asked: argparse.Namespace) -> None:
    """Print the parts, as text or as the page of the catalogue."""
    from tqdm import tqdm

    from landscape_core.foundation.recipes import Recipe, fields_of, label_of, summary_of
    from landscape_core.foundation.registry import entries
    from landscape_lab.cli import _catalogue_page

    bases = kinds([asked.kind] if asked.kind else list(KINDS))
    if asked.pictures:
        drawn = tqdm(_catalogue_page.draw(asked.pictures), desc="pictures", delay=1, leave=False)
        deque(drawn, maxlen=0)
    if asked.markdown:
        print(_catalogue_page.page(bases), end="")
        return
    for kind, base in bases.items():
        print(kind)
        for name, recipe in entries(base).items():
            print(f"  {name:<16} {label_of(recipe)}: {summary_of(recipe)}")
            for field in fields_of(recipe):
                default = field.default
                shown = default if not isinstance(default, Recipe) else label_of(type(default))
                print(f"      {field.name} = {shown}  ({field.help})")


def kinds(names: "list[str]") -> "Mapping[str, type[Recipe]]":
    """The base class of each of these kinds of parts."""
    from pkgutil import resolve_name

    return {name: resolve_name(KINDS[name]) for name in names}
