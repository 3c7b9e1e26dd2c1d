"""Compute eigenvalues, trace and spectral density of a curvature matrix at an iterate."""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import LandscapeError

if TYPE_CHECKING:
    import xarray as xr

SETTINGS = ("spectrum.matrix", "spectrum.layers")
"""Settings of a spectrum with their own option."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.curvature.spectrum import Spectrum
    from landscape_lab.cli._options import NEAREST, WRITTEN
    from landscape_lab.cli._settings import add_settings

    parser.add_argument("trajectory", type=Path, help=WRITTEN)
    add_settings(parser, {"spectrum": Spectrum()}, SETTINGS)
    parser.add_argument("--each-layer", action="store_true", help="also every layer alone")
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    parser.add_argument(
        "--along", type=int, metavar="COUNT", help="instead at this number of steps along the run"
    )
    parser.add_argument("--sharpness", action="store_true", help="also all sharpness measures")
    parser.add_argument("-o", "--output", type=Path, help="also write the dataset to a file")


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Run the command and print the result."""
    from landscape_core.curvature.monitor import Watch
    from landscape_core.curvature.spectrum import Spectrum
    from landscape_core.experiments.curvature_of_run import (
        curvature_along_run,
        curvature_of_run,
        sharpness_at,
        signs,
    )
    from landscape_core.experiments.trajectory import run_of
    from landscape_core.storage import netcdf
    from landscape_lab.cli._settings import configured
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.figures.reliability import products
    from landscape_lab.state.user_store import user_store

    path = netcdf.load(asked.trajectory)
    run_of(path)  # refuses what is no trajectory
    if asked.along is not None:
        if getattr(asked, "spectrum.layers") or asked.each_layer or asked.step != -1:
            raise LandscapeError(
                "--along cannot be combined with --layers, --each-layer or --step."
            )
        watch = configured("spectrum", Watch(), asked, ("spectrum.matrix",))
        work = curvature_along_run(path, watch, count=asked.along, store=user_store())
        dataset = shown(work, "curvature", "step")
        yield from _along(dataset)
    else:
        wanted = configured("spectrum", Spectrum(each_layer=asked.each_layer), asked, SETTINGS)
        work = curvature_of_run(path, wanted, step=asked.step, store=user_store())
        dataset = shown(work, "curvature", "stage")
        yield f"{dataset.attrs['matrix']} at step {dataset.attrs['step']}"
        yield "; ".join(products(dataset))
        for block in dataset["block"].values:
            yield from _block(dataset.sel(block=block), signs(dataset).sel(block=block))
    if asked.sharpness:
        found = shown(sharpness_at(path, step=asked.step, store=user_store()), "sharpness", "")
        yield from _sharpness(found)
        dataset = dataset.merge(found.rename({name: f"sharpness_{name}" for name in found}))
    if asked.output:
        netcdf.save(dataset, asked.output)
        yield str(asked.output)


def _block(found: "xr.Dataset", shares: "xr.Dataset") -> Iterator[str]:
    """The spectrum of the network or of one layer, as text."""
    from landscape_core.curvature.spectrum import NETWORK
    from landscape_lab.cli._options import aligned

    name = str(found["block"].item())
    yield f"{name if name == NETWORK else f'layer {name}'}, {int(found['parameters'])} parameters"
    rows = [("  eigenvalue", "", "residual", "missed")]
    for rank in found["rank"].values:
        value, residual = (float(found[of].sel(rank=rank)) for of in ("eigenvalue", "residual"))
        if not math.isnan(value) or math.isinf(residual):
            words = f"{value:.6g}" if math.isfinite(value) else "not converged"
            sure = "none found" if bool(found["leading"].sel(rank=rank)) else "possible"
            rows.append((f"  {rank:+d}", words, f"{residual:.1e}", sure))
    yield aligned(rows)
    yield "  missed: whether a search from a random vector found a larger eigenvalue"
    yield f"  trace    {float(found['trace']):.6g} ± {float(found['trace_error']):.2g}"
    if math.isfinite(float(shares["negative"])):
        within = float(shares["zero_within"])
        yield (
            f"  density  {float(shares['negative']):.1%} below {-within:.2g},"
            f" {float(shares['zero']):.1%} within that of zero,"
            f" {float(shares['positive']):.1%} above"
        )


def _along(found: "xr.Dataset") -> Iterator[str]:
    """One line per step."""
    import numpy as np

    from landscape_lab.cli._options import aligned

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


def _sharpness(found: "xr.Dataset") -> Iterator[str]:
    from landscape_lab.cli._options import aligned

    rows = [("sharpness", "value", "± standard error", "unit", "under rescaling")]
    for name in found["sharpness"].values:
        here = found.sel(sharpness=name)
        error = float(here["standard_error"])
        words = "invariant" if bool(here["invariant"]) else "changes"
        told = f"{error:.2g}" if error else "-"
        rows.append((str(name), f"{float(here['value']):.4g}", told, here["unit"].item(), words))
    yield aligned(rows)
