"""Serve the app with Panel: few Python processes for all open pages."""

import argparse


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli import _serving

    _serving.options(parser, browser=False)
    parser.add_argument(
        "--processes",
        type=int,
        help="processes that share the pages, each on a core of its own; by default one a core",
    )
    parser.add_argument(
        "--max-sessions",
        type=int,
        metavar="PAGES",
        help="pages at the same time; later visitors wait for their turn; by default "
        "24 for each process",
    )
    parser.add_argument(
        "--prefix", default="", help="path in front of every address, for a proxy, as /lab"
    )


def run(asked: argparse.Namespace) -> None:
    """Serve the app until Ctrl-C."""
    from landscape_lab.cli import _serving
    from landscape_lab.hosting import processes, server

    port = server.free_port(asked.port)
    made = server.panel_command(
        port,
        ip=asked.host,
        origins=asked.origin,
        prefix=asked.prefix,
        processes=asked.processes or processes.cores(),
        most=asked.max_sessions,
        spare=server.SPARE_EACH,
    )
    _serving.until_stopped(made, server.address(port, ip=asked.host, path=asked.prefix), asked)
