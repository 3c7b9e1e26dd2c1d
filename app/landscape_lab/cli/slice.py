"""Slice the landscape around a trajectory's iterate."""

import argparse
from collections.abc import Iterator
from pathlib import Path

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


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._options import NEAREST, add_backend
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
    add_backend(parser)
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
    from landscape_lab.cli._options import backend
    from landscape_lab.cli._settings import slice_settings
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.figures.reliability import reliability, statistics
    from landscape_lab.state.user_store import user_store

    first, *others = (netcdf.load(file) for file in asked.trajectories)
    path, spec = slice_settings(first, asked, SliceSpec(), SETTINGS)
    if asked.estimate:
        planned = plan_slice(path, spec, others, step=asked.step)
        yield str(estimate(planned.probe, planned.grid))
        return
    work = slice_of_trajectory(path, spec, user_store(), backend(asked), others, step=asked.step)
    dataset = shown(work, "slicing", "point")
    netcdf.save(dataset, asked.output)
    for split in dataset["split"].values:
        low = float(dataset["loss"].sel(split=split).min())
        yield f"{asked.output}: lowest {split} loss {low:.4g}"
    yield from (f"  {line}" for line in (*reliability(dataset), statistics(dataset)) if line)
