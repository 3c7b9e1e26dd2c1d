"""The app in JupyterLab and Jupyter Notebook, in cells that are run, run again and reloaded."""

import shutil
from pathlib import Path

import pytest

from browser_support import Visitor, browser, laboratory, said
from landscape_lab.hosting import server
from notebook_support import APP, address, complaints, empty_parts, open_and_run, run_cell, written

SLOWER = 20
"""How many times slower the browser is made: views then come later than anybody would wait."""

WORKERS = "import threading\n\n[one.name for one in threading.enumerate()].count('worker')"
"""A cell that says how many threads work for apps."""

PATIENCE = 180.0
"""Seconds to wait for what takes some on a quiet machine."""

LONG = 1000 * PATIENCE
"""The same in milliseconds, for Playwright."""

BAR = ".bar[data-frame]"

START = 60
"""The step that the app opens at."""

COMPUTED = "2601 of 2601 points computed"
"""What is said of a landscape that gets no finer."""

ELSEWHERE = "The app is shown in another view of this cell."

INSIDE = """figure => {
  const root = figure.shadowRoot ?? figure;
  const canvas = [...root.querySelectorAll("*")].map(
    one => one.shadowRoot?.querySelector("canvas")).find(Boolean) ?? root.querySelector("canvas");
  const copy = Object.assign(
    document.createElement("canvas"), {width: canvas.width - 2, height: canvas.height - 2});
  copy.getContext("2d").drawImage(canvas, -1, -1);
  return copy.toDataURL();
}"""
"""The pixels of a figure but the outermost, which depend on fractions of a pixel in its place."""


@pytest.fixture
def opened():
    with browser() as opened:
        yield opened


def held(guest, at, app=0):
    """Whether an app is there and held at a step."""
    status = guest.page.locator(".status[data-status]")
    there = status.count() > app and said(status.nth(app), "status") == "paused"
    return there and step(guest, app) == at


def picture(guest):
    """The pixels of the landscape from above."""
    return guest.page.locator(".bk-Figure").first.evaluate(INSIDE)


def choose(guest, menu, entry):
    """Choose an entry of a menu of the application."""
    guest.page.locator(".lm-MenuBar-item", has_text=menu).first.click()
    guest.page.locator(".lm-Menu-item", has_text=entry).first.click()


def close_tab(guest, name):
    """Close a tab of JupyterLab."""
    tab = guest.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text=name)
    tab.locator(".lm-TabBar-tabCloseIcon").click()


def save(guest, notebook):
    """Save the notebook with the view that is in it."""
    guest.page.locator("[data-command='docmanager:save']").first.click()
    guest.until(lambda: "widget-view" in notebook.read_text("utf-8"), "the file", PATIENCE)


def shows(guest, at, app=0):
    """Wait until an app is held at a step."""
    guest.until(lambda: held(guest, at, app), f"an app held at step {at}", PATIENCE)


def trains(guest, at, app=0):
    """Make the step to this one, and wait until it is there."""
    guest.page.locator("button[data-action=step]").nth(app).click()
    shows(guest, at, app)


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
        assert complaints(guest) == guest.strangers == []


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
        assert complaints(guest) == guest.strangers == []


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
        shows(guest, START, 0)
        shows(guest, START, 1)
        trains(guest, START + 1)
        assert step(guest, 1) == START

        run_cell(guest, 0)  # the first app is replaced, and its thread ends
        shows(guest, START)
        guest.until(lambda: workers(guest) == "2", "the first thread to end", PATIENCE)

        trains(guest, START + 1)
        computed = guest.page.get_by_text(COMPUTED)
        guest.until(lambda: computed.count() == 2, "all points of both", PATIENCE)
        guest.at_rest()
        before = picture(guest)
        save(guest, notebook)
        guest.page.reload()
        shows(guest, START + 1, 0)
        shows(guest, START, 1)
        assert [empty_parts(guest, app) for app in (0, 1)] == [[], []]
        guest.until(lambda: picture(guest) == before, "the same picture", PATIENCE)
        assert complaints(guest) == guest.strangers == []


