"""Draw what another command wrote as PNG, SVG, PDF or HTML, by the name of the output.

The options are those of `ll.plot`. Several slices are drawn side by side. A page of HTML is drawn
of one slice. Other endings give the numbers: a table (.csv), JSON, netCDF, or the surface for
programs of three dimensions (.vtp, .obj). Surfaces and projections of the program loss-landscape
(.h5) are read as well; a projection after one slice is its path.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.storage.file_endings import MESH, OPTIONS, check_ending

if TYPE_CHECKING:
    import xarray as xr

DRAWN = (".png", ".svg", ".pdf")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli._options import first_index_option
    from landscape_lab.figures.matplotlib.base import SCALE, SCALES, kinds

    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="file",
        help="what another command wrote as .nc; a surface or projection of loss-landscape (.h5)",
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
    first_index_option(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("slice.png"),
        help="output file (.png, .svg, .pdf, .html, .nc, .csv, .json, .vtp, .obj); by default"
        " slice.png",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Draw what the files hold."""
    target = Path(asked.output)
    ending = check_ending(target, (*DRAWN, ".html"))
    for file in asked.files:
        if not file.exists():  # before what takes long to import
            raise LandscapeError(f"{file}: no such file.")
    from landscape_core.storage import atomic_files

    given = _given(asked)
    if ending in OPTIONS:
        content = _numbers(list(given.values()), asked, target)
    elif ending == ".html":
        content = _page(list(given.values()), asked, _chosen(asked))
    else:
        from landscape_lab.figures.matplotlib.plotting import picture

        plotted = next(iter(given.values())) if len(given) == 1 else given
        content = picture(plotted, ending[1:], asked.kind, cmap=asked.cmap, **_chosen(asked))
    atomic_files.write(target, [content])
    yield str(target)


def _chosen(asked: argparse.Namespace) -> dict[str, Any]:
    """The options of a picture."""
    return {
        "variable": asked.variable,
        "split": asked.split,
        "scale": asked.scale,
        "limits": tuple(asked.limits) if asked.limits else None,
        "path": not asked.no_path,
    }


def _given(asked: argparse.Namespace) -> "dict[str, xr.Dataset]":
    """What the files hold, by their names; a projection is put onto the slice.

    Raises:
        SpecError: a projection with several slices, several projections, or the first index of
            what is no surface.
    """
    from landscape_core.storage import formats, loss_landscape_h5

    names = [file.stem for file in asked.files]
    if len(set(names)) < len(names):
        names = [str(file) for file in asked.files]
    surfaces = [loss_landscape_h5.is_named_so(file) for file in asked.files]
    if asked.first_index and not any(surfaces):
        raise SpecError("--first-index", asked.first_index, "left out for what is no surface (.h5)")
    loaded = {}
    for name, file, perhaps in zip(names, asked.files, surfaces, strict=True):
        surface = perhaps and loss_landscape_h5.kind_of(file) == loss_landscape_h5.SURFACE
        loaded[name] = formats.load(file, first_index=asked.first_index if surface else None)
    alone = {name: one for name, one in loaded.items() if not formats.is_projection(one)}
    paths = [one for one in loaded.values() if formats.is_projection(one)]
    if not paths or len(loaded) == 1:
        return loaded
    if len(alone) != 1 or len(paths) != 1:
        accepted = "one slice and the projection that is its path"
        raise SpecError("the files", ", ".join(map(str, asked.files)), accepted)
    return {name: formats.with_projection(one, paths[0]) for name, one in alone.items()}


def _numbers(given: "list[xr.Dataset]", asked: argparse.Namespace, target: Path) -> bytes:
    """The numbers of one dataset in the format of the output.

    Raises:
        SpecError: several datasets, or an option that the format does not take.
    """
    from landscape_core.storage import formats
    from landscape_lab.figures.matplotlib.base import SCALE

    ending = target.suffix.lower()
    if len(given) > 1:
        raise SpecError("the files", ", ".join(map(str, asked.files)), f"one for a {ending} file")
    for name in ("kind", "limits", "cmap"):
        if getattr(asked, name) is not None:
            raise SpecError(f"--{name}", getattr(asked, name), f"left out for a {ending} file")
    if asked.no_path and OPTIONS[ending] != MESH:
        raise SpecError("--no-path", "--no-path", f"left out for a {ending} file")
    scale = None if asked.scale == SCALE else asked.scale
    options = {"split": asked.split, "variable": asked.variable, "scale": scale}
    return formats.content(given[0], target, **options, path_line=not asked.no_path)


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
    return web_page(
        complete(given[0]), path, deep=kind == "surface", with_runs=options.path, **looks
    ).encode()
