"""Find reasons why the picture of a slice may mislead, with remedies; several are also compared."""

import argparse
from collections.abc import Iterator
from pathlib import Path


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli._options import first_index_option

    written = "slice files written by `landscape slice`, or surfaces (.h5)"
    parser.add_argument("slice", type=Path, nargs="+", help=written)
    first_index_option(parser)


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Print the findings of slices, one a paragraph, warnings first."""
    from landscape_lab.cli._slice_files import check_there, slices

    check_there(asked.slice)
    from landscape_core.analysis.explain import NOTHING, explain

    read = slices(asked.slice, asked.first_index)
    found = explain(dict(zip(map(str, asked.slice), read, strict=True)))
    yield "\n\n".join(map(str, found)) or NOTHING
