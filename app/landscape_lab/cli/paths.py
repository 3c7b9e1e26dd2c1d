"""Print where the app's files are, as lines `NAME=VALUE` for a shell.

TEMPLATES belongs on JUPYTER_PATH and SETTINGS on JUPYTER_CONFIG_PATH, so that Voila shows the app
in its own look; NOTEBOOK is what it serves. CACHE is the folder of kept results.
"""

import argparse
import shlex
from collections.abc import Iterator


def options(parser: argparse.ArgumentParser) -> None:
    """Nothing is taken."""


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
