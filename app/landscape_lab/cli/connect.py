"""Connect the ends of two runs by a low-loss path; print barriers and lengths.

The runs are those whose recipes the two files contain; a run that is not cached is trained again.
With `--model` it is the curve of `ll.connect` between two checkpoints of a network of your own.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from landscape_core.foundation.errors import SpecError
from landscape_lab.cli._checkpoint_places import check_there

if TYPE_CHECKING:
    import xarray as xr

    from landscape_core.models.batch_norm import BatchNorm

SETTINGS = ("connection.path",)
"""Settings of a connection with their own option."""

TAKEN = ("path", "align", "points", "resolution", "batch_norm")
"""Settings that a connection of states of a network of the user's own takes."""

RUNS = ("connection.first", "connection.second")
"""The two runs, whose settings are those of `landscape train`."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.connectivity.connection import Connection
    from landscape_lab.cli._options import WRITTEN
    from landscape_lab.cli._own_network import add_own_network
    from landscape_lab.cli._settings import add_settings

    of_own = "with --model: a checkpoint of it"
    parser.add_argument("first", type=Path, nargs="?", help=f"{WRITTEN}; {of_own}")
    another = "another run of the same network"
    parser.add_argument("second", type=Path, nargs="?", help=f"{another}; {of_own}")
    add_settings(parser, {"connection": Connection()}, SETTINGS, RUNS)
    parser.add_argument(
        "--align",
        action="store_true",
        help="first align the hidden units of the second network by permutation",
    )
    add_own_network(parser, "in place of two checkpoints, a folder of them: its first and its last")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("connection.nc"),
        help="output file; by default connection.nc",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Run the command and print the result."""
    from landscape_lab.cli._own_network import is_own

    files = {"the first file": asked.first, "the second file": asked.second}
    own = is_own(asked, files if asked.model is None else {}, {})
    dataset = _of_network(asked) if own else _of_runs(asked)
    from landscape_core.storage import netcdf
    from landscape_lab.cli._options import aligned

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


def _of_runs(asked: argparse.Namespace) -> "xr.Dataset":
    """The connection of the ends of two runs."""
    from landscape_core.storage import netcdf

    # Before what takes long to import: a file may not be there.
    paths = [netcdf.load(file) for file in (asked.first, asked.second)]

    from landscape_core.connectivity.connected_runs import connect_runs
    from landscape_core.connectivity.connection import Connection
    from landscape_core.experiments.trajectory import check_data, run_of
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
    return shown(connect_runs(wanted, user_store()), "connecting", "step")


def _of_network(asked: argparse.Namespace) -> "xr.Dataset":
    """The connection of two checkpoints of a network of the user's own.

    Raises:
        SpecError: no two checkpoints, a setting that is for runs, or a value that is refused.
    """
    from landscape_core.connectivity.connection import Connection
    from landscape_lab.cli._checkpoint_places import state_in_place
    from landscape_lab.cli._own_network import check_taken, own_network
    from landscape_lab.cli._settings import configured

    ends = _ends(asked)
    usual = Connection(align=asked.align)
    wanted, other = (
        configured("connection", base, asked, SETTINGS)
        for base in (usual, usual.replace(batch_norm="batch"))
    )
    check_taken("connection", wanted, usual, TAKEN)
    from landscape_core.connectivity.connect_models import connect
    from landscape_lab.cli.progress_bar import shown

    named = wanted.batch_norm == other.batch_norm  # whatever the default
    own = own_network(asked, last=False)
    a, b = (state_in_place(place, index, own.model) for place, index in ends)
    work = connect.growing(
        own.model,
        a,
        b,
        own.loss,
        own.data,
        objective=own.objective,
        path=wanted.path,
        align=wanted.align,
        points=wanted.points,
        resolution=wanted.resolution,
        batch_norm=cast("BatchNorm", wanted.batch_norm) if named else None,
    )
    return shown(work, "connecting", "step")


def _ends(asked: argparse.Namespace) -> list[tuple[str, int]]:
    """The places of the two checkpoints, and which state of each, the first (0) or last (-1).

    Raises:
        SpecError: not two of them, or more.
        LandscapeError: there is no such file or folder.
    """
    files = [str(file) for file in (asked.first, asked.second) if file is not None]
    if asked.checkpoints is not None:
        if files:
            raise SpecError("--checkpoints", asked.checkpoints, "left out with two checkpoints")
        return [(asked.checkpoints, 0), (asked.checkpoints, -1)]
    if len(files) != 2:
        accepted = "two checkpoints of --model, or give --checkpoints, a folder of them"
        raise SpecError("the files", ", ".join(files) or None, accepted)
    for file in files:
        check_there(file)
    return [(file, -1) for file in files]
