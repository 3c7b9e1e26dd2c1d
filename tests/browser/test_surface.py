"""The surface: what of a run is packed for it, and a click on either landscape in both servers."""

import json
import textwrap

import numpy as np
import pytest
import xarray as xr

from browser_support import Visitor, browser, said, served
from landscape_lab.components.surface.pictured import packed, trail
from landscape_lab.components.surface.surface import Surface
from landscape_lab.figures.bokeh.path import ages
from landscape_lab.hosting import server

HEADER = 14


def bowl():
    alpha, beta = np.linspace(-1, 1, 7), np.linspace(-2, 2, 5)
    loss = 0.1 + beta[:, None] ** 2 + alpha[None, :] ** 2
    return xr.Dataset(
        {
            "loss": (("split", "beta", "alpha"), loss[None]),
            "computed": (("beta", "alpha"), loss > 0),
        },
        {"split": ["train"], "alpha": alpha, "beta": beta},
    )


def run():
    return xr.Dataset(
        {
            "alpha": ("step", [-0.9, 0.0, 0.1, 0.2]),
            "beta": ("step", [1.5, 0.5, 0.1, 0.0]),
            "loss": ("step", [3.2, 0.2, 0.4, 0.1]),
        },
        {"step": [0, 5, 10, 20]},
    )


def unpacked(surface):
    """The numbers of the buffer: header, heights, path, best, point, times."""
    numbers = np.frombuffer(surface.frame, dtype="<f4")
    rows, columns, steps = numbers[:3].astype(int)
    ends = np.cumsum([HEADER, rows * columns, 3 * steps, 3, 3, steps])
    assert numbers.size == ends[-1]
    return np.split(numbers, ends[:-1])


def test_the_step_looked_at_the_best_point_and_the_times_are_sent_with_the_path():
    surface = Surface()
    surface.update(bowl(), run(), scale="linear", seen=12, point=(0.5, -1.0))
    header, _, path, best, point, times = unpacked(surface)
    assert header[12] == 3  # points of the path that are past
    np.testing.assert_allclose(best, [0.0, 0.5, 0.2], rtol=1e-6)
    assert point[:2].tolist() == [0.5, -1.0]
    assert np.isnan(point[2])  # on the surface
    np.testing.assert_allclose(times, [0, 0.25, 0.5, 1])
    np.testing.assert_allclose(path.reshape(4, 3)[:, 2], run()["loss"], rtol=1e-6)
    assert surface.view.labels[2] == "training loss"


def test_heights_are_logarithms_where_asked_and_their_range_may_be_fixed():
    surface = Surface()
    surface.update(bowl(), run(), scale="log", limits=(0.01, 10.0))
    header, heights, path, best, point, _ = unpacked(surface)
    assert header[3:5].tolist() == [-2, 1]
    np.testing.assert_allclose(heights, np.log10(bowl()["loss"].values.ravel()), rtol=1e-6)
    np.testing.assert_allclose(path[2::3], np.log10(run()["loss"]), rtol=1e-6)
    np.testing.assert_allclose(best, [0.2, 0.0, -1.0], rtol=1e-6)
    assert np.isnan(point).all()
    assert header[12] == 4


def test_without_times_nothing_follows_the_path():
    slice_, path = bowl(), np.zeros((2, 3))
    given = (slice_["loss"].values[0], slice_["alpha"].values, slice_["beta"].values, path)
    bare = packed(*given, None, (0.0, 1.0))
    told = packed(*given, None, (0.0, 1.0), trail(0, ages(run()[["loss"]].isel(step=[0, 1]))))
    assert len(told) - len(bare) == 4 * (6 + 2)


