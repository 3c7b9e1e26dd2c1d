"""The site as files in a folder: which there are, and how they are written."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.storage import atomic_files
from landscape_lab.components.player.player import CSS, SCRIPT
from landscape_lab.content.tour import tours
from landscape_lab.recordings.shipped import shipped
from landscape_lab.recordings.static_pages.index_page import index_page
from landscape_lab.recordings.static_pages.lab_pages import figures, lab_page, labs
from landscape_lab.recordings.static_pages.markup import Page, Site
from landscape_lab.recordings.static_pages.preset_pages import preset_page
from landscape_lab.recordings.static_pages.tour_pages import tour_page
from landscape_lab.state.preset import presets

LIST = "landscape-site.json"
"""The file of a site that lists the others: what a later site may replace."""

TOLERATED = frozenset({".git", "CNAME"})
"""What GitHub Pages keeps in the folder of a site."""

HERE = Path(__file__).parent


def chosen(names: str | None) -> list[str]:
    """Presets of a text with their names, separated by commas; None: all.

    Raises:
        SpecError: a name that is none.
    """
    if names is None:
        return list(presets())
    found = [name.strip() for name in names.split(",")]
    for name in found:
        if name not in presets():
            raise SpecError("--presets", name, "names out of " + ", ".join(presets()))
    return list(dict.fromkeys(found))


def pages(names: Sequence[str]) -> Iterator[Page]:
    """The pages of a site with these presets, the first page last."""
    shown = {name: shipped(name) for name in names}
    known = [tour for tour in tours().values() if tour.steps]
    for recording in shown.values():
        yield preset_page(recording, shown)
    for tour in known:
        yield tour_page(tour)
    for name, kind in labs().items():
        yield lab_page(name, kind)
    yield index_page(shown, known, labs())


def files(names: Sequence[str], site: Site) -> dict[str, bytes]:
    """The files of a site by their places in its folder, the first page last."""
    texts = {
        "assets/player.js": SCRIPT,
        "assets/player.css": CSS,
        "assets/site.js": (HERE / "site.js").read_text("utf-8"),
        "assets/site.css": (HERE / "site.css").read_text("utf-8"),
        ".nojekyll": "",  # GitHub Pages is to serve them as they are
        **{page.path: page.html(site) for page in pages(names)},
    }
    return figures() | {path: text.encode() for path, text in texts.items()}


def write(content: Mapping[str, bytes], folder: Path, *, force: bool = False) -> None:
    """Write a site into a folder: each file whole or not at all, the first page last.

    A site that was written there before is replaced, and its other files are removed.

    Args:
        content: of the files by their places.
        folder: is made if it is not there; the one above it must be.
        force: write also where other files are; those of the same names are replaced.

    Raises:
        SpecError: no folder can be there.
        LandscapeError: it holds other files.
        OSError: it cannot be written to.
    """
    before = check(folder, force=force)
    folder.mkdir(exist_ok=True)
    _list(folder, {*before, *content})  # first, so that what is begun can be written anew
    for path, part in content.items():
        target = folder / path
        target.parent.mkdir(exist_ok=True)
        atomic_files.write(target, [part])
    for path in before - set(content):
        (folder / path).unlink(missing_ok=True)
        above = (folder / path).parent
        if above != folder and above.is_dir() and not any(above.iterdir()):
            above.rmdir()
    _list(folder, set(content))


def _list(folder: Path, paths: set[str]) -> None:
    text = json.dumps({"files": sorted(paths)}, indent=1)
    atomic_files.write(folder / LIST, [text.encode()])


def check(folder: Path, *, force: bool = False) -> set[str]:
    """The files of an earlier site in a folder, which holds no others.

    Raises:
        SpecError: no folder can be there.
        LandscapeError: it holds other files.
        PermissionError: it may not be written to.
    """
    name = str(folder)
    if "\0" in name or not name.strip() or not folder.parent.is_dir():
        raise SpecError("--output", name, "a folder, in one that is there")
    if not os.access(folder if folder.is_dir() else folder.parent, os.W_OK):
        raise PermissionError(f"{name}: this folder may not be written to.")
    if not os.path.lexists(folder):
        return set()
    if not folder.is_dir():
        raise SpecError("--output", name, "a folder; there is a file")
    before = _earlier(folder)
    foreign = _foreign(folder, before)
    if foreign and not force:
        raise LandscapeError(
            f"{name} holds other files than those of a site, as {foreign!r}:"
            " name a new folder, or add --force to write there as well."
        )
    return before


def _earlier(folder: Path) -> set[str]:
    """The files that the list of an earlier site names; none outside of the folder."""
    path = folder / LIST
    if path.is_symlink() or not path.is_file():
        return set()
    try:
        named = json.loads(path.read_bytes())["files"]
        parts = {str(one): PurePosixPath(str(one)).parts for one in named}
    except (ValueError, LookupError, TypeError):
        return set()
    return {one for one, way in parts.items() if 1 <= len(way) <= 2 and not {"..", "/"} & {*way}}


def _foreign(folder: Path, before: set[str]) -> str:
    """The first file that is not of the earlier site; empty if all are. No folder is followed."""
    inside = {PurePosixPath(path).parts[0] for path in before if "/" in path}
    for entry in sorted(folder.iterdir()):
        if entry.name in inside and entry.is_dir() and not entry.is_symlink():
            for deeper in sorted(entry.iterdir()):
                if f"{entry.name}/{deeper.name}" not in before:
                    return f"{entry.name}/{deeper.name}"
        elif entry.name not in {*before, *TOLERATED, LIST}:
            return entry.name
    return ""
