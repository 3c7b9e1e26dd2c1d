"""Train a run and write its trajectory."""

import argparse
from pathlib import Path

SETTINGS = (
    "run.problem",
    "run.problem.dataset",
    "run.problem.architecture",
    "run.problem.loss",
    "run.optimizer",
    "run.optimizer.learning_rate",
    "run.schedule",
    "run.sampler",
    "run.batch_size",
    "run.steps",
    "run.seed",
)
"""Settings of a run with their own option."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_core.training.run import Run
    from landscape_lab.cli._settings import add_settings

    add_settings(parser, {"run": Run()}, SETTINGS)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("run.nc"),
        help="output file; by default run.nc",
    )


def run(asked: argparse.Namespace) -> None:
    """Train, write the trajectory, and print the final losses."""
    from landscape_core.experiments.trajectory import record_run
    from landscape_core.storage import netcdf
    from landscape_core.training.run import Run
    from landscape_lab.cli._settings import configured
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.state.user_store import user_store

    wanted = configured("run", Run(), asked, SETTINGS)
    path = shown(record_run(wanted, user_store()), "training", "step")
    netcdf.save(path, asked.output)
    final = path.isel(step=-1)
    print(f"{asked.output}: {len(path['step'])} iterates to step {int(final['step'])}")
    for split in path["split"].values:
        here = final.sel(split=split)
        error = float(here["loss_standard_error"]) if "loss_standard_error" in here else 0.0
        told = f" ± {error:.2g} (standard error of a sample)" if error else ""
        print(f"  {split} loss {float(here['loss']):.4g}{told}")
    if path.attrs["diverged"]:
        print("  the run diverged: the loss is not finite after this step")
