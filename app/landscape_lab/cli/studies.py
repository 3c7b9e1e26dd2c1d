"""Studies from the command line: curvature, connections, the figures of slices, many planes.

Each gives what it found as lines of text; `landscape_lab.cli.main` prints them.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from landscape_core.analysis.convexity_map import Convexity
from landscape_core.analysis.convexity_map import convexity as mapped
from landscape_core.analysis.diagnostics.base import Diagnostic
from landscape_core.analysis.plane_ensemble import ensemble, spread
from landscape_core.analysis.slice_metrics import SCALES
from landscape_core.analysis.slice_metrics import slice_metrics as figures_of
from landscape_core.connectivity.connection import Connection
from landscape_core.connectivity.connection import connect as connecting
from landscape_core.curvature.monitor import Watch
from landscape_core.curvature.spectrum import NETWORK, Spectrum
from landscape_core.experiments.curvature_of_run import (
    curvature_along_run,
    parts_at,
    sharpness_at,
    signs,
)
from landscape_core.experiments.curvature_of_run import curvature_of_run as curvature_at
from landscape_core.experiments.progress import Progress
from landscape_core.experiments.slice_of_run import Look, frame, probe_at, shadow_on
from landscape_core.experiments.trajectory import run_of
from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.foundation.registry import entries, find
from landscape_core.planes.directions.random import Random
from landscape_core.slices.grid import Grid
from landscape_core.storage import netcdf, schema
from landscape_lab.cli.options import aligned, command, configured, settings, shown
from landscape_lab.state.user_store import user_store

SHORT_SPECTRUM = {"matrix": "matrix", "layers": "layers"}
SHORT_CONNECTION = {"path": "path"}
SHORT_RANDOM = {"normalization": "normalization", "layers": "layers"}
SHORT_MAP = {
    "directions": "directions",
    "normalization": "directions.normalization",
    "layers": "directions.layers",
    "resolution": "grid.resolution",
    "step": "step",
    "examples": "examples",
}

WRITTEN = "what `landscape train` wrote"
NEAREST = "the recorded step nearest to this; -1 for the last"

FEW = 8
"""Values of a variable that are told one by one."""

NEGATIVE = 0.05
"""The ratio |λ min / λ max| above which negative curvature is told of."""


def curvature(options: argparse.Namespace) -> Iterator[str]:
    """Tell the eigenvalues, the trace and the density of a matrix of second order at an iterate."""
    path = netcdf.load(options.trajectory)
    run_of(path)  # refuses what is no trajectory
    if options.along is not None:
        if options.layers or options.each_layer or options.step != -1:
            raise LandscapeError("--along goes with neither --layers, --each-layer nor --step.")
        watch = configured(Watch(), options, {"matrix": "matrix"})
        work = curvature_along_run(path, watch, count=options.along, store=user_store())
        dataset = shown(work, "curvature", "step")
        yield from _along(dataset)
    else:
        asked = configured(Spectrum(each_layer=options.each_layer), options, SHORT_SPECTRUM)
        work = curvature_at(path, asked, step=options.step, store=user_store())
        dataset = shown(work, "curvature", "stage")
        yield f"{dataset.attrs['matrix']} at step {dataset.attrs['step']}"
        for block in dataset["block"].values:
            yield from _block(dataset.sel(block=block), signs(dataset).sel(block=block))
    if options.sharpness:
        found = shown(sharpness_at(path, step=options.step, store=user_store()), "sharpness", "")
        yield from _sharpness(found)
        dataset = dataset.merge(found.rename({name: f"sharpness_{name}" for name in found}))
    if options.output:
        netcdf.save(dataset, options.output)
        yield str(options.output)


def connect(options: argparse.Namespace) -> Iterator[str]:
    """Connect the ends of two runs by a curve of low loss; tell barriers and lengths.

    The runs are those whose recipes the two files hold; one that is not kept is trained again.
    """
    first, second = (run_of(netcdf.load(file)) for file in (options.first, options.second))
    asked = Connection(first=first, second=second, align=options.align)
    asked = configured(asked, options, SHORT_CONNECTION)
    dataset = shown(connecting(asked, user_store()), "connecting", "step")
    netcdf.save(dataset, options.output)
    yield str(options.output)
    named = {"straight": "straight line"}
    named |= {"aligned": "line after aligning"} if "aligned_loss" in dataset else {}
    splits = [str(split) for split in dataset["split"].values]
    rows = [("", *(f"{split} barrier" for split in splits), "length")]
    for prefix, words in [*((f"{name}_", words) for name, words in named.items()), ("", "curve")]:
        barriers = (
            f"{float(dataset[prefix + 'barrier'].sel(split=split)):.4g}" for split in splits
        )
        rows.append((words, *barriers, f"{float(dataset[prefix + 'length']):.4g}"))
    yield aligned(rows)


def diagnose(options: argparse.Namespace) -> Iterator[str]:
    """Measure a network at an iterate without any plane: gradient noise, dead units and others.

    Values by block, layer or rank are told as far as a few; files hold all. Without names, those
    that a network cannot have are left out, with the reason.
    """
    path = netcdf.load(options.trajectory)
    names = options.diagnostics or list(entries(Diagnostic))
    asked = {name: find(Diagnostic, name)() for name in names}
    targets = {name: _beside(options.output, name) for name in names if options.output}
    for target in targets.values():
        netcdf.check_folder(target)  # not after minutes of work
    train, first = (parts_at(path, step)["train"] for step in (options.step, 0))
    # With the iterate's statistics, but the run's beginning to measure distances from.
    from_start = train.moving([block.name for block in train.layout.blocks], first.start)
    for name, diagnostic in asked.items():
        try:
            found = diagnostic.at(from_start, train.start)
        except SpecError as error:
            if options.diagnostics:
                raise
            yield f"{name}: not of this network: {error}"
            continue
        yield f"{name}: {found.attrs['title']}, {found.attrs['examples']} examples"
        yield aligned([_told(str(one), column) for one, column in found.data_vars.items()])
        if options.output:
            netcdf.save(found, targets[name])
            yield str(targets[name])


def _beside(output: Path, name: str) -> Path:
    """The file of one diagnostic."""
    return output.with_stem(f"{output.stem}_{name}")


def _told(name: str, column: xr.DataArray) -> tuple[str, str, str, str]:
    """A variable in a line: its values if they are few, else the least, the median, the largest."""
    values = np.ravel(column.values)
    words = " ".join(f"{value:.4g}" for value in values)
    if len(values) > FEW:
        finite = values[np.isfinite(values.astype(float))]
        ends = (finite.min(), np.median(finite), finite.max()) if finite.size else (np.nan,) * 3
        words = " … ".join(f"{float(end):.4g}" for end in ends) + f" ({len(values)} values)"
    dims = ", ".join(map(str, column.dims))
    return "  " + name, words, column.attrs.get("units", ""), f"by {dims}" if dims else ""


def figures(options: argparse.Namespace) -> Iterator[str]:
    """Tell the shape of a slice in numbers: minima, convex share, roughness and others."""
    slice_ = netcdf.load(options.slice)
    schema.check(slice_)
    splits = [str(split) for split in slice_["split"].values]
    tables = [figures_of(slice_, split, options.scale) for split in splits]
    rows = [("figure", *splits, "unit", "meaning")]
    for name, column in tables[0].items():
        values = (f"{float(table[name]):.4g}" for table in tables)
        rows.append((str(name), *values, column.attrs["unit"], column.attrs["long_name"]))
    yield aligned(rows)
    if "estimated_error" in slice_.attrs:
        error = slice_.attrs["estimated_error"]
        yield f"interpolated points lie within an estimated {error:.2%} of the range of the loss"


def convexity(options: argparse.Namespace) -> Iterator[str]:
    """Map how far the full Hessian is from convex, |λ min / λ max|, over a plane.

    Where the ratio is 0 it has no negative eigenvalue; Li et al., 2018, figure 7.
    """
    path = netcdf.load(options.trajectory)
    start = Look(run=run_of(path), grid=Grid(resolution=15), examples=500, framed=options.frame)
    asked = configured(start, options, SHORT_MAP)
    read, plane, thetas = probe_at(path, asked)
    grid, total = frame(asked, plane, thetas), asked.grid.resolution**2
    work = mapped(read.parts["train"], plane, grid, Convexity(examples=asked.examples))
    news = (Progress(int(found["ratio"].notnull().sum()), total, found) for found in work)
    dataset = shown(news, "convexity", "point").assign(shadow_on(plane, thetas, path))
    netcdf.save(dataset.assign_attrs(look=canonical(to_plain(asked))), options.output)
    yield str(options.output)
    known = dataset["ratio"].values[dataset["ratio"].notnull().values]
    if len(known):
        yield (
            f"|λ min / λ max| is {known.min():.3g} to {known.max():.3g}, median"
            f" {np.median(known):.3g}; above {NEGATIVE:g} at {(known > NEGATIVE).mean():.0%} of"
            f" {len(known)} points"
        )
    if len(known) < total:
        yield f"{total - len(known)} points are not known: not finite, or not converged"


def planes(options: argparse.Namespace) -> Iterator[str]:
    """Draw the landscape around an iterate on many random planes, and tell how figures spread."""
    from landscape_lab.figures.matplotlib.multiples import (
        small_multiples,  # matplotlib takes half a second to import
    )

    target = Path(options.output)
    if target.suffix not in (".png", ".svg", ".pdf"):
        raise SpecError("the output", str(target), "a .png, .svg or .pdf file")
    path = netcdf.load(options.trajectory)
    parts, rule = parts_at(path, options.step), configured(Random(), options, SHORT_RANDOM)
    grid, seed = Grid.square(1.0, options.resolution), run_of(path).seed
    work = ensemble(parts, rule, planes=options.count, grid=grid, seed=seed, store=user_store())
    news = (Progress(done, options.count, found) for done, found in enumerate(work, 1))
    dataset = shown(news, "planes", "plane")
    found = spread(dataset, scale=options.scale)
    small_multiples(dataset, target, figures=found, scale=options.scale)
    yield str(target)
    rows = [("figure", "mean", "standard deviation", "standard error", "unit")]
    for name, column in found.items():
        if column.dims == ("statistic",):
            values = (f"{float(value):.4g}" for value in column)
            rows.append((str(name).removesuffix("_spread"), *values, column.attrs["unit"]))
    yield aligned(rows)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands of this file."""
    made = command(commands, "curvature", curvature)
    made.add_argument("trajectory", type=Path, help=WRITTEN)
    settings(made, Spectrum(), SHORT_SPECTRUM)
    made.add_argument("--each-layer", action="store_true", help="also every layer alone")
    made.add_argument("--step", type=int, default=-1, help=NEAREST)
    made.add_argument(
        "--along", type=int, metavar="COUNT", help="at so many steps along the run instead"
    )
    made.add_argument("--sharpness", action="store_true", help="also every sharpness there is")
    made.add_argument("-o", "--output", type=Path, help="also write it to a file")

    made = command(commands, "connect", connect)
    made.add_argument("first", type=Path, help=WRITTEN)
    made.add_argument("second", type=Path, help="another run of the same network")
    settings(made, Connection(), SHORT_CONNECTION)
    made.add_argument(
        "--align", action="store_true", help="first put the second one's hidden units in order"
    )
    made.add_argument("-o", "--output", type=Path, default=Path("connection.nc"))

    made = command(commands, "figures", figures)
    made.add_argument("slice", type=Path, help="what `landscape slice` wrote")
    made.add_argument("--scale", choices=SCALES, default="linear", help="of the heights")

    made = command(commands, "diagnose", diagnose)
    made.add_argument("trajectory", type=Path, help=WRITTEN)
    made.add_argument("diagnostics", nargs="*", help="by name; all, if none is named")
    made.add_argument("--step", type=int, default=-1, help=NEAREST)
    made.add_argument("-o", "--output", type=Path, help="also write each to a file of this name")

    made = command(commands, "convexity", convexity)
    made.add_argument("trajectory", type=Path, help=WRITTEN)
    settings(made, Look(), SHORT_MAP)
    made.add_argument("--frame", action="store_true", help="fit the extent to the path")
    made.add_argument("-o", "--output", type=Path, default=Path("convexity.nc"))

    made = command(commands, "planes", planes)
    made.add_argument("trajectory", type=Path, help=WRITTEN)
    settings(made, Random(), SHORT_RANDOM)
    made.add_argument("--count", type=int, default=9, help="how many planes")
    made.add_argument("--resolution", type=int, default=25, help="points along each side")
    made.add_argument("--step", type=int, default=-1, help=NEAREST)
    made.add_argument("--scale", choices=SCALES, default="log", help="of the heights")
    made.add_argument("-o", "--output", type=Path, default=Path("planes.png"))


