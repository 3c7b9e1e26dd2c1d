"""Draw a slice as PNG, SVG, PDF or HTML, by the name of the output.

A connection and a map of convexity are drawn as PNG, SVG or PDF.
"""

import argparse
from pathlib import Path

from landscape_core.foundation.errors import LandscapeError, SpecError

DRAWN = (".png", ".svg", ".pdf")


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "slice", type=Path, help="what `landscape slice`, `connect` or `convexity` wrote"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("slice.png"),
        help="the file to write; by default slice.png",
    )


def run(asked: argparse.Namespace) -> None:
    """Draw what the file holds."""
    from landscape_core.experiments.slice_of_run import path_on
    from landscape_core.storage import atomic_files, netcdf
    from landscape_lab.figures.matplotlib import stills, ways

    target = Path(asked.output)
    if target.suffix not in (*DRAWN, ".html"):
        raise SpecError("the output", str(target), "a .png, .svg, .pdf or .html file")
    dataset = netcdf.load(asked.slice)
    if "straight_loss" in dataset or "ratio" in dataset:
        if target.suffix not in DRAWN:
            raise SpecError("the output", str(target), "a .png, .svg or .pdf file")
        if "ratio" in dataset:
            stills.map_png(dataset, path_on(dataset), target)
        else:
            ways.way_png(dataset, target)
        print(target)
        return
    if "loss" not in dataset or "alpha" not in dataset["loss"].dims:
        raise LandscapeError(
            f"{asked.slice} holds no slice, connection or map of convexity; `landscape slice`, "
            "`landscape connect` and `landscape convexity` write one."
        )
    path = path_on(dataset)
    if target.suffix == ".html":
        from landscape_lab.exports.html import web_page  # Panel takes a second to import

        atomic_files.write(target, [web_page(dataset, path).encode()])
    else:
        stills.figure_png(dataset, path, target)
    print(target)
