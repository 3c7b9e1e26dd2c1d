"""The app in JupyterLab and Jupyter Notebook, in cells that are run, run again and reloaded."""

import shutil
from pathlib import Path

import pytest

from browser_support import Visitor, browser, laboratory, said
from landscape_lab.hosting import server
from notebook_support import APP, address, empty_parts, open_and_run, run_cell, written

SLOWER = 20
"""How many times slower the browser is made: views then come later than anybody would wait."""

WORKERS = "import threading\n\n[one.name for one in threading.enumerate()].count('worker')"
"""A cell that says how many threads work for apps."""

PATIENCE = 180.0
"""Seconds to wait for what takes some on a quiet machine."""

LONG = 1000 * PATIENCE
"""The same in milliseconds, for Playwright."""

BAR = ".bar[data-frame]"


@pytest.fixture
def opened():
    with browser() as opened:
        yield opened


def held(guest, app=0):
    """Whether an app is there and trains no more."""
    status = guest.page.locator(".status[data-status]")
    return status.count() > app and said(status.nth(app), "status") == "paused"


def workers(guest):
    """What the last cell, run again, said last."""
    run_cell(guest, 2)
    guest.painted()
    said_last = guest.page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea-output")
    return said_last.last.inner_text().strip() if said_last.count() else ""


def step(guest, app=0):
    """The training step that an app shows."""
    return int(guest.page.locator("[data-reading=step]").nth(app).inner_text() or 0)


@pytest.mark.browser
@pytest.mark.timeout(400)
def test_in_jupyterlab_every_control_is_there_play_moves_and_it_fits_the_cell(tmp_path, opened):
    pytest.importorskip("jupyterlab")
    notebook = Path(shutil.copy(server.NOTEBOOK, tmp_path / "app.ipynb"))
    with laboratory(tmp_path) as url:
        guest = Visitor(opened, address(url, "jupyterlab", notebook))
        open_and_run(guest)
        guest.page.locator(BAR).wait_for(timeout=LONG)
        assert empty_parts(guest) == []
        guest.at_rest()
        before = guest.step()
        guest.press("play")
        guest.until(lambda: guest.step() > before, "a step of training")
        cell = guest.page.locator(".jp-OutputArea-output").last
        wide, inside = (
            cell.evaluate(f"cell => cell.{name}") for name in ("scrollWidth", "clientWidth")
        )
        assert wide <= inside
        assert cell.bounding_box()["height"] < guest.page.viewport_size["height"]
        assert "bokeh" not in notebook.read_text("utf-8").lower()
        assert guest.errors == guest.strangers == []


@pytest.mark.browser
@pytest.mark.exhaustive
@pytest.mark.timeout(800)
@pytest.mark.parametrize("application", ["jupyterlab", "notebook"])
def test_however_late_the_browser_is_all_is_there(tmp_path, opened, application):
    pytest.importorskip(application)
    notebook = written(tmp_path / "app.ipynb", APP)
    with laboratory(tmp_path, application) as url:
        guest = Visitor(opened, address(url, application, notebook))
        slow = guest.page.context.new_cdp_session(guest.page)
        open_and_run(guest)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        guest.page.get_by_text("Loading the app").wait_for(timeout=LONG)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        guest.page.locator(BAR).wait_for(timeout=LONG)
        assert empty_parts(guest) == []
        guest.press("view-3d")
        guest.page.locator("canvas[data-frames]").wait_for(timeout=LONG)
        assert guest.errors == guest.strangers == []


@pytest.mark.browser
@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("application", ["jupyterlab", "notebook"])
def test_cells_run_again_reloaded_and_beside_each_other_show_the_present_state(
    tmp_path, opened, application
):
    pytest.importorskip(application)
    notebook = written(tmp_path / "two.ipynb", APP, APP, WORKERS)
    with laboratory(tmp_path, application) as url:
        guest = Visitor(opened, address(url, application, notebook))
        open_and_run(guest)
        guest.until(lambda: held(guest, 0) and held(guest, 1), "two apps", PATIENCE)
        second = step(guest, 1)
        guest.page.locator("button[data-action=step]").first.click()
        guest.until(lambda: step(guest) == second + 1, "a step of the first app", PATIENCE)
        assert step(guest, 1) == second

        run_cell(guest, 0)  # the first app is replaced, and its thread ends
        guest.until(lambda: held(guest) and step(guest) == second, "a new app", PATIENCE)
        guest.until(lambda: workers(guest) == "2", "the first thread to end", PATIENCE)

        guest.page.locator("button[data-action=step]").first.click()
        guest.until(lambda: step(guest) == second + 1, "a step of the first app", PATIENCE)
        guest.painted()
        picture = guest.picture()
        guest.page.locator("[data-command='docmanager:save']").first.click()
        guest.until(lambda: "widget-view" in notebook.read_text("utf-8"), "the file", PATIENCE)
        guest.page.reload()
        guest.page.locator(BAR).nth(1).wait_for(timeout=LONG)
        assert [empty_parts(guest, app) for app in (0, 1)] == [[], []]
        assert step(guest) == second + 1
        guest.until(lambda: guest.picture() == picture, "the same picture", PATIENCE)
        assert guest.errors == guest.strangers == []
