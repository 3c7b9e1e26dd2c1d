"""The whole app as the result of a notebook cell."""

from typing import Any

from landscape_lab.bridge.imports import uncollected

HEIGHT = "clamp(480px, 100vh - 204px, 720px)"
"""The height of the app in a cell: it and the top of its cell are in the window together."""


def app() -> Any:
    """Open the app in this cell; in Voila, the cell is the page."""
    with uncollected():
        from landscape_lab.bridge.host import mode
        from landscape_lab.bridge.jupyter import setup, show

        setup()
        from landscape_lab.page.controller import Page  # Panel must be set up before components

        page = Page()
        if mode() == "notebook":
            page.view.styles = {**page.view.styles, "height": HEIGHT}
        return show(page.view, page.rest)
