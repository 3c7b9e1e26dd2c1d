"""Notebooks in JupyterLab and Jupyter Notebook: written, opened and run as by hand."""

import contextlib
import re
from pathlib import Path

import nbformat
from playwright.sync_api import TimeoutError as Late

from browser_support import Visitor

PATHS = {"jupyterlab": "/doc/tree/", "notebook": "/notebooks/"}
"""What stands before the name of a notebook in its address."""

APP = "import landscape_lab\n\nlandscape_lab.app()"
"""A cell that opens the app."""

PARTS = ("toolbar", "form", "guide", "timeline")
"""The own components that are always there."""

PATIENCE = 10_000
"""Milliseconds after which a click on "Run All Cells" is taken to have been overheard."""


OF_NOTEBOOK = "reading 'schema'"
"""In what Jupyter Notebook 7 reports of itself whenever a page is opened, also without a widget."""


def written(path: Path, *cells: str) -> Path:
    """A notebook of these cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    return path


def address(url: str, application: str, notebook: Path) -> str:
    """Where an application shows a notebook, with nothing remembered."""
    return url + PATHS[application] + notebook.name + "?reset"


def open_and_run(guest: Visitor, patience: float = 180.0) -> None:
    """Open a notebook, and run it as soon as its kernel is there.

    What the application complains of before is forgotten: it has nothing of ours yet. Where it does
    not show the notebook in half the time, it is loaded once more.
    """
    kernel = guest.page.locator("text=Python 3 >> visible=true").first
    guest.page.goto(guest.url, wait_until="commit")
    try:
        kernel.wait_for(timeout=500 * patience)
    except Late:
        guest.page.goto(guest.url, wait_until="commit")
        kernel.wait_for(timeout=500 * patience)
    guest.errors.clear()
    run_all(guest)


def run_all(guest: Visitor, entry: str = "Run All Cells") -> None:
    """Run all cells; JupyterLab takes no notice while it is still connecting to the kernel."""
    begun = guest.page.locator(".jp-InputPrompt", has_text=re.compile(r"\[[*\d]+\]"))
    for _ in range(10):
        guest.page.locator(".lm-MenuBar-item", has_text="Run").first.click()
        guest.page.get_by_text(entry, exact=True).click()
        with contextlib.suppress(Late):
            begun.first.wait_for(timeout=PATIENCE)
            return
    raise AssertionError("the notebook was not run")


def run_cell(guest: Visitor, number: int) -> None:
    """Run one cell again."""
    guest.page.locator(".jp-CodeCell .jp-InputArea-editor").nth(number).click()
    guest.page.keyboard.press("Control+Enter")


def complaints(guest: Visitor) -> list[str]:
    """The errors of a page but the one that Jupyter Notebook 7 has by itself."""
    return [error for error in guest.errors if OF_NOTEBOOK not in error]


def empty_parts(guest: Visitor, app: int = 0) -> list[str]:
    """The own components of an app that hold nothing."""
    return [
        part
        for part in PARTS
        if not guest.page.locator(f".{part}-model").nth(app).locator("> *").count()
    ]
