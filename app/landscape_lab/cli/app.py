"""Open the app in Voila: one Python process for each open page."""

import argparse


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli import _serving

    _serving.options(parser, browser=True)
    parser.add_argument(
        "--kernels",
        type=int,
        metavar="N",
        help=(
            "maximum number of open pages, one process of about half a gigabyte each; by "
            "default as many as fit into free memory"
        ),
    )


def run(asked: argparse.Namespace) -> None:
    """Serve the app until Ctrl-C."""
    from landscape_lab.cli import _serving
    from landscape_lab.hosting import server

    port = server.free_port(asked.port)
    made = server.voila_command(port, ip=asked.host, kernels=asked.kernels)
    _serving.until_stopped(made, server.address(port, ip=asked.host), asked)
