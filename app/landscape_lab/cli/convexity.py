"""Map the convexity ratio |λ min / λ max| of the full Hessian over a plane.

The ratio is 0 where the Hessian has no negative eigenvalue; Li et al., 2018, figure 7. With
`--model` it is the map of `ll.convexity`, around the last of the checkpoints.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

SETTINGS = (
    "slice.directions",
    "slice.directions.normalization",
    "slice.directions.layers",
    "slice.span",
    "slice.resolution",
    "slice.max_examples",
)
"""Settings of a map with their own option."""

TAKEN = ("directions", "span", "extent", "resolution", "dimensions", "max_examples", "batch_norm")
"""Settings that a map of a network of the user's own takes."""

DEFAULTS: dict[str, Any] = {"resolution": 15, "max_examples": 500}
"""Of the slice, as a point takes tens of matrix-vector products."""

NEGATIVE = 0.05
"""Threshold of |λ min / λ max| above which curvature is reported as negative."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._options import NEAREST, WRITTEN
    from landscape_lab.cli._own_network import add_own_network
    from landscape_lab.cli._settings import add_settings

    parser.add_argument("trajectory", type=Path, nargs="?", help=WRITTEN)
    add_settings(parser, {"slice": SliceSpec(**DEFAULTS)}, SETTINGS)
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    add_own_network(parser, runs=True)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("convexity.nc"),
        help="output file; by default convexity.nc",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Compute the map, write it, and print its range."""
    from landscape_lab.cli._own_network import is_own

    others = {"--step": asked.step if asked.step != -1 else None}
    own = is_own(asked, {"trajectory": asked.trajectory}, others)
    dataset = _of_network(asked) if own else _of_trajectory(asked)

    import numpy as np

    from landscape_core.storage import netcdf

    netcdf.save(dataset, asked.output)
    yield str(asked.output)
    known = dataset["ratio"].values[dataset["ratio"].notnull().values]
    if len(known):
        yield (
            f"|λ min / λ max| is {known.min():.3g} to {known.max():.3g}, median"
            f" {np.median(known):.3g}; above {NEGATIVE:g} at {(known > NEGATIVE).mean():.0%} of"
            f" {len(known)} points"
        )
    total = dataset["ratio"].size
    if len(known) < total:
        yield f"{total - len(known)} points have no value: not finite, or not converged"


def _of_network(asked: argparse.Namespace) -> "xr.Dataset":
    """The map of a network of the user's own.

    Raises:
        SpecError: a setting that is for trajectories, or a value that is refused.
    """
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._own_network import check_taken, own_network
    from landscape_lab.cli._settings import configured

    usual = SliceSpec(**DEFAULTS)
    spec = configured("slice", usual, asked, SETTINGS)
    check_taken("slice", spec, usual, TAKEN)
    from landscape_core.analysis.convexity_of_model import convexity
    from landscape_core.slices.point_statistics import named_choice
    from landscape_lab.cli.progress_bar import shown

    own = own_network(asked)
    named = getattr(asked, "slice.directions") or spec.directions != usual.directions
    work = convexity.growing(
        own.model,
        own.loss,
        own.data,
        objective=own.objective,
        directions=spec.directions if named or own.path else None,
        path=own.path,
        resolution=spec.resolution,
        span=spec.ends() or spec.span,
        dimensions=spec.dimensions,
        batch_norm=named_choice(spec.batch_norm),
        max_examples=spec.max_examples,
    )
    return shown(work, "convexity", "point")


def _of_trajectory(asked: argparse.Namespace) -> "xr.Dataset":
    """The map around an iterate of a run, with its trajectory."""
    from landscape_core.analysis.convexity_map import Convexity, compute_convexity
    from landscape_core.experiments.slice_of_run import (
        plan_slice,
        slice_attributes,
        trajectory_on,
    )
    from landscape_core.experiments.trajectory import index_at, run_of
    from landscape_core.foundation.progress import Progress
    from landscape_core.slices.chosen_extent import reason_of
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_core.storage import netcdf
    from landscape_lab.cli._settings import slice_settings
    from landscape_lab.cli.progress_bar import shown

    path, spec = slice_settings(
        netcdf.load(asked.trajectory), asked, SliceSpec(**DEFAULTS), SETTINGS
    )
    planned = plan_slice(path, spec, step=asked.step)
    train, total = planned.probe.parts["train"], math.prod(planned.grid.shape(2))
    work = compute_convexity(
        train, planned.plane, planned.grid, Convexity(max_examples=spec.max_examples)
    )
    news = (Progress(int(found["ratio"].notnull().sum()), total, found) for found in work)
    dataset = shown(news, "convexity", "point").assign(trajectory_on(planned.projected, path))
    at = int(path["step"].values[index_at(path, asked.step)])
    attrs = slice_attributes(run_of(path), spec, at) | reason_of(planned.extent)
    return dataset.assign_attrs(attrs)