def _block(found: xr.Dataset, shares: xr.Dataset) -> Iterator[str]:
    """What is known of the network, or of one layer alone."""
    name = str(found["block"].item())
    yield f"{name if name == NETWORK else f'layer {name}'}, {int(found['parameters'])} parameters"
    rows = [("  eigenvalue", "", "residual")]
    for rank in found["rank"].values:
        value, residual = (float(found[of].sel(rank=rank)) for of in ("eigenvalue", "residual"))
        if not math.isnan(value) or math.isinf(residual):
            words = f"{value:.6g}" if math.isfinite(value) else "not converged"
            rows.append((f"  {rank:+d}", words, f"{residual:.1e}"))
    yield aligned(rows)
    yield f"  trace    {float(found['trace']):.6g} ± {float(found['trace_error']):.2g}"
    if math.isfinite(float(shares["negative"])):
        within = float(shares["zero_within"])
        yield (
            f"  density  {float(shares['negative']):.1%} below {-within:.2g},"
            f" {float(shares['zero']):.1%} within that of zero,"
            f" {float(shares['positive']):.1%} above"
        )


def _along(found: xr.Dataset) -> Iterator[str]:
    """A line a step."""
    ranks = [f"λ{rank}" for rank in found["rank"].values]
    rows = [("step", "loss", *ranks, "trace", "± standard error")]
    for step in found["step"].values:
        here = found.sel(step=step)
        values = [float(here["loss"]), *here["eigenvalue"].values.tolist(), float(here["trace"])]
        error = f"{float(here['trace_error']):.2g}"
        rows.append((str(int(step)), *(f"{value:.4g}" for value in values), error))
    yield aligned(rows)
    worst = np.nanmax(found["residual"].values / np.abs(found["eigenvalue"].values))
    yield f"{found.attrs['matrix']}; residuals are at most {worst:.1e} of their eigenvalues"


def _sharpness(found: xr.Dataset) -> Iterator[str]:
    rows = [("sharpness", "value", "± standard error", "unit", "under rescaling")]
    for name in found["sharpness"].values:
        here = found.sel(sharpness=name)
        error = float(here["standard_error"])
        words = "invariant" if bool(here["invariant"]) else "changes"
        told = f"{error:.2g}" if error else "-"
        rows.append((str(name), f"{float(here['value']):.4g}", told, here["unit"].item(), words))
    yield aligned(rows)