def test_the_sign_of_the_run_rolls_while_a_run_of_the_same_plane_goes_on(monkeypatch):
    surface, sent = Surface(), []
    monkeypatch.setattr(surface.view, "_send_msg", sent.append)
    given = {"slice_": bowl(), "path": run(), "scale": "linear"}
    for rolls, subject in ((True, "a"), (True, "a"), (True, "a"), (True, "b"), (False, "b")):
        surface.update(**given, rolls=rolls, subject=subject)
    told = ["frame" if isinstance(one, bytes) else one["rolls"] for one in sent]
    assert told == ["frame", True, "frame", "frame", False, "frame", "frame"]
    sent.clear()
    surface.view.on_message({"action": "ready"})
    assert {"rolls": False} in sent
    assert sent[-1] == surface.frame


def test_what_a_mouse_asks_is_told():
    asked = []
    surface = Surface(asked=lambda *what: asked.append(what))
    surface.view.on_message({"action": "hover", "alpha": 0.5, "beta": -1})
    surface.view.on_message({"action": "drop", "alpha": 0.25, "beta": 1})
    assert asked == [("hover", 0.5, -1.0), ("drop", 0.25, 1.0)]


# --- in a browser ---

PAGE = """
import numpy as np
import panel as pn
import xarray as xr

from landscape_lab.bridge.jupyter import setup, show

setup()
# ---
from landscape_lab.components.surface.surface import Surface
from landscape_lab.figures.bokeh.contour import Contour

said = pn.pane.HTML("", height=20)


def tapped(alpha, beta):
    said.object = f"<p class='tapped'>{alpha:.4f} {beta:.4f}</p>"


alpha, beta = np.linspace(-2, 3, 31), np.linspace(-1, 1, 21)
loss = 1 + (alpha - 1) ** 2 + 4 * (beta[:, None] - 0.4) ** 2
slice_ = xr.Dataset(
    {"loss": (("split", "beta", "alpha"), loss[None]), "computed": (("beta", "alpha"), loss > 0)},
    {"split": ["train"], "alpha": alpha, "beta": beta},
)
way = np.linspace(0, 1, 20)
there = 1 + (3 * way - 3) ** 2 + 4 * (0.4 * way - 0.4) ** 2
path = xr.Dataset(
    {"alpha": ("step", 3 * way - 2), "beta": ("step", 0.4 * way), "loss": ("step", there)},
    {"step": np.arange(20)},
)
contour, surface = Contour(tapped), Surface(tapped)
contour.update(slice_, path, seen=10)
surface.update(slice_, path, seen=10)
fill = {"sizing_mode": "stretch_both", "min_height": 0}
show(pn.Column(
    said,
    pn.Row(pn.pane.Bokeh(contour.figure, **fill), pn.Column(surface.view, **fill), **fill),
    styles={"height": "90vh"}, sizing_mode="stretch_both",
))
"""

