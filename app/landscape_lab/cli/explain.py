"""Find reasons why the picture of a slice may mislead, with remedies; several are also compared."""

import argparse
from collections.abc import Iterator
from pathlib import Path


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    written = "slice files written by `landscape slice`"
    parser.add_argument("slice", type=Path, nargs="+", help=written)


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Print the findings of slices, one a paragraph, warnings first."""
    from landscape_core.analysis.explain import NOTHING, explain
    from landscape_core.foundation.errors import FileFormatError
    from landscape_core.storage import netcdf

    named = {str(file): netcdf.load(file) for file in asked.slice}
    for name, slice_ in named.items():
        if "computed" not in slice_:
            raise FileFormatError(f"{name} holds no slice; one is written by `landscape slice`.")
    found = explain(named)
    yield "\n\n".join(map(str, found)) or NOTHING
