"""Slice the landscape around a trajectory's iterate, or of a network of your own.

With `--model` it is the slice of `ll.landscape`, around the last of the checkpoints.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    import xarray as xr

    from landscape_core.models.batch_norm import BatchNorm
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._own_network import OwnNetwork

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
    from landscape_lab.cli._own_network import add_own_network
    from landscape_lab.cli._settings import add_settings

    add_settings(parser, {"slice": SliceSpec()}, SETTINGS)
    parser.add_argument(
        "trajectories",
        type=Path,
        nargs="*",
        metavar="trajectory",
        help="what `landscape train` wrote; after the first, others to project onto its plane",
    )
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    parser.add_argument(
        "--estimate", action="store_true", help="only estimate the cost of the exact slice"
    )
    add_own_network(parser)
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
    from landscape_core.storage import netcdf
    from landscape_lab.cli._own_network import own_network
    from landscape_lab.figures.reliability import reliability, statistics

    own = own_network(asked)
    if own is None and not asked.trajectories:
        raise SpecError("trajectory", None, "a file of `landscape train`, or give --model")
    if asked.estimate and own is None:
        yield _estimate(asked)
        return
    dataset = _of_trajectory(asked) if own is None else _of_network(own, asked)
    netcdf.save(dataset, asked.output)
    for split in dataset["split"].values:
        low = float(dataset["loss"].sel(split=split).min())
        yield f"{asked.output}: lowest {split} loss {low:.4g}"
    yield from (f"  {line}" for line in (*reliability(dataset), statistics(dataset)) if line)
    if "span_reason" in dataset.attrs:
        yield f"  the same extent for another slice: {_ends(dataset)}"


def _ends(dataset: "xr.Dataset") -> str:
    """The ends of the axes as an option, by which other slices get the same."""
    sides = [dataset[side].values for side in ("alpha", "beta") if side in dataset.dims]
    return "--extent=" + ",".join(f"{end!r}" for side in sides for end in side[[0, -1]].tolist())


def _estimate(asked: argparse.Namespace) -> str:
    from landscape_core.experiments.slice_of_run import plan_slice
    from landscape_core.slices.cost import estimate

    path, spec, others = _read(asked)
    planned = plan_slice(path, spec, others, step=asked.step)
    return str(estimate(planned.probe, planned.grid))


def _of_trajectory(asked: argparse.Namespace) -> "xr.Dataset":
    from landscape_core.experiments.slice_of_run import slice_of_trajectory
    from landscape_lab.cli._options import backend
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.state.user_store import user_store

    path, spec, others = _read(asked)
    work = slice_of_trajectory(path, spec, user_store(), backend(asked), others, step=asked.step)
    return shown(work, "slicing", "point")


def _read(asked: argparse.Namespace) -> "tuple[xr.Dataset, SliceSpec, list[xr.Dataset]]":
    """The first trajectory, the slice that is asked for, and the other trajectories."""
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_core.storage import netcdf
    from landscape_lab.cli._settings import slice_settings

    first, *others = (netcdf.load(file) for file in asked.trajectories)
    return (*slice_settings(first, asked, SliceSpec(), SETTINGS), others)


def _of_network(own: "OwnNetwork", asked: argparse.Namespace) -> "xr.Dataset":
    """The slice of a network of the user's own, with the defaults of the command.

    Raises:
        SpecError: an option that is for trajectories, or a value that is refused.
    """
    from landscape_core.models.batch_norm import USUAL
    from landscape_core.slices.one_call import landscape
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._options import backend
    from landscape_lab.cli._settings import configured
    from landscape_lab.state.user_store import user_store

    plain = SliceSpec()
    spec = configured("slice", plain, asked, SETTINGS)
    for option, value in (("trajectory", asked.trajectories), ("--estimate", asked.estimate)):
        if value:
            raise SpecError(option, value, "left out with --model")
    if asked.step != -1:
        raise SpecError("--step", asked.step, "left out with --model")
    for name in ("follow", "split"):
        if getattr(spec, name) != getattr(plain, name):
            raise SpecError(f"slice.{name}", getattr(spec, name), "left out with --model")
    named = getattr(asked, "slice.directions") or spec.directions != plain.directions
    batch_norm = None if spec.batch_norm == USUAL else cast("BatchNorm", spec.batch_norm)
    return landscape(
        own.model,
        own.loss,
        own.data,
        objective=own.objective,
        directions=spec.directions if named or own.path else None,
        path=own.path,
        resolution=spec.resolution,
        span="auto" if spec.chooses_extent else spec.ends() or spec.span,
        dimensions=spec.dimensions,
        measures=spec.chosen_measures(),
        tolerance=spec.interpolation(),
        batch_norm=batch_norm,
        max_examples=spec.max_examples,
        backend=backend(asked),
        store=user_store(),
    )
