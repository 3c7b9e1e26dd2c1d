"""Print where the app's files are, one `NAME=VALUE` a line: what Jupyter needs to find them.

`JUPYTER_PATH` and `JUPYTER_CONFIG_PATH` show Voila our template and settings, `NOTEBOOK` is the
notebook to serve, `CACHE` the folder of kept results.
"""

import argparse
from collections.abc import Iterator


def options(parser: argparse.ArgumentParser) -> None:
    """Nothing is taken."""


def run(_: argparse.Namespace) -> Iterator[str]:
    """Print the paths."""
    from landscape_lab.hosting import server
    from landscape_lab.state.user_store import user_store

    yield f"JUPYTER_PATH={server.SHARE / 'jupyter'}"
    yield f"JUPYTER_CONFIG_PATH={server.SHARE}"
    yield f"NOTEBOOK={server.NOTEBOOK}"
    yield f"CACHE={user_store().folder}"
