"""Print where the app's files are, as lines `NAME=VALUE` for a shell.

Add TEMPLATES to JUPYTER_PATH and SETTINGS to JUPYTER_CONFIG_PATH for the app's Voila template;
NOTEBOOK is the notebook that it serves. CACHE is the folder of cached results.
"""

import argparse
import shlex
from collections.abc import Iterator


def options(parser: argparse.ArgumentParser) -> None:
    """The command has no options."""


def run(_: argparse.Namespace) -> Iterator[str]:
    """Print the paths."""
    from landscape_lab.hosting import server
    from landscape_lab.state.user_store import user_store

    places = {
        "TEMPLATES": server.SHARE / "jupyter",
        "SETTINGS": server.SHARE,
        "NOTEBOOK": server.NOTEBOOK,
        "CACHE": user_store().folder,
    }
    for name, place in places.items():
        yield f"{name}={shlex.quote(str(place))}"
