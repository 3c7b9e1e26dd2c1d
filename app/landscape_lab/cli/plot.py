"""Draw what another command wrote as PNG, SVG, PDF or HTML, by the name of the output.

The options are those of `ll.plot`. Several slices are drawn side by side. A page of HTML is drawn
of one slice.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape_core.foundation.errors import LandscapeError, SpecError

if TYPE_CHECKING:
    import xarray as xr

DRAWN = (".png", ".svg", ".pdf")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.figures.matplotlib.base import SCALE, SCALES, kinds

    parser.add_argument(
        "files", type=Path, nargs="+", metavar="file", help="what another command wrote as .nc"
    )
    parser.add_argument("--kind", choices=list(kinds()), help="which picture; by default as fits")
    parser.add_argument("--variable", help="what is shown; by default the loss")
    parser.add_argument("--split", help="which part of the data; by default train")
    parser.add_argument(
        "--scale", choices=SCALES, default=SCALE, help=f"of the losses; by default {SCALE}"
    )
    parser.add_argument(
        "--limits", type=float, nargs=2, metavar=("LOW", "HIGH"), help="ends of colours or heights"
    )
    parser.add_argument("--cmap", help="colours, by their name in Matplotlib")
    parser.add_argument("--no-path", action="store_true", help="leave out the paths of runs")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("slice.png"),
        help="output file; by default slice.png",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Draw what the files hold."""
    target = Path(asked.output)
    if target.suffix not in (*DRAWN, ".html"):
        raise SpecError("the output", str(target), "a .png, .svg, .pdf or .html file")
    for file in asked.files:
        if not file.exists():  # before what takes long to import
            raise LandscapeError(f"{file}: no such file.")
    from landscape_core.storage import atomic_files, netcdf
    from landscape_lab.figures.matplotlib.plotting import picture

    given = [netcdf.load(file) for file in asked.files]
    chosen: dict[str, Any] = {
        "variable": asked.variable,
        "split": asked.split,
        "scale": asked.scale,
        "limits": tuple(asked.limits) if asked.limits else None,
        "path": not asked.no_path,
    }
    if target.suffix == ".html":
        content = _page(given, asked, chosen)
    else:
        names = [file.stem for file in asked.files]
        if len(set(names)) < len(names):
            names = [str(file) for file in asked.files]
        plotted = given[0] if len(given) == 1 else dict(zip(names, given, strict=True))
        content = picture(plotted, target.suffix[1:], asked.kind, cmap=asked.cmap, **chosen)
    atomic_files.write(target, [content])
    yield str(target)


def _page(given: "list[xr.Dataset]", asked: argparse.Namespace, chosen: dict[str, Any]) -> bytes:
    """The page of one slice.

    Raises:
        SpecError: it is no slice, or an option that a page does not take.
    """
    from landscape_lab.exports.html import web_page  # Panel takes a second to import
    from landscape_lab.figures.annotations import own_path
    from landscape_lab.figures.matplotlib.options import checked_options
    from landscape_lab.figures.matplotlib.plotting import drawing_of
    from landscape_lab.figures.slice_parts import complete

    drawn, drawing = drawing_of(given[0] if len(given) == 1 else given, asked.kind)
    kind = type(drawing).__name__.lower()
    if kind not in ("slice", "surface", "line"):
        raise SpecError("the output", str(asked.output), f"a {', '.join(DRAWN)} file for a {kind}")
    if asked.cmap is not None:
        raise SpecError("--cmap", asked.cmap, "left out for a page of HTML")
    options = checked_options(drawn, drawing, **chosen)
    looks: dict[str, Any] = {"variable": options.variable or "loss", "scale": options.scale}
    looks |= {"split": options.split or "train", "limits": options.limits}
    path = own_path(given[0]) if options.path else None
    return web_page(complete(given[0]), path, deep=kind == "surface", **looks).encode()
