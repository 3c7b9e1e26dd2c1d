"""Compute diagnostics of a network at an iterate: gradient noise, dead units and others.

Long variables are summarized; files contain all values. Without names, all diagnostics that apply
to the network are computed; for the others the reason is printed.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    import xarray as xr

FEW = 8
"""Maximum number of values of a variable printed individually."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli._options import NEAREST, WRITTEN

    parser.add_argument("trajectory", type=Path, help=WRITTEN)
    parser.add_argument("diagnostics", nargs="*", help="names of diagnostics; all by default")
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    parser.add_argument(
        "-o", "--output", type=Path, help="also write each dataset to a file with this name"
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Run the command and print the result."""
    from landscape_core.analysis.diagnostics.base import Diagnostic
    from landscape_core.experiments.curvature_of_run import parts_at
    from landscape_core.foundation.registry import entries, find
    from landscape_core.storage import netcdf
    from landscape_lab.cli._options import aligned

    path = netcdf.load(asked.trajectory)
    names = asked.diagnostics or list(entries(Diagnostic))
    chosen = {name: find(Diagnostic, name)() for name in names}
    targets = {name: _beside(asked.output, name) for name in names if asked.output}
    for target in targets.values():
        netcdf.check_folder(target)  # not after minutes of work
    train, first = (parts_at(path, step)["train"] for step in (asked.step, 0))
    # With the iterate's statistics, but the run's beginning to measure distances from.
    from_start = train.moving([block.name for block in train.layout.blocks], first.start)
    for name, diagnostic in chosen.items():
        try:
            found = diagnostic.at(from_start, train.start)
        except SpecError as error:
            if asked.diagnostics:
                raise
            yield f"{name}: does not apply to this network: {error}"
            continue
        yield f"{name}: {found.attrs['title']}, {found.attrs['examples']} examples"
        yield aligned([_told(str(one), column) for one, column in found.data_vars.items()])
        if asked.output:
            netcdf.save(found, targets[name])
            yield str(targets[name])


def _beside(output: Path, name: str) -> Path:
    """The output file of one diagnostic."""
    return output.with_stem(f"{output.stem}_{name}")


def _told(name: str, column: "xr.DataArray") -> tuple[str, str, str, str]:
    """A variable in one line: its values if few, else minimum, median and maximum."""
    import numpy as np

    values = np.ravel(column.values)
    words = " ".join(f"{value:.4g}" for value in values)
    if len(values) > FEW:
        finite = values[np.isfinite(values.astype(float))]
        ends = (finite.min(), np.median(finite), finite.max()) if finite.size else (np.nan,) * 3
        words = " … ".join(f"{float(end):.4g}" for end in ends) + f" ({len(values)} values)"
    dims = ", ".join(map(str, column.dims))
    return "  " + name, words, column.attrs.get("units", ""), f"by {dims}" if dims else ""
