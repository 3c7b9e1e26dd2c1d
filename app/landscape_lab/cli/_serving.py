"""Shared code of the commands `app` and `serve`: options, and a server until Ctrl-C."""

import argparse
import signal
import sys
import webbrowser
from pathlib import Path

from landscape_core.foundation.errors import SpecError
from landscape_lab.hosting import server


def options(parser: argparse.ArgumentParser, *, browser: bool) -> None:
    """Add the options of both commands; `browser`: whether to open a window by default."""
    parser.add_argument("--port", type=int, default=8866, help="first port to try")
    parser.add_argument(
        "--host",
        default=server.LOCAL,
        help="address to listen on: 0.0.0.0 for all interfaces; by default this machine only",
    )
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="host name that browsers use for this machine; only for `serve`, may be repeated",
    )
    parser.add_argument("--tours", type=Path, help="folder of guided tours, one Markdown file each")
    parser.add_argument(
        "--browser",
        action=argparse.BooleanOptionalAction,
        default=browser,
        help="open the app in a browser",
    )


def until_stopped(made: server.Command, url: str, asked: argparse.Namespace) -> None:
    """Run a server until it ends or Ctrl-C."""
    if asked.tours is not None:
        if not asked.tours.is_dir():
            raise SpecError("--tours", str(asked.tours), "a folder of Markdown files")
        from landscape_lab.content.tour import FOLDER

        made[1][FOLDER] = str(asked.tours.resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends too
    with server.running(made, url) as process:
        print(f"Landscape Lab is at {url} (press Ctrl-C to stop)")
        if asked.browser:
            webbrowser.open(url)
        process.wait()
