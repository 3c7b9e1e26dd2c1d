"""Serve the app with Panel: one Python process for all open pages."""

import argparse


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli import _serving

    _serving.options(parser, browser=False)


def run(asked: argparse.Namespace) -> None:
    """Serve the app until Ctrl-C."""
    from landscape_lab.cli import _serving
    from landscape_lab.hosting import server

    port = server.free_port(asked.port)
    made = server.panel_command(port, ip=asked.host, origins=asked.origin)
    _serving.until_stopped(made, server.address(port, ip=asked.host), asked)