CANVAS = "canvas[data-frames]"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The same page as a script and as a notebook."""
    folder = tmp_path_factory.mktemp("taps")
    script, notebook = folder / "taps.py", folder / "taps.ipynb"
    text = textwrap.dedent(PAGE)
    script.write_text(text)
    content = json.loads(server.NOTEBOOK.read_text("utf-8"))
    del content["metadata"]["landscape_lab"]  # no recorded run before it, whose surface is another
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    content["cells"] = [
        cell | {"id": f"cell{i}", "source": part} for i, part in enumerate(text.split("# ---\n"))
    ]
    notebook.write_text(json.dumps(content))
    return {"panel": script, "voila": notebook}


@pytest.mark.exhaustive
@pytest.mark.browser
@pytest.mark.parametrize("kind", ["panel", "voila"])
def test_a_click_on_either_landscape_is_told_where_it_was(kind, pages, tmp_path):
    with browser() as chromium, served(kind, tmp_path, pages[kind]) as url:
        visitor = Visitor(chromium, url).open(wait_for=CANVAS)
        page, canvas = visitor.page, visitor.page.locator(CANVAS)
        visitor.until(lambda: said(canvas, "points") == str(31 * 21), "the surface")

        area = page.locator(".bk-Figure").first.bounding_box()
        click(page, area, 0.5, 0.5)
        visitor.until(lambda: told(page), "the click on the contours to be told")
        alpha, beta = told(page)
        assert -2 < alpha < 3
        assert -1 < beta < 1

        # The sign of the current point lies where the path is, and a click on it finds the place.
        area = canvas.bounding_box()
        across, up = map(float, said(canvas, "place").split(","))
        click(page, area, across, up)
        visitor.until(lambda: told(page) != (alpha, beta), "the click on the surface to be told")
        alpha, beta = told(page)
        assert alpha == pytest.approx(3 * 10 / 19 - 2, abs=0.15)
        assert beta == pytest.approx(0.4 * 10 / 19, abs=0.08)

        # To turn is no click.
        camera, taps = said(canvas, "camera"), []
        page.clock.install()
        visitor.sockets[-1].on(
            "framesent", lambda sent: taps.extend(["tapped"] * ("tapped" in str(sent)))
        )
        page.mouse.move(area["x"] + 200, area["y"] + 200)
        page.mouse.down()
        page.mouse.move(area["x"] + 260, area["y"] + 230, steps=3)
        page.mouse.up()
        visitor.until(lambda: said(canvas, "camera") != camera, "the camera to turn")
        page.clock.run_for(500)  # longer than the page waits for the second half of a double click
        assert taps == []
        assert told(page) == (alpha, beta)

        # It turns by itself when nobody does anything, unless motion is reduced; a touch ends it.
        still = said(canvas, "camera")
        page.emulate_media(reduced_motion="reduce")
        page.clock.run_for(30_000)
        assert said(canvas, "camera") == still
        page.emulate_media(reduced_motion="no-preference")
        page.clock.run_for(30_000)
        visitor.until(lambda: said(canvas, "camera") != still, "the camera to turn by itself")
        page.mouse.move(area["x"] + 220, area["y"] + 200)
        page.clock.run_for(500)
        still = said(canvas, "camera")
        page.clock.run_for(3000)
        assert said(canvas, "camera") == still
        tip = page.locator(".tip")
        assert tip.is_visible()
        assert tip.inner_text().startswith("training loss ")
        assert visitor.errors == []


WRITTEN = """
window.written = {};
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const {height} = this.canvas, {f} = this.getTransform();
  if (this.canvas.previousElementSibling?.dataset.frames) window.written[text] = (f + y) / height;
  return write.call(this, text, x, y);
};
"""
"""Notes how far down the surface each word is written, as a share of the height."""

QUARTER = 16
"""Strokes of an arrow key that turn the surface by a right angle, about."""


@pytest.mark.exhaustive
@pytest.mark.browser
def test_the_edges_that_face_the_viewer_are_named_and_each_sign_is_explained(pages, tmp_path):
    with browser() as chromium, served("panel", tmp_path, pages["panel"]) as url:
        visitor = Visitor(chromium, url)
        visitor.page.add_init_script(WRITTEN)
        visitor.open(wait_for=CANVAS)
        canvas = visitor.page.locator(CANVAS)
        visitor.until(lambda: said(canvas, "points") == str(31 * 21), "the surface")
        signs = visitor.page.locator(".key span:visible").all_inner_texts()
        assert signs == ["early", "late", "start", "now", "lowest on path", "lowest on slice"]
        for _ in range(4):
            for _ in range(QUARTER):
                canvas.press("ArrowRight")
            visitor.painted()
            written = visitor.page.evaluate("window.written")
            assert written["training loss"] < 0.6
            assert min(written["alpha"], written["beta"]) > 0.65
        assert visitor.errors == []


def click(page, area, across, up):
    page.mouse.click(area["x"] + across * area["width"], area["y"] + up * area["height"])


def told(page):
    words = page.locator(".tapped")
    return tuple(map(float, words.inner_text().split())) if words.count() else None
