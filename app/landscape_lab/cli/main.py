"""The command line `landscape`: train, slice, study, plot, list, keep house, open the app.

Every setting of the app is one here: `--set optimizer.learning_rate=0.3` names a field as the app's
links do. Exit codes: 0 done, 1 the work failed, 2 the command was not understood.
"""

import argparse
import os
import signal
import sys
import webbrowser
from collections import Counter, deque
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from landscape_core.analysis.diagnostics.base import Diagnostic
from landscape_core.connectivity.paths.base import Path as Curve
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.sharpness.base import Sharpness
from landscape_core.experiments.slice_of_run import Look, path_on, probe_at, slice_of_trajectory
from landscape_core.experiments.trajectory import record_run, run_of
from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.recipes import Recipe, fields_of, label_of, name_of, summary_of
from landscape_core.foundation.registry import entries
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.losses.base import Loss
from landscape_core.models.measures.base import Measure
from landscape_core.models.neighbor_sampling.base import Neighbours
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.problems.base import Problem
from landscape_core.models.regularizers.base import Regularizer
from landscape_core.planes.directions.base import Directions
from landscape_core.session.session import Session
from landscape_core.slices.backends.base import Backend
from landscape_core.slices.backends.dask import Dask
from landscape_core.slices.cost import estimate
from landscape_core.slices.strategies.base import Strategy
from landscape_core.storage import atomic_files, netcdf
from landscape_core.storage.store import MEGABYTE, Store
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.run import Run
from landscape_core.training.samplers.base import Sampler
from landscape_core.training.schedules.base import Schedule
from landscape_lab.cli import handbook, pictures, studies
from landscape_lab.cli.options import aligned, command, configured, settings, shown
from landscape_lab.content.tour import FOLDER as TOURS
from landscape_lab.hosting import server
from landscape_lab.state.preset import presets
from landscape_lab.state.user_store import user_store

KINDS: dict[str, type[Recipe]] = {
    "problems": Problem,
    "datasets": ProblemData,
    "architectures": Architecture,
    "initializations": Initialization,
    "normalizations": Normalization,
    "neighbours": Neighbours,
    "losses": Loss,
    "regularizers": Regularizer,
    "optimizers": Optimizer,
    "schedules": Schedule,
    "samplers": Sampler,
    "directions": Directions,
    "measures": Measure,
    "matrices": Matrix,
    "sharpness": Sharpness,
    "diagnostics": Diagnostic,
    "paths": Curve,
    "strategies": Strategy,
    "backends": Backend,
}

