"""Serve the app with Panel: few Python processes for all open pages."""

import argparse


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli import _serving
    from landscape_lab.hosting import server

    _serving.options(parser, browser=False)
    parser.add_argument(
        "--processes",
        type=int,
        help="processes that share the pages, each on a core of its own; by default one a core, "
        "as far as there is memory (half a gigabyte each)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=server.WORKERS,
        help="processes of low priority that compute for all pages what takes long, started when "
        f"first needed; by default {server.WORKERS}, 0: each page computes everything in its own",
    )
    _serving.access_options(parser, default="24 for each process")


def run(asked: argparse.Namespace) -> None:
    """Serve the app until Ctrl-C."""
    from landscape_lab.cli import _serving
    from landscape_lab.hosting import processes, server

    limits = _serving.access(asked)
    port = server.free_port(asked.port)
    made = server.panel_command(
        port,
        ip=asked.host,
        prefix=asked.base_url,
        processes=processes.usual() if asked.processes is None else asked.processes,
        spare=server.SPARE_EACH,
        access=limits,
        workers=asked.workers,
    )
    url = server.address(port, ip=asked.host, path=asked.base_url)
    _serving.until_stopped(made, url, asked, limits)
