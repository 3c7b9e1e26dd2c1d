"""Find reasons why the picture of a slice may mislead, with remedies; of several, also compared."""

import argparse
from collections.abc import Iterator
from pathlib import Path


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "slice", type=Path, nargs="+", help="slice files written by `landscape slice`"
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Print the findings of slices, one a paragraph, the most serious first."""
    from landscape_core.analysis.explain import NOTHING, explain
    from landscape_core.storage import netcdf

    named = {str(file): netcdf.load(file) for file in asked.slice}
    found = explain(named)
    yield from (f"{one}\n" for one in found[:-1])
    yield str(found[-1]) if found else NOTHING
