"""Train a run and write its trajectory."""

import argparse
from pathlib import Path

SHORT = {
    "problem": "problem",
    "dataset": "problem.dataset",
    "architecture": "problem.architecture",
    "loss": "problem.loss",
    "optimizer": "optimizer",
    "learning_rate": "optimizer.learning_rate",
    "schedule": "schedule",
    "sampler": "sampler",
    "batch_size": "batch_size",
    "steps": "steps",
    "seed": "seed",
}
"""The settings of a run that have an option of their own."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    from landscape_core.training.run import Run
    from landscape_lab.cli._options import settings

    settings(parser, Run(), SHORT)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("run.nc"),
        help="the file to write; by default run.nc",
    )


def run(asked: argparse.Namespace) -> None:
    """Train, write the trajectory, and print the final losses."""
    from landscape_core.experiments.trajectory import record_run
    from landscape_core.storage import netcdf
    from landscape_core.training.run import Run
    from landscape_lab.cli._options import configured, shown
    from landscape_lab.state.user_store import user_store

    path = shown(record_run(configured(Run(), asked, SHORT), user_store()), "training", "step")
    netcdf.save(path, asked.output)
    final = path.isel(step=-1)
    print(f"{asked.output}: {len(path['step'])} iterates to step {int(final['step'])}")
    for split in path["split"].values:
        print(f"  {split} loss {float(final['loss'].sel(split=split)):.4g}")
    if path.attrs["diverged"]:
        print("  the run diverged: the loss is not finite beyond this step")
