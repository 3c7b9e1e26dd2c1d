"""Measure a network at an iterate without any plane: gradient noise, dead units and others.

Values by block, layer or rank are told as far as a few; files hold all. Without names, those
that a network cannot have are left out, with the reason.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    import xarray as xr

FEW = 8
"""Values of a variable that are told one by one."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    from landscape_lab.cli._options import NEAREST, WRITTEN

    parser.add_argument("trajectory", type=Path, help=WRITTEN)
    parser.add_argument("diagnostics", nargs="*", help="by name; all, if none is named")
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    parser.add_argument("-o", "--output", type=Path, help="also write each to a file of this name")


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Do it, and tell what was found."""
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
            yield f"{name}: not of this network: {error}"
            continue
        yield f"{name}: {found.attrs['title']}, {found.attrs['examples']} examples"
        yield aligned([_told(str(one), column) for one, column in found.data_vars.items()])
        if asked.output:
            netcdf.save(found, targets[name])
            yield str(targets[name])


def _beside(output: Path, name: str) -> Path:
    """The file of one diagnostic."""
    return output.with_stem(f"{output.stem}_{name}")


def _told(name: str, column: "xr.DataArray") -> tuple[str, str, str, str]:
    """A variable in a line: its values if they are few, else the least, the median, the largest."""
    import numpy as np

    values = np.ravel(column.values)
    words = " ".join(f"{value:.4g}" for value in values)
    if len(values) > FEW:
        finite = values[np.isfinite(values.astype(float))]
        ends = (finite.min(), np.median(finite), finite.max()) if finite.size else (np.nan,) * 3
        words = " … ".join(f"{float(end):.4g}" for end in ends) + f" ({len(values)} values)"
    dims = ", ".join(map(str, column.dims))
    return "  " + name, words, column.attrs.get("units", ""), f"by {dims}" if dims else ""
