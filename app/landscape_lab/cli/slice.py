"""Slice the landscape around a trajectory's iterate."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from landscape_core.slices.backends.base import Backend

SHORT = {
    "directions": "directions",
    "normalization": "directions.normalization",
    "layers": "directions.layers",
    "resolution": "grid.resolution",
    "step": "step",
    "dimensions": "dimensions",
    "measures": "measures",
    "tolerance": "tolerance",
    "scale": "scale",
    "max_examples": "max_examples",
    "batch_norm": "batch_norm",
}
"""The settings of a slice that have an option of their own."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    from landscape_core.experiments.slice_of_run import Look
    from landscape_lab.cli._options import settings

    settings(parser, Look(), SHORT)
    parser.add_argument(
        "trajectories",
        type=Path,
        nargs="+",
        metavar="trajectory",
        help="what `landscape train` wrote; after the first, others to show on its plane",
    )
    parser.add_argument(
        "--frame", action="store_true", help="fit the extent to the paths that are shown"
    )
    parser.add_argument(
        "--estimate", action="store_true", help="only say what the exact slice would take"
    )
    parser.add_argument(
        "--workers", type=int, help="compute on so many processes; 0: one a processor"
    )
    parser.add_argument(
        "--scheduler", help="compute on the workers of a dask scheduler, as tcp://host:8786"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("slice.nc"),
        help="the file to write; by default slice.nc",
    )


def run(asked: argparse.Namespace) -> None:
    """Slice, write the dataset, and print the lowest losses."""
    from landscape_core.experiments.slice_of_run import Look, probe_at, slice_of_trajectory
    from landscape_core.experiments.trajectory import run_of
    from landscape_core.slices.cost import estimate
    from landscape_core.storage import netcdf
    from landscape_lab.cli._options import configured, shown
    from landscape_lab.figures.reliability import reliability, statistics
    from landscape_lab.state.user_store import user_store

    path, *others = (netcdf.load(file) for file in asked.trajectories)
    look = configured(Look(run=run_of(path), framed=asked.frame), asked, SHORT)
    if asked.estimate:
        print(estimate(probe_at(path, look, others)[0], look.grid))
        return
    work = slice_of_trajectory(path, look, user_store(), _backend(asked), others)
    dataset = shown(work, "slicing", "point")
    netcdf.save(dataset, asked.output)
    for split in dataset["split"].values:
        low = float(dataset["loss"].sel(split=split).min())
        print(f"{asked.output}: lowest {split} loss {low:.4g}")
    for told in filter(None, (*reliability(dataset), statistics(dataset))):
        print(f"  {told}")


def _backend(asked: argparse.Namespace) -> "Backend | None":
    """Where the command line says to compute; None: in this process."""
    if asked.scheduler or asked.workers is not None:
        from landscape_core.slices.backends.dask import Dask

        return Dask(scheduler=asked.scheduler or "", workers=asked.workers or 0)
    return None
