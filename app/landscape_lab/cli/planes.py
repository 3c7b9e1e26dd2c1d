"""Plot the landscape around an iterate on many random planes; print the spread of the metrics.

With `--model` the centre is a network of your own, at the last of its checkpoints.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    from landscape_core.models.network_objective import ModelObjective

SETTINGS = ("directions.normalization", "directions.layers")
"""Settings of the planes with their own option."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.analysis.slice_metrics import SCALES
    from landscape_core.planes.directions.random import Random
    from landscape_lab.cli._options import NEAREST, WRITTEN
    from landscape_lab.cli._own_network import add_own_network
    from landscape_lab.cli._settings import add_settings

    parser.add_argument("trajectory", type=Path, nargs="?", help=WRITTEN)
    add_settings(parser, {"directions": Random()}, SETTINGS)
    parser.add_argument("--count", type=int, default=9, help="how many planes")
    parser.add_argument("--resolution", type=int, default=25, help="grid points per axis")
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    parser.add_argument("--scale", choices=SCALES, default="linear", help="scale of the loss axis")
    add_own_network(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("planes.png"),
        help="output file; by default planes.png",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Run the command and print the result."""
    from landscape_lab.cli._own_network import is_own

    target = Path(asked.output)
    if target.suffix not in (".png", ".svg", ".pdf", ".nc"):
        raise SpecError("the output", str(target), "a .png, .svg, .pdf or .nc file")
    others = {"--step": asked.step if asked.step != -1 else None}
    own = is_own(asked, {"trajectory": asked.trajectory}, others)

    from landscape_core.planes.directions.random import Random
    from landscape_core.slices.grid import Grid
    from landscape_lab.cli._settings import configured

    rule = configured("directions", Random(), asked, SETTINGS)
    grid = Grid.square(1.0, asked.resolution)
    if asked.count < 1:
        raise SpecError("--count", asked.count, "at least 1")
    from landscape_core.analysis.plane_ensemble import ensemble, spread
    from landscape_core.foundation.progress import Progress
    from landscape_core.storage import atomic_files, netcdf
    from landscape_lab.cli._options import aligned
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.figures.matplotlib.plotting import picture
    from landscape_lab.state.user_store import user_store

    parts, seed = _own_parts(asked) if own else _recorded_parts(asked)
    work = ensemble(parts, rule, planes=asked.count, grid=grid, seed=seed, store=user_store())
    news = (Progress(done, asked.count, found) for done, found in enumerate(work, 1))
    dataset = shown(news, "planes", "plane")
    found = spread(dataset, scale=asked.scale)
    told = dataset.merge(found)
    if target.suffix == ".nc":
        netcdf.save(told, target)
    else:
        drawn = picture(told, target.suffix[1:], "ensemble", scale=asked.scale)
        atomic_files.write(target, [drawn])
    yield str(target)
    rows = [("metric", "mean", "standard deviation", "standard error", "unit")]
    for name, column in found.items():
        if column.dims == ("statistic",):
            values = (f"{float(value):.4g}" for value in column)
            rows.append((str(name).removesuffix("_spread"), *values, column.attrs["unit"]))
    yield aligned(rows)


def _recorded_parts(asked: argparse.Namespace) -> "tuple[dict[str, ModelObjective], int]":
    """The data of an iterate of a run, and the run's seed."""
    from landscape_core.experiments.curvature_of_run import parts_at
    from landscape_core.experiments.trajectory import run_of
    from landscape_core.storage import netcdf

    path = netcdf.load(asked.trajectory)
    return parts_at(path, asked.step), run_of(path).seed


def _own_parts(asked: argparse.Namespace) -> "tuple[dict[str, ModelObjective], int]":
    """The data of a network of the user's own, and the seed of `ll.landscape`."""
    from landscape_core.models.user_model import from_module
    from landscape_lab.cli._own_network import own_network

    own = own_network(asked)
    return {"train": from_module(own.model, own.loss, own.data, objective=own.objective)}, 0