SHORT_RUN = {
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
SHORT_LOOK = {
    "directions": "directions",
    "normalization": "directions.normalization",
    "layers": "directions.layers",
    "resolution": "grid.resolution",
    "step": "step",
    "dimensions": "dimensions",
    "measures": "measures",
    "tolerance": "tolerance",
    "scale": "scale",
    "examples": "examples",
    "batch_norm": "batch_norm",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if getattr(options, "output", None):
            netcdf.check_folder(options.output)  # not after minutes of work
        for line in options.act(options) or ():
            print(line)
        sys.stdout.flush()
    except (LandscapeError, FileNotFoundError, FileExistsError) as error:
        print(f"landscape: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # who reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("landscape: stopped", file=sys.stderr)
        return 130
    return 0


def train(options: argparse.Namespace) -> None:
    """Train a run and write its trajectory."""
    run = configured(Run(), options, SHORT_RUN)
    path = shown(record_run(run, user_store()), "training", "step")
    netcdf.save(path, options.output)
    final = path.isel(step=-1)
    print(f"{options.output}: {len(path['step'])} iterates to step {int(final['step'])}")
    for split in path["split"].values:
        print(f"  {split} loss {float(final['loss'].sel(split=split)):.4g}")
    if path.attrs["diverged"]:
        print("  the run diverged: the loss is not finite beyond this step")


def slice_(options: argparse.Namespace) -> None:
    """Slice the landscape around a trajectory's iterate."""
    path, *others = (netcdf.load(file) for file in options.trajectories)
    asked = Look(run=run_of(path), framed=options.frame)
    asked = configured(asked, options, SHORT_LOOK)
    if options.estimate:
        print(estimate(probe_at(path, asked, others)[0], asked.grid))
        return
    work = slice_of_trajectory(path, asked, user_store(), _backend(options), others)
    dataset = shown(work, "slicing", "point")
    netcdf.save(dataset, options.output)
    for split in dataset["split"].values:
        low = float(dataset["loss"].sel(split=split).min())
        print(f"{options.output}: lowest {split} loss {low:.4g}")
    if "estimated_error" in dataset.attrs:
        computed, error = dataset["computed"].values, dataset.attrs["estimated_error"]
        print(f"  {computed.sum()} of {computed.size} points computed, others within an estimated")
        print(f"  {error:.2%} of the range of the loss")


def _backend(options: argparse.Namespace) -> Backend | None:
    """Where the command line says to compute; None: in this process."""
    if options.scheduler or options.workers is not None:
        return Dask(scheduler=options.scheduler or "", workers=options.workers or 0)
    return None


def plot(options: argparse.Namespace) -> None:
    """Draw a slice as PNG, SVG, PDF or HTML, by the name of the output.

    A connection and a map of convexity are drawn as PNG, SVG or PDF.
    """
    from landscape_lab.figures.matplotlib import (  # matplotlib takes half a second to import
        stills,
        ways,
    )

    dataset = netcdf.load(options.slice)
    target = Path(options.output)
    if "straight_loss" in dataset or "ratio" in dataset:
        if target.suffix not in (".png", ".svg", ".pdf"):
            raise SpecError("the output", str(target), "a .png, .svg or .pdf file")
        if "ratio" in dataset:
            stills.map_png(dataset, path_on(dataset), target)
        else:
            ways.way_png(dataset, target)
        print(target)
        return
    if "loss" not in dataset or "alpha" not in dataset["loss"].dims:
        raise LandscapeError(
            f"{options.slice} holds no slice and no connection; `landscape slice` and `landscape "
            "connect` write one."
        )
    path = path_on(dataset)
    if target.suffix == ".html":
        from landscape_lab.exports.html import web_page  # Panel takes a second to import

        atomic_files.write(target, [web_page(dataset, path).encode()])
    else:
        stills.figure_png(dataset, path, target)
    print(target)


def list_(options: argparse.Namespace) -> None:
    """Print what there is: names, fields, defaults and what they mean."""
    if options.pictures:
        drawn = tqdm(handbook.draw(options.pictures), desc="pictures", delay=1, leave=False)
        deque(drawn, maxlen=0)
    if options.markdown:
        print(handbook.page({options.kind: KINDS[options.kind]} if options.kind else KINDS), end="")
        return
    for kind in [options.kind] if options.kind else KINDS:
        print(kind)
        for name, recipe in entries(KINDS[kind]).items():
            print(f"  {name:<16} {label_of(recipe)}: {summary_of(recipe)}")
            for field in fields_of(recipe):
                default = field.default
                shown = default if not isinstance(default, Recipe) else label_of(type(default))
                print(f"      {field.name} = {shown}  ({field.help})")


def serve(options: argparse.Namespace) -> None:
    """Serve the app until Ctrl-C."""
    port = server.free_port(options.port)
    url = server.address(port, ip=options.host)
    if options.server == "panel":
        made = server.panel_command(port, ip=options.host, origins=options.origin)
    else:
        made = server.voila_command(port, ip=options.host, kernels=options.kernels)
    if options.tours is not None:
        if not options.tours.is_dir():
            raise SpecError("--tours", str(options.tours), "a folder of Markdown files")
        made[1][TOURS] = str(options.tours.resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends too
    with server.running(made, url) as process:
        print(f"Landscape Lab is at {url} (Ctrl-C ends it)")
        if options.browser:
            webbrowser.open(url)
        process.wait()


def warm(_: argparse.Namespace) -> None:
    """Compute what the presets show first, so that a new installation opens at once."""
    kept = user_store()
    for preset in tqdm(presets().values(), desc="presets", delay=1, leave=False):
        session = Session(preset.scene.run, preset.scene.view, kept)
        aside = preset.scene.display.aside
        study = session.study(name_of(type(aside)), aside.study)
        deque(chain(session.travel(preset.steps), session.refine(), study), maxlen=0)


def cache_list(_: argparse.Namespace) -> None:
    """List the kept results, the last used first."""
    kept = user_store()
    rows = [
        (
            entry.kind,
            _megabytes(entry.size),
            f"{entry.used.astimezone():%Y-%m-%d %H:%M}",
            entry.key[:12],
            entry.about,
        )
        for entry in kept.entries()
    ]
    if rows:
        print(aligned([("kind", "size", "last used", "key", "what"), *rows]))
    print(_total(kept))


def cache_verify(_: argparse.Namespace) -> None:
    """Check every byte of the kept results; the exit code is 1 if some were damaged."""
    kept = user_store()
    found = kept.verify()
    print(f"{_counted(found.good)} in order")
    if found.leftover:
        print(f"removed {len(found.leftover)} left by processes that ended while writing")
    print(_total(kept))
    if found.damaged:
        raise LandscapeError(
            f"{_counted(len(found.damaged))} damaged and set aside, to be computed anew when asked "
            f"for: {', '.join(found.damaged)}"
        )


def cache_prune(options: argparse.Namespace) -> None:
    """Remove results not used for long, and the least recently used above a limit."""
    kept = user_store()
    gone = kept.prune(options.limit_mb, options.older_than)
    print(f"removed {_counted(gone.number)}, {_megabytes(gone.size)}")
    print(_total(kept))


def cache_clear(_: argparse.Namespace) -> None:
    """Remove all kept results."""
    kept = user_store()
    print(f"removed {_counted(kept.clear())}")
    print(_total(kept))


def _total(kept: Store) -> str:
    """What a store holds, its limit and its folder, in one line."""
    found = kept.entries()
    limit = f"of {kept.limit_mb:g} MB at most, in {kept.folder}"
    if not found:
        return f"nothing is kept: 0 MB {limit}"
    kinds = Counter(entry.kind for entry in found)
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    size = _megabytes(sum(entry.size for entry in found))
    return f"{_counted(len(found))} ({told}): {size} {limit}"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.2f} MB"


def _counted(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="landscape", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    made = command(commands, "train", train)
    settings(made, Run(), SHORT_RUN)
    made.add_argument("-o", "--output", type=Path, default=Path("run.nc"))

    made = command(commands, "slice", slice_)
    settings(made, Look(), SHORT_LOOK)
    made.add_argument(
        "trajectories",
        type=Path,
        nargs="+",
        metavar="trajectory",
        help="what `landscape train` wrote; after the first, others to show on its plane",
    )
    made.add_argument(
        "--frame", action="store_true", help="fit the extent to the paths that are shown"
    )
    made.add_argument(
        "--estimate", action="store_true", help="only say what the exact slice would take"
    )
    made.add_argument(
        "--workers", type=int, help="compute on so many processes; 0: one a processor"
    )
    made.add_argument(
        "--scheduler", help="compute on the workers of a dask scheduler, as tcp://host:8786"
    )
    made.add_argument("-o", "--output", type=Path, default=Path("slice.nc"))

    made = command(commands, "plot", plot)
    made.add_argument(
        "slice", type=Path, help="what `landscape slice`, `connect` or `convexity` wrote"
    )
    made.add_argument("-o", "--output", type=Path, default=Path("slice.png"))

    studies.add_to(commands)
    pictures.add_to(commands)
    made = command(commands, "list", list_)
    made.add_argument("kind", nargs="?", choices=KINDS, help="only this kind")
    made.add_argument("--markdown", action="store_true", help="as a page, docs/catalogue.md")
    made.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="also draw the path of each optimizer into a folder; takes some minutes",
    )

    made = command(commands, "app", serve)
    made.set_defaults(server="voila")
    _server_options(made, browser=True)
    made.add_argument(
        "--kernels",
        type=int,
        metavar="N",
        help="pages at the same time, a process of half a gigabyte each; by default as many as the "
        "free memory holds",
    )
    made = command(commands, "serve", serve)
    made.set_defaults(server="panel")
    _server_options(made, browser=False)
    command(commands, "warm", warm)
    _cache_commands(commands)
    return parser


def _cache_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    told = "List, verify, prune or clear the kept results."
    parser = commands.add_parser("cache", help=told, description=told)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    command(actions, "list", cache_list)
    command(actions, "verify", cache_verify)
    made = command(actions, "prune", cache_prune)
    made.add_argument("--limit-mb", type=float, metavar="X", help="keep at most so many megabytes")
    made.add_argument(
        "--older-than", type=float, metavar="DAYS", help="remove what was not used for so long"
    )
    command(actions, "clear", cache_clear)


def _server_options(made: argparse.ArgumentParser, *, browser: bool) -> None:
    made.add_argument("--port", type=int, default=8866, help="the first port to try")
    made.add_argument(
        "--host",
        default=server.LOCAL,
        help="where to listen: 0.0.0.0 for a whole network; by default this machine alone",
    )
    made.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a name under which browsers find this machine; only for `serve`, may be repeated",
    )
    made.add_argument("--tours", type=Path, help="a folder of guided tours, one Markdown file each")
    made.add_argument(
        "--browser",
        action=argparse.BooleanOptionalAction,
        default=browser,
        help="open it in a browser",
    )
