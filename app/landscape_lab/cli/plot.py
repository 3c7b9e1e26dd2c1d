"""Draw what another command wrote as PNG, SVG, PDF, PGF or HTML, by the name of the output.

The options are those of `ll.plot`. Several slices are drawn side by side. A page of HTML is drawn
of one slice, and so is a film of its path (.gif, .webp, .mp4). Other endings
give the numbers: a table (.csv), JSON, netCDF, or the surface for
programs of three dimensions (.vtp, .obj). Surfaces and projections of the program loss-landscape
(.h5) are read as well; a projection after one slice is its path.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape_core.foundation.errors import SpecError
from landscape_core.storage.file_endings import MESH, OPTIONS, check_ending
from landscape_lab.cli._slice_files import check_there, loaded

if TYPE_CHECKING:
    import xarray as xr

DRAWN = (".png", ".svg", ".pdf", ".pgf")
"""Pictures; a PGF file has its bitmaps next to it."""

FILMED = (".gif", ".webp", ".mp4")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli._figure_style import style_options
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
    parser.add_argument(
        "--camera", type=float, nargs="+", metavar="DEGREES",
        help="azimuth and elevation of a surface, and its distance",
    )  # fmt: skip
    style_options(parser)
    first_index_option(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("slice.png"),
        help="output file (.png, .svg, .pdf, .pgf, .gif, .webp, .mp4, .html, .nc, .csv, .json,"
        " .vtp, .obj); by default slice.png",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Draw what the files hold."""
    target = Path(asked.output)
    ending = check_ending(target, (*DRAWN, *FILMED, ".html"))
    check_there(asked.files)
    from landscape_core.storage import atomic_files

    given = _given(asked)
    if ending in OPTIONS:
        content = _numbers(list(given.values()), asked, target)
    elif ending == ".html":
        content = _page(list(given.values()), asked, _chosen(asked))
    elif ending in FILMED:
        content = _film(list(given.values()), asked, target)
    else:
        yield from _drawn(given, asked, target)
        return
    atomic_files.write(target, [content])
    yield str(target)


def _drawn(
    given: "dict[str, xr.Dataset]", asked: argparse.Namespace, target: Path
) -> Iterator[str]:
    """Write a picture, and what belongs to it."""
    from landscape_lab.cli._figure_style import style_of, written
    from landscape_lab.figures.matplotlib.plotting import caption_text, picture

    style, form = style_of(asked), target.suffix.lower()[1:]
    plotted = next(iter(given.values())) if len(given) == 1 else given
    content = picture(
        plotted, form, asked.kind, style=style, cmap=asked.cmap, camera=asked.camera,
        **_chosen(asked),
    )  # fmt: skip
    caption = caption_text(plotted) if style.caption == "separate" else ""
    yield from map(str, written(target, content, caption))


def _film(given: "list[xr.Dataset]", asked: argparse.Namespace, target: Path) -> bytes:
    """The film of the path of one slice.

    Raises:
        SpecError: several datasets, or an option that a film does not take.
    """
    from landscape_lab.cli._figure_style import check_no_style
    from landscape_lab.figures.matplotlib.animation import SECONDS
    from landscape_lab.figures.matplotlib.moving import pictures, writer

    if len(given) > 1:
        raise SpecError("the files", ", ".join(map(str, asked.files)), "one for a film")
    if asked.cmap is not None or asked.no_path:
        name = "--no-path" if asked.no_path else "--cmap"
        raise SpecError(name, asked.cmap or name, "left out for a film")
    check_no_style(asked, "a film")
    write = writer(target)
    chosen = {name: value for name, value in _chosen(asked).items() if name != "path"}
    frames = pictures(given[0], asked.kind or "slice", camera=asked.camera, **chosen)
    return write(list(frames), SECONDS)


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
    from landscape_core.storage import formats

    names = [file.stem for file in asked.files]
    if len(set(names)) < len(names):
        names = [str(file) for file in asked.files]
    given = dict(zip(names, loaded(asked.files, asked.first_index), strict=True))
    alone = {name: one for name, one in given.items() if not formats.is_projection(one)}
    paths = [one for one in given.values() if formats.is_projection(one)]
    if not paths or len(given) == 1:
        return given
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
    from landscape_lab.cli._figure_style import check_no_style
    from landscape_lab.figures.matplotlib.base import SCALE

    ending = target.suffix.lower()
    if len(given) > 1:
        raise SpecError("the files", ", ".join(map(str, asked.files)), f"one for a {ending} file")
    check_no_style(asked, f"a {ending} file")
    for name in ("kind", "limits", "cmap", "camera"):
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
    from landscape_lab.cli._figure_style import check_no_style
    from landscape_lab.exports.html import web_page  # Panel takes a second to import
    from landscape_lab.figures.annotations import own_path
    from landscape_lab.figures.matplotlib.options import checked_options
    from landscape_lab.figures.matplotlib.plotting import drawing_of
    from landscape_lab.figures.slice_parts import complete

    drawn, drawing = drawing_of(given[0] if len(given) == 1 else given, asked.kind)
    kind = type(drawing).__name__.lower()
    if kind not in ("slice", "surface", "line"):
        raise SpecError("the output", str(asked.output), f"a {', '.join(DRAWN)} file for a {kind}")
    for name in ("cmap", "camera"):
        if getattr(asked, name) is not None:
            raise SpecError(f"--{name}", getattr(asked, name), "left out for a page of HTML")
    check_no_style(asked, "a page of HTML")
    options = checked_options(drawn, drawing, **chosen)
    looks: dict[str, Any] = {"variable": options.variable or "loss", "scale": options.scale}
    looks |= {"split": options.split or "train", "limits": options.limits}
    path = own_path(given[0]) if options.path else None
    return web_page(
        complete(given[0]), path, deep=kind == "surface", with_runs=options.path, **looks
    ).encode()
