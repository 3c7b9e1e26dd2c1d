"""Connect the ends of two runs by a low-loss path; print barriers and lengths.

The runs are those whose recipes the two files contain; a run that is not cached is trained again.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from landscape_core.foundation.errors import SpecError

SETTINGS = ("connection.path",)
"""Settings of a connection with their own option."""

RUNS = ("connection.first", "connection.second")
"""The two runs, whose settings are those of `landscape train`."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.connectivity.connection import Connection
    from landscape_lab.cli._options import WRITTEN
    from landscape_lab.cli._settings import add_settings

    parser.add_argument("first", type=Path, help=WRITTEN)
    parser.add_argument("second", type=Path, help="another run of the same network")
    add_settings(parser, {"connection": Connection()}, SETTINGS, RUNS)
    parser.add_argument(
        "--align",
        action="store_true",
        help="first align the hidden units of the second network by permutation",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("connection.nc"),
        help="output file; by default connection.nc",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Run the command and print the result."""
    from landscape_core.storage import netcdf

    # Before what takes long to import: a file may not be there.
    paths = [netcdf.load(file) for file in (asked.first, asked.second)]

    from landscape_core.connectivity.connected_runs import connect_runs
    from landscape_core.connectivity.connection import Connection
    from landscape_core.experiments.trajectory import check_data, run_of
    from landscape_lab.cli._options import aligned
    from landscape_lab.cli._settings import configured
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.state.user_store import user_store

    first, second = (run_of(path) for path in paths)
    for path, run in zip(paths, (first, second), strict=True):
        check_data(path, run)
    if first == second:
        raise SpecError("the second run", asked.second.name, "another run than the first")
    wanted = Connection(first=first, second=second, align=asked.align)
    wanted = configured("connection", wanted, asked, SETTINGS)
    dataset = shown(connect_runs(wanted, user_store()), "connecting", "step")
    netcdf.save(dataset, asked.output)
    yield str(asked.output)
    named = {"straight": "straight line"}
    named |= {"aligned": "straight line after alignment"} if "aligned_loss" in dataset else {}
    splits = [str(split) for split in dataset["split"].values]
    rows = [("", *(f"{split} barrier" for split in splits), "length")]
    for prefix, words in [*((f"{name}_", words) for name, words in named.items()), ("", "curve")]:
        barriers = (
            f"{float(dataset[prefix + 'barrier'].sel(split=split)):.4g}" for split in splits
        )
        rows.append((words, *barriers, f"{float(dataset[prefix + 'length']):.4g}"))
    yield aligned(rows)
