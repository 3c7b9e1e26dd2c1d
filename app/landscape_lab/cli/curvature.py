"""Compute eigenvalues, trace and spectral density of a curvature matrix at an iterate.

With `--model` they are those of `ll.spectrum`, of a network of your own at its last checkpoint.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import LandscapeError

if TYPE_CHECKING:
    import xarray as xr

    from landscape_core.curvature.spectrum import Spectrum
    from landscape_core.foundation.progress import Progress
    from landscape_lab.cli._own_network import OwnNetwork

SETTINGS = ("spectrum.matrix", "spectrum.layers")
"""Settings of a spectrum with their own option."""

TAKEN = ("matrix", "top", "bottom", "each_layer", "probes", "max_examples", "seed")
"""Settings that a spectrum of a network of the user's own takes."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.curvature.spectrum import Spectrum
    from landscape_lab.cli._options import NEAREST, WRITTEN
    from landscape_lab.cli._own_network import add_own_network
    from landscape_lab.cli._settings import add_settings

    parser.add_argument("trajectory", type=Path, nargs="?", help=WRITTEN)
    add_settings(parser, {"spectrum": Spectrum()}, SETTINGS)
    parser.add_argument("--each-layer", action="store_true", help="also every layer alone")
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    parser.add_argument(
        "--along", type=int, metavar="COUNT", help="instead at this number of steps along the run"
    )
    parser.add_argument("--sharpness", action="store_true", help="also all sharpness measures")
    add_own_network(parser)
    parser.add_argument("-o", "--output", type=Path, help="also write the dataset to a file")


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Run the command and print the result."""
    from landscape_lab.cli._own_network import is_own, own_network

    others = {
        "--step": asked.step if asked.step != -1 else None,
        "--along": asked.along,
    }
    own = None
    if is_own(asked, {"trajectory": asked.trajectory}, others):
        wanted = _asked_of_network(asked)  # before what takes long to import
        own = own_network(asked)
        dataset = _of_network(own, wanted)
        yield from _at_point(dataset, asked.checkpoints or "the parameters of --model")
    elif asked.along is not None:
        dataset = _along_run(asked)
        yield from _along(dataset)
    else:
        dataset = _of_run(asked)
        yield from _at_point(dataset, f"step {dataset.attrs['step']}")
    if asked.sharpness:
        from landscape_lab.cli.progress_bar import shown

        work = _sharpness_of_network(own, asked) if own else _sharpness_of_run(asked)
        found = shown(work, "sharpness", "")
        yield from _sharpness(found)
        dataset = dataset.merge(found.rename({name: f"sharpness_{name}" for name in found}))
    if asked.output:
        from landscape_core.storage import netcdf

        netcdf.save(dataset, asked.output)
        yield str(asked.output)


def _of_run(asked: argparse.Namespace) -> "xr.Dataset":
    """The spectrum at an iterate of a run."""
    from landscape_core.curvature.spectrum import Spectrum
    from landscape_core.experiments.curvature_of_run import curvature_of_run
    from landscape_lab.cli._settings import configured
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.state.user_store import user_store

    path = _trajectory(asked)
    wanted = configured("spectrum", Spectrum(each_layer=asked.each_layer), asked, SETTINGS)
    work = curvature_of_run(path, wanted, step=asked.step, store=user_store())
    return shown(work, "curvature", "stage")


def _asked_of_network(asked: argparse.Namespace) -> "Spectrum":
    """What is asked of a network of the user's own.

    Raises:
        SpecError: a setting that is for trajectories, or a value that is refused.
    """
    from landscape_core.curvature.spectrum import Spectrum
    from landscape_lab.cli._own_network import check_taken
    from landscape_lab.cli._settings import configured

    usual = Spectrum(each_layer=asked.each_layer)
    wanted = configured("spectrum", usual, asked, SETTINGS)
    check_taken("spectrum", wanted, usual, TAKEN)
    return wanted


def _of_network(own: "OwnNetwork", wanted: "Spectrum") -> "xr.Dataset":
    """The spectrum of a network of the user's own."""
    from landscape_core.curvature.spectrum_of_model import spectrum
    from landscape_lab.cli.progress_bar import shown

    work = spectrum.growing(
        own.model,
        own.loss,
        own.data,
        objective=own.objective,
        matrix=wanted.matrix,
        top=wanted.top,
        bottom=wanted.bottom,
        each_layer=wanted.each_layer,
        probes=wanted.probes,
        max_examples=wanted.max_examples,
        seed=wanted.seed,
    )
    return shown(work, "curvature", "stage")


def _along_run(asked: argparse.Namespace) -> "xr.Dataset":
    """The leading eigenvalues along a run."""
    from landscape_core.curvature.monitor import Watch
    from landscape_core.experiments.curvature_of_run import curvature_along_run
    from landscape_lab.cli._settings import configured
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.state.user_store import user_store

    path = _trajectory(asked)
    if getattr(asked, "spectrum.layers") or asked.each_layer or asked.step != -1:
        raise LandscapeError("--along cannot be combined with --layers, --each-layer or --step.")
    watch = configured("spectrum", Watch(), asked, ("spectrum.matrix",))
    work = curvature_along_run(path, watch, count=asked.along, store=user_store())
    return shown(work, "curvature", "step")


def _trajectory(asked: argparse.Namespace) -> "xr.Dataset":
    """What `landscape train` wrote."""
    from landscape_core.experiments.trajectory import run_of
    from landscape_core.storage import netcdf

    path = netcdf.load(asked.trajectory)
    run_of(path)  # refuses what is no trajectory
    return path


def _sharpness_of_run(asked: argparse.Namespace) -> "Iterator[Progress]":
    """All sharpness measures at an iterate of a run."""
    from landscape_core.experiments.curvature_of_run import sharpness_at
    from landscape_lab.state.user_store import user_store

    return sharpness_at(_trajectory(asked), step=asked.step, store=user_store())


def _sharpness_of_network(own: "OwnNetwork", asked: argparse.Namespace) -> "Iterator[Progress]":
    """All sharpness measures of a network of the user's own, on all of its data."""
    from landscape_core.curvature.sharpness_of_model import sharpness
    from landscape_lab.cli._own_network import data_of

    return sharpness.growing(own.model, own.loss, data_of(asked), objective=own.objective)


def _at_point(dataset: "xr.Dataset", place: str) -> Iterator[str]:
    """The spectra of the network and of layers, as text."""
    from landscape_core.experiments.curvature_of_run import signs
    from landscape_lab.figures.reliability import products

    yield f"{dataset.attrs['matrix']} at {place}"
    yield "; ".join(products(dataset))
    for block in dataset["block"].values:
        yield from _block(dataset.sel(block=block), signs(dataset).sel(block=block))


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