@pytest.mark.browser
@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_another_view_of_a_cell_takes_the_app_and_gives_it_back(tmp_path, opened):
    pytest.importorskip("jupyterlab")
    written(tmp_path / "app.ipynb", APP)
    with laboratory(tmp_path) as url:
        guest = Visitor(opened, f"{url}/lab/tree/app.ipynb?reset")
        open_and_run(guest)
        shows(guest, START)
        trains(guest, START + 1)
        output = guest.page.locator(".jp-OutputArea-output").first
        output.click(button="right", position={"x": 5, "y": 5})
        guest.page.get_by_text("Create New View for Cell Output").first.click()
        elsewhere, here = guest.page.get_by_text(ELSEWHERE), guest.page.locator(BAR)
        guest.page.locator(f".jp-LinkedOutputView {BAR}").wait_for(timeout=LONG)
        shows(guest, START + 1)
        assert elsewhere.count() == here.count() == 1
        assert empty_parts(guest) == []
        trains(guest, START + 2)

        guest.page.get_by_role("button", name="Show it here").click()
        guest.page.locator(f".jp-Notebook {BAR}").wait_for(timeout=LONG)
        shows(guest, START + 2)
        assert elsewhere.count() == here.count() == 1
        trains(guest, START + 3)

        guest.page.get_by_role("button", name="Show it here").click()
        guest.page.locator(f".jp-LinkedOutputView {BAR}").wait_for(timeout=LONG)
        shows(guest, START + 3)
        close_tab(guest, "Output View")
        guest.page.locator(f".jp-Notebook {BAR}").wait_for(timeout=LONG)
        shows(guest, START + 3)
        assert empty_parts(guest) == []
        trains(guest, START + 4)
        assert complaints(guest) == guest.strangers == []


@pytest.mark.browser
@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("application", ["jupyterlab", "notebook"])
def test_a_restarted_kernel_shows_the_app_anew_and_a_reloaded_page_shows_it_again(
    tmp_path, opened, application
):
    pytest.importorskip(application)
    notebook = written(tmp_path / "app.ipynb", APP)
    with laboratory(tmp_path, application) as url:
        guest = Visitor(opened, address(url, application, notebook))
        open_and_run(guest)
        shows(guest, START)
        trains(guest, START + 1)
        choose(guest, "Kernel", "Restart Kernel and Run All Cells")
        guest.page.locator(".jp-Dialog .jp-mod-accept").click()
        shows(guest, START)
        assert guest.page.locator(BAR).count() == 1
        trains(guest, START + 1)
        save(guest, notebook)
        guest.page.reload()
        shows(guest, START + 1)
        assert empty_parts(guest) == []
        trains(guest, START + 2)
        assert complaints(guest) == guest.strangers == []


@pytest.mark.browser
@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_a_notebook_closed_and_opened_says_how_the_app_comes_back_and_a_reload_does_it(
    tmp_path, opened
):
    pytest.importorskip("jupyterlab")
    notebook = written(tmp_path / "app.ipynb", APP)
    with laboratory(tmp_path) as url:
        guest = Visitor(opened, f"{url}/lab/tree/app.ipynb?reset")
        open_and_run(guest)
        shows(guest, START)
        trains(guest, START + 1)
        save(guest, notebook)
        close_tab(guest, "app.ipynb")
        guest.page.locator(BAR).wait_for(state="detached", timeout=LONG)
        guest.page.locator(".jp-DirListing-item", has_text="app.ipynb").dblclick()
        guest.page.get_by_text("no longer connected to Python").wait_for(timeout=LONG)
        guest.page.reload()
        shows(guest, START + 1)
        trains(guest, START + 2)
        assert complaints(guest) == guest.strangers == []
