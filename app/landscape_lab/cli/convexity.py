"""Map the convexity ratio |λ min / λ max| of the full Hessian over a plane.

The ratio is 0 where the Hessian has no negative eigenvalue; Li et al., 2018, figure 7.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SETTINGS = (
    "slice.directions",
    "slice.directions.normalization",
    "slice.directions.layers",
    "slice.span",
    "slice.resolution",
    "slice.max_examples",
)
"""Settings of a map with their own option."""

DEFAULTS: dict[str, Any] = {"resolution": 15, "max_examples": 500}
"""Of the slice, as a point takes tens of matrix-vector products."""

NEGATIVE = 0.05
"""Threshold of |λ min / λ max| above which curvature is reported as negative."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_lab.cli._options import NEAREST, WRITTEN
    from landscape_lab.cli._settings import add_settings

    parser.add_argument("trajectory", type=Path, help=WRITTEN)
    add_settings(parser, {"slice": SliceSpec(**DEFAULTS)}, SETTINGS)
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("convexity.nc"),
        help="output file; by default convexity.nc",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Compute the map, write it, and print its range."""
    import numpy as np

    from landscape_core.analysis.convexity_map import Convexity, compute_convexity
    from landscape_core.experiments.progress import Progress
    from landscape_core.experiments.slice_of_run import (
        plan_slice,
        slice_attributes,
        trajectory_on,
    )
    from landscape_core.experiments.trajectory import index_at, run_of
    from landscape_core.slices.chosen_extent import reason_of
    from landscape_core.slices.slice_spec import SliceSpec
    from landscape_core.storage import netcdf
    from landscape_lab.cli._settings import slice_settings
    from landscape_lab.cli.progress_bar import shown

    path, spec = slice_settings(
        netcdf.load(asked.trajectory), asked, SliceSpec(**DEFAULTS), SETTINGS
    )
    planned = plan_slice(path, spec, step=asked.step)
    train, total = planned.probe.parts["train"], spec.resolution**2
    work = compute_convexity(
        train, planned.plane, planned.grid, Convexity(max_examples=spec.max_examples)
    )
    news = (Progress(int(found["ratio"].notnull().sum()), total, found) for found in work)
    dataset = shown(news, "convexity", "point").assign(trajectory_on(planned.projected, path))
    at = int(path["step"].values[index_at(path, asked.step)])
    dataset = dataset.assign_attrs(slice_attributes(run_of(path), spec, at))
    dataset = dataset.assign_attrs(reason_of(planned.extent))
    netcdf.save(dataset, asked.output)
    yield str(asked.output)
    known = dataset["ratio"].values[dataset["ratio"].notnull().values]
    if len(known):
        yield (
            f"|λ min / λ max| is {known.min():.3g} to {known.max():.3g}, median"
            f" {np.median(known):.3g}; above {NEGATIVE:g} at {(known > NEGATIVE).mean():.0%} of"
            f" {len(known)} points"
        )
    if len(known) < total:
        yield f"{total - len(known)} points have no value: not finite, or not converged"
