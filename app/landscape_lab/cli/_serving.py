"""Shared code of the commands `app` and `serve`: options, and a server until Ctrl-C."""

import argparse
import os
import secrets
import signal
import sys
import urllib.parse
import webbrowser
from pathlib import Path
from types import FrameType

from landscape_core.foundation.errors import SpecError
from landscape_lab.hosting import server
from landscape_lab.hosting.access import PASSWORD, Access
from landscape_lab.hosting.guard import LOOPBACK

GENERATED = "a random word"
"""Stands for a password that we make up; nobody types it."""


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
        metavar="HOST[:PORT]",
        help="further host name that browsers use for this server; may be repeated",
    )
    parser.add_argument("--tours", type=Path, help="folder of guided tours, one Markdown file each")
    parser.add_argument(
        "--browser",
        action=argparse.BooleanOptionalAction,
        default=browser,
        help="open the app in a browser",
    )


def access_options(parser: argparse.ArgumentParser, *, default: str) -> None:
    """Add the options of who may open pages; `default`: how many at the same time by default."""
    parser.add_argument(
        "--password",
        nargs="?",
        const=GENERATED,
        default=os.environ.get(PASSWORD, ""),
        metavar="WORD",
        help=(
            "ask visitors for a password; without WORD a random one, which the printed link "
            f"contains. Others on this machine can read WORD: the variable {PASSWORD} keeps it "
            "from them"
        ),
    )
    parser.add_argument(
        *("--base-url", "--prefix"),
        default="/",
        metavar="PATH",
        help="path in front of every address, for a proxy that passes it on: /lab/",
    )
    parser.add_argument(
        "--max-sessions",
        type=int,
        metavar="N",
        help=(
            f"maximum number of open pages; by default {default}. Later visitors wait for a place"
        ),
    )
    parser.add_argument(
        "--idle-timeout",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="end a page without a run or an input for so long; by default never",
    )


def access(asked: argparse.Namespace) -> Access:
    """Who may open pages, as the options say.

    Raises:
        SpecError: an option cannot be meant.
    """
    password = secrets.token_urlsafe(24) if asked.password == GENERATED else asked.password
    return Access(
        names=tuple(asked.origin),
        password=password,
        sessions=asked.max_sessions,
        idle_timeout=asked.idle_timeout,
    )


def until_stopped(
    made: server.Command, url: str, asked: argparse.Namespace, limits: Access
) -> None:
    """Run a server until it ends, or until Ctrl-C, SIGTERM or the end of the terminal."""
    if asked.tours is not None:
        if not asked.tours.is_dir():
            raise SpecError("--tours", str(asked.tours), "a folder of Markdown files")
        from landscape_lab.content.tour import FOLDER

        made[1][FOLDER] = str(asked.tours.resolve())
    _end_in_order()
    key = f"?token={urllib.parse.quote(limits.password)}" if asked.password == GENERATED else ""
    for_others = server.addresses_for_others(url, ip=asked.host, names=limits.names)
    url += key
    print("Landscape Lab is starting…", file=sys.stderr, flush=True)
    with server.running(made, url) as process:
        print(f"Landscape Lab is at {url} (press Ctrl-C to stop)", flush=True)
        for other in for_others:
            print(f"From other computers: {other}{key}", flush=True)
        if limits.sessions is not None:
            print(f"At most {limits.sessions} pages can be open at once; others wait.", flush=True)
        if asked.host not in LOOPBACK and not limits.password:
            print(
                f"Warning: --host {asked.host} without --password. Everybody who reaches this "
                "machine over the network can use the app, and its processors and memory.",
                file=sys.stderr,
                flush=True,
            )
        if asked.browser:
            webbrowser.open(url)
        process.wait()


def _end_in_order() -> None:
    """Leave by an exception at each signal that would end us at once, so that the server ends too.

    A signal that is ignored stays so: `nohup` lives on when the terminal is closed.
    """
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
