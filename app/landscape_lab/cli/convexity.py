"""Map how far the full Hessian is from convex, |λ min / λ max|, over a plane.

Where the ratio is 0 it has no negative eigenvalue; Li et al., 2018, figure 7.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

SHORT = {
    "directions": "directions",
    "normalization": "directions.normalization",
    "layers": "directions.layers",
    "resolution": "grid.resolution",
    "step": "step",
    "max_examples": "max_examples",
}
"""The settings of a map that have an option of their own."""

NEGATIVE = 0.05
"""The ratio |λ min / λ max| above which negative curvature is told of."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    from landscape_core.experiments.slice_of_run import Look
    from landscape_lab.cli._options import WRITTEN, settings

    parser.add_argument("trajectory", type=Path, help=WRITTEN)
    settings(parser, Look(), SHORT)
    parser.add_argument("--frame", action="store_true", help="fit the extent to the path")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("convexity.nc"),
        help="the file to write; by default convexity.nc",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Do it, and tell what was found."""
    import numpy as np

    from landscape_core.analysis.convexity_map import Convexity, convexity
    from landscape_core.experiments.progress import Progress
    from landscape_core.experiments.slice_of_run import Look, frame, probe_at, shadow_on
    from landscape_core.experiments.trajectory import run_of
    from landscape_core.foundation.recipes import canonical, to_plain
    from landscape_core.slices.grid import Grid
    from landscape_core.storage import netcdf
    from landscape_lab.cli._options import configured, shown

    path = netcdf.load(asked.trajectory)
    start = Look(run=run_of(path), grid=Grid(resolution=15), max_examples=500, framed=asked.frame)
    look = configured(start, asked, SHORT)
    read, plane, thetas = probe_at(path, look)
    grid, total = frame(look, plane, thetas), look.grid.resolution**2
    work = convexity(read.parts["train"], plane, grid, Convexity(max_examples=look.max_examples))
    news = (Progress(int(found["ratio"].notnull().sum()), total, found) for found in work)
    dataset = shown(news, "convexity", "point").assign(shadow_on(plane, thetas, path))
    netcdf.save(dataset.assign_attrs(look=canonical(to_plain(look))), asked.output)
    yield str(asked.output)
    known = dataset["ratio"].values[dataset["ratio"].notnull().values]
    if len(known):
        yield (
            f"|λ min / λ max| is {known.min():.3g} to {known.max():.3g}, median"
            f" {np.median(known):.3g}; above {NEGATIVE:g} at {(known > NEGATIVE).mean():.0%} of"
            f" {len(known)} points"
        )
    if len(known) < total:
        yield f"{total - len(known)} points are not known: not finite, or not converged"
