"""What commands share: options for the fields of a recipe, progress, tables of text."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import xarray as xr
from tqdm import tqdm

from landscape_core.experiments.progress import Progress
from landscape_core.foundation.errors import LandscapeError
from landscape_core.foundation.recipes import Recipe
from landscape_lab.state.form_model import assign, rows

R = TypeVar("R", bound=Recipe)


WRITTEN = "what `landscape train` wrote"
NEAREST = "the recorded step nearest to this; -1 for the last"


def settings(made: argparse.ArgumentParser, recipe: Recipe, short: Mapping[str, str]) -> None:
    """Add an option for each short name, and `--set` for all other fields of a recipe."""
    known = {row.path: row.field.help for row in rows(recipe)}
    for option, path in short.items():
        flag = "--" + option.replace("_", "-")
        made.add_argument(flag, dest=option, metavar="VALUE", help=known.get(path, path))
    others = [path for path in known if path not in short.values()]
    nested = [path for path in others if path.count(".")]
    made.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="any other setting, for instance " + ", ".join(nested or others),
    )


def configured(recipe: R, options: argparse.Namespace, short: dict[str, str]) -> R:
    """The recipe with the options that were given, then each `--set FIELD=VALUE`."""
    for name, path in short.items():
        value = getattr(options, name)
        if value is not None:
            recipe = assign(recipe, path, value)
    for setting in options.set:
        path, equals, value = setting.partition("=")
        if not equals:
            raise LandscapeError(f"--set takes FIELD=VALUE; got {setting!r}.")
        recipe = assign(recipe, path, value)
    return recipe


def shown(work: Iterator[Progress], title: str, unit: str) -> xr.Dataset:
    """The finished work, with a progress bar if it takes longer than a second."""
    dataset = None
    with tqdm(desc=title, unit=unit, delay=1, leave=False) as bar:
        for progress in work:
            bar.total = progress.total
            bar.update(progress.done - bar.n)
            dataset = progress.dataset
    if dataset is None:
        raise LandscapeError(f"{title} ended without a result")
    return dataset


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as lines whose columns begin below each other; sizes end below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if cell.endswith("MB") else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
