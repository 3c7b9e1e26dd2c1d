"""What commands share: words of their help, where they compute, tables of text."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    from landscape_core.slices.backends.base import Backend

WRITTEN = "trajectory file written by `landscape train`"
NEAREST = "step of the iterate (nearest recorded one); -1: the last"

MOST_WORKERS = 4
"""Worker processes for each processor."""


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where work is done."""
    parser.add_argument(
        "--workers", type=int, help="number of worker processes; 0: one per processor"
    )
    parser.add_argument("--scheduler", help="address of a dask scheduler, as tcp://host:8786")


def backend(asked: argparse.Namespace) -> "Backend | None":
    """Where the command line says to compute; None: in this process.

    Raises:
        SpecError: more workers than this machine should have.
    """
    if not asked.scheduler and asked.workers is None:
        return None
    from landscape_core.slices.backends.dask import Dask

    most = MOST_WORKERS * (os.cpu_count() or 1)
    if asked.workers is not None and not 0 <= asked.workers <= most:
        raise SpecError("--workers", asked.workers, f"between 0 and {most} on this machine")
    return Dask(scheduler=asked.scheduler or "", workers=asked.workers or 0)


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


def first_index_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how a surface of the program loss-landscape (.h5) is stored."""
    parser.add_argument(
        "--first-index",
        choices=("x", "y"),
        help="of a surface (.h5) of loss-landscape: what the first index of its losses counts;"
        " y if plot_surface.py filled it; by default x, with a warning where it matters",
    )
