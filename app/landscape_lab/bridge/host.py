"""Who shows the app: a Panel server, Voila, or a notebook cell."""

import os
from typing import Literal

import panel as pn

Mode = Literal["server", "voila", "notebook"]


def mode() -> Mode:
    """Who shows the app. Ask on the main thread: a worker has no current document."""
    document = pn.state.curdoc
    if document is not None and document.session_context is not None:
        return "server"
    return "voila" if any(name.startswith("VOILA_") for name in os.environ) else "notebook"
