"""The whole app as the result of a notebook cell."""

from typing import Any

from landscape_lab.bridge.jupyter import setup, show


def app() -> Any:
    """Open the app in this cell; in Voila, the cell is the page."""
    setup()
    from landscape_lab.page.controller import Page  # Panel must be set up before components are

    return show(Page().view)
