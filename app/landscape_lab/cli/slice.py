"""Slice the landscape around a trajectory's iterate."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    from landscape_core.slices.backends.base import Backend

SETTINGS = (
    "slice.directions",
    "slice.directions.normalization",
    "slice.directions.layers",
    "slice.span",
    "slice.extent",
    "slice.resolution",
    "slice.dimensions",
    "slice.measures",
    "slice.tolerance",
    "slice.scale",
    "slice.max_examples",
    "slice.batch_norm",
)
"""Settings of a slice with their own option."""


MOST_WORKERS = 4
"""Worker processes for each processor."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._options import NEAREST
    from landscape_lab.cli._settings import add_settings

    add_settings(parser, {"slice": SliceSpec()}, SETTINGS)
    parser.add_argument(
        "trajectories",
        type=Path,
        nargs="+",
        metavar="trajectory",
        help="what `landscape train` wrote; after the first, others to project onto its plane",
    )
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    parser.add_argument(
        "--estimate", action="store_true", help="only estimate the cost of the exact slice"
    )
    parser.add_argument(
        "--workers", type=int, help="number of worker processes; 0: one per processor"
    )
    parser.add_argument("--scheduler", help="address of a dask scheduler, as tcp://host:8786")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("slice.nc"),
        help="output file; by default slice.nc",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Compute the slice, write the dataset, and print the lowest losses."""
    from landscape_core.experiments.slice_of_run import plan_slice, slice_of_trajectory
    from landscape_core.slices.cost import estimate
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_core.storage import netcdf
    from landscape_lab.cli._options import shown
    from landscape_lab.cli._settings import slice_settings
    from landscape_lab.figures.reliability import reliability, statistics
    from landscape_lab.state.user_store import user_store

    first, *others = (netcdf.load(file) for file in asked.trajectories)
    path, spec = slice_settings(first, asked, SliceSpec(), SETTINGS)
    if asked.estimate:
        planned = plan_slice(path, spec, others, step=asked.step)
        yield str(estimate(planned.probe, planned.grid))
        return
    work = slice_of_trajectory(path, spec, user_store(), _backend(asked), others, step=asked.step)
    dataset = shown(work, "slicing", "point")
    netcdf.save(dataset, asked.output)
    for split in dataset["split"].values:
        low = float(dataset["loss"].sel(split=split).min())
        yield f"{asked.output}: lowest {split} loss {low:.4g}"
    yield from (f"  {line}" for line in (*reliability(dataset), statistics(dataset)) if line)


def _backend(asked: argparse.Namespace) -> "Backend | None":
    """Where the command line says to compute; None: in this process."""
    if asked.scheduler or asked.workers is not None:
        from landscape_core.slices.backends.dask import Dask

        most = MOST_WORKERS * (os.cpu_count() or 1)
        if asked.workers is not None and not 0 <= asked.workers <= most:
            raise SpecError("--workers", asked.workers, f"between 0 and {most} on this machine")

        return Dask(scheduler=asked.scheduler or "", workers=asked.workers or 0)
    return None
