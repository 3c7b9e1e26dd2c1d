"""Write recorded runs of the presets, the tours and the labs as pages that need no server.

They open from a folder, a memory stick or any web server, as GitHub Pages, and send no request to
other machines.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "-o",
        "--output",
        dest="folder",
        type=Path,
        metavar="FOLDER",
        required=True,
        help="folder of the site: a new one, or that of an earlier site, which is replaced",
    )
    parser.add_argument(
        "--presets", metavar="NAMES", help="only these presets, separated by commas"
    )
    parser.add_argument(
        "--live", default="", metavar="URL", help="address of the live app; adds a button to it"
    )
    parser.add_argument(
        "--base-url",
        default="",
        metavar="URL",
        help="address at which the folder will lie, for links that are shared",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="write also where other files are; those of the same names are replaced",
    )


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Write the site."""
    from landscape_lab.recordings.static_pages.folder import check, chosen, files, write
    from landscape_lab.recordings.static_pages.markup import Site

    site, names = Site(asked.base_url, asked.live), chosen(asked.presets)
    check(asked.folder, force=asked.force)
    content = files(names, site)
    write(content, asked.folder, force=asked.force)
    pages = sum(path.endswith(".html") for path in content)
    size = sum(map(len, content.values()))
    yield f"{asked.folder / 'index.html'}: {pages} pages, {size / 1e6:.1f} MB"
