"""Slice the landscape around a trajectory's iterate, or of a network of your own.

With `--model` it is the slice of `ll.landscape`, around the last of the checkpoints.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from landscape_core.slices.slice_spec import SliceSpec

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

TAKEN = (
    *("directions", "span", "extent", "resolution", "dimensions", "measures", "tolerance"),
    *("scale", "max_examples", "batch_norm"),
)
"""Settings that a slice of a network of the user's own takes."""


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
    add_own_network(parser, runs=True)
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
    from landscape_lab.cli._own_network import is_own

    others = {"--estimate": asked.estimate, "--step": asked.step if asked.step != -1 else None}
    own = is_own(asked, {"trajectory": asked.trajectories}, others)
    spec = _asked_of_network(asked) if own else None  # before what takes long to import
    from landscape_core.storage import netcdf
    from landscape_lab.figures.reliability import reliability, statistics

    if asked.estimate:
        yield _estimate(asked)
        return
    dataset = _of_trajectory(asked) if spec is None else _of_network(spec, asked)
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


def _asked_of_network(asked: argparse.Namespace) -> "SliceSpec":
    """The slice of a network of the user's own, with the defaults of the command.

    Raises:
        SpecError: a setting that is for trajectories, or a value that is refused.
    """
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._own_network import check_taken
    from landscape_lab.cli._settings import configured

    spec = configured("slice", SliceSpec(), asked, SETTINGS)
    check_taken("slice", spec, SliceSpec(), TAKEN)
    return spec


def _of_network(spec: "SliceSpec", asked: argparse.Namespace) -> "xr.Dataset":
    """The slice of a network of the user's own.

    Raises:
        SpecError: what the options name is refused.
    """
    from landscape_core.slices.one_call import landscape
    from landscape_core.slices.point_statistics import named_choice
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._options import backend
    from landscape_lab.cli._own_network import own_network
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.state.user_store import user_store

    own = own_network(asked)
    named = getattr(asked, "slice.directions") or spec.directions != SliceSpec().directions
    work = landscape.growing(
        own.model,
        own.loss,
        own.data,
        objective=own.objective,
        directions=spec.directions if named or own.path else None,
        path=own.path,
        resolution=(spec.resolution, spec.beta_resolution or spec.resolution),
        span="auto" if spec.chooses_extent else spec.ends() or spec.span,
        dimensions=spec.dimensions,
        measures=spec.chosen_measures(),
        tolerance=spec.interpolation(),
        batch_norm=named_choice(spec.batch_norm),
        max_examples=spec.max_examples,
        backend=backend(asked),
        store=user_store(),
    )
    return shown(work, "slicing", "point")
