"""Open the app in Voila: one Python process for each open page."""

import argparse


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli import _serving

    _serving.options(parser, browser=True)
    _serving.access_options(
        parser,
        default=(
            "as many as free memory and processors bear, at one process of about half a "
            "gigabyte each"
        ),
    )


def run(asked: argparse.Namespace) -> None:
    """Serve the app until Ctrl-C."""
    import dataclasses

    from landscape_lab.cli import _serving
    from landscape_lab.hosting import capacity, server

    limits = _serving.access(asked)
    if limits.sessions is None:
        limits = dataclasses.replace(limits, sessions=capacity.places())
    port = server.free_port(asked.port)
    made = server.voila_command(port, ip=asked.host, base_url=asked.base_url, access=limits)
    url = server.address(port, ip=asked.host, path=asked.base_url)
    _serving.until_stopped(made, url, asked, limits)
