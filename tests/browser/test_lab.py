"""The app in JupyterLab, where it is shown before the page is ready for it."""

import contextlib
import re
import shutil

import pytest
from playwright.sync_api import TimeoutError as Late

from browser_support import Visitor, browser, laboratory
from landscape_lab.hosting import server

SLOWER = 20
"""How many times slower the browser is made: views then come later than anybody would wait."""


def run_all(guest):
    """Run all cells; JupyterLab takes no notice while it is still connecting to the kernel."""
    begun = guest.page.locator(".jp-InputPrompt", has_text=re.compile(r"\[[*\d]+\]"))
    for _ in range(10):
        guest.page.locator(".lm-MenuBar-item", has_text="Run").first.click()
        guest.page.get_by_text("Run All Cells", exact=True).click()
        with contextlib.suppress(Late):
            begun.first.wait_for(timeout=500)
            return
    raise AssertionError("JupyterLab ran nothing")


@pytest.mark.browser
@pytest.mark.exhaustive
@pytest.mark.timeout(240)
def test_in_jupyterlab_all_is_there_however_late_the_browser_is(tmp_path):
    pytest.importorskip("jupyterlab")
    shutil.copy(server.NOTEBOOK, tmp_path / "app.ipynb")
    with laboratory(tmp_path) as url, browser() as opened:
        guest = Visitor(opened, url + "/doc/tree/app.ipynb?reset")
        guest.open(wait_for=".jp-Notebook-ExecutionIndicator[data-status=idle]")
        slow = guest.page.context.new_cdp_session(guest.page)
        run_all(guest)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        guest.page.get_by_text("Loading the app").wait_for(timeout=120_000)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        guest.page.locator(".bar[data-frame]").wait_for(timeout=60_000)
        for part in ("form", "timeline", "guide"):
            assert guest.page.locator(f".{part}-model > *").count() > 0
        guest.press("view-3d")
        guest.page.locator("canvas[data-frames]").wait_for(timeout=60_000)
        assert guest.strangers == []
