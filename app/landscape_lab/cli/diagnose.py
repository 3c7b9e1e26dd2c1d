"""Compute diagnostics of a network at an iterate: gradient noise, dead units and others.

Of a trajectory, or of your own network by --model. Long variables are summarized; files contain all
values. Without names, all diagnostics that apply to the network are computed; for the others the
reason is printed.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    import xarray as xr

    from landscape_core.foundation.types import Vector
    from landscape_core.models.network_objective import ModelObjective

FIRST = "those of a run, whose first is its start"

SEVERAL = 2
"""Checkpoints of a run, at least."""

FEW = 8
"""Maximum number of values of a variable printed individually."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli._options import NEAREST, WRITTEN
    from landscape_lab.cli._own_network import add_own_network

    parser.add_argument(
        "trajectory", type=Path, nargs="?", help=f"{WRITTEN}; left out with --model"
    )
    parser.add_argument("diagnostics", nargs="*", help="names of diagnostics; all by default")
    parser.add_argument("--step", type=int, default=-1, help=NEAREST)
    add_own_network(parser)
    parser.add_argument(
        "-o", "--output", type=Path, help="also write each dataset to a file with this name"
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Run the command and print the result."""
    from landscape_core.analysis.diagnostics.base import Diagnostic
    from landscape_core.foundation.registry import entries, find
    from landscape_core.storage import netcdf
    from landscape_lab.cli._options import aligned
    from landscape_lab.cli._own_network import is_own

    given, first = asked.diagnostics, asked.trajectory
    if asked.model is not None and first is not None:  # there is no trajectory before the names
        given, first = [str(first), *given], None
    own = is_own(asked, {"trajectory": first}, {"--step": None if asked.step == -1 else asked.step})
    chosen = {name: find(Diagnostic, name)() for name in given or entries(Diagnostic)}
    targets = {name: _beside(asked.output, name) for name in chosen if asked.output}
    for target in targets.values():
        netcdf.check_folder(target)  # not after minutes of work
    objective, theta = _of_network(asked) if own else _of_run(asked)
    started = not own or objective.start is not theta
    for name, diagnostic in chosen.items():
        try:
            if diagnostic.from_start and not started:
                raise SpecError("--checkpoints", asked.checkpoints, FIRST)
            found = diagnostic.at(objective, theta)
        except SpecError as error:
            if given:
                raise
            yield f"{name}: does not apply to this network: {error}"
            continue
        yield f"{name}: {found.attrs['title']}, {found.attrs['examples']} examples"
        yield aligned([_told(str(one), column) for one, column in found.data_vars.items()])
        if asked.output:
            netcdf.save(found, targets[name])
            yield str(targets[name])


def _of_run(asked: argparse.Namespace) -> "tuple[ModelObjective, Vector]":
    """The training loss and the parameters at an iterate of a run."""
    from landscape_core.experiments.curvature_of_run import parts_at
    from landscape_core.storage import netcdf

    path = netcdf.load(asked.trajectory)
    there, first = (parts_at(path, step)["train"] for step in (asked.step, 0))
    return _from_start(there, first.start), there.start


def _of_network(asked: argparse.Namespace) -> "tuple[ModelObjective, Vector]":
    """The loss of a network of the user's own, and its present parameters.

    Of several checkpoints the first is the start of its run.
    """
    from landscape_core.models.fitting_state import opened
    from landscape_core.models.user_model import from_module
    from landscape_lab.cli._checkpoint_places import state_in_place
    from landscape_lab.cli._own_network import own_network

    own = own_network(asked)
    objective = from_module(own.model, own.loss, own.data, objective=own.objective)
    if own.path is None or len(opened(own.path)) < SEVERAL:
        return objective, objective.start
    first = state_in_place(str(own.path), 0, own.model)
    named = {block.name: first[block.name] for block in objective.layout.blocks}
    start = objective.layout.join(named).to(objective.start)
    return _from_start(objective, start), objective.start


def _from_start(objective: "ModelObjective", start: "Vector") -> "ModelObjective":
    """The objective with its own statistics, but the run's beginning to measure distances from."""
    return objective.moving([block.name for block in objective.layout.blocks], start)


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
