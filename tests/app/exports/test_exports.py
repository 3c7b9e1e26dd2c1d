"""What is taken away of a picture: every file opened again and compared with the picture."""

import contextlib
import io
import json
import re
import subprocess
import sys
import textwrap
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from mpl_toolkits.mplot3d.axes3d import Axes3D
from PIL import Image, ImageSequence
from playwright.sync_api import TimeoutError as Late

from browser_support import Visitor, browser, served
from landscape_core.models.weight_change import WeightChange
from landscape_core.storage import netcdf
from landscape_lab.cli import picture as picture_command
from landscape_lab.cli.main import main
from landscape_lab.exports.base import Shown, content, file_name, kinds
from landscape_lab.exports.command import line
from landscape_lab.exports.python import program
from landscape_lab.figures.annotations import own_path
from landscape_lab.figures.matplotlib import plotting
from landscape_lab.page.layout import offered_kinds
from landscape_lab.state.link import place
from landscape_lab.state.navigator import Navigator
from landscape_lab.state.place import Origin, Place

SMALL = (
    "preset=spirals&run.problem.dataset.points=60&run.problem.architecture.width=8"
    "&run.batch_size=20&slice.resolution=15&step=12"
)
PLACES = {
    "a preset": SMALL,
    "a change on the way": SMALL
    + "&at.5.run.optimizer.learning_rate=0.3&at.5.run.batch_size=10&at.9.run.optimizer.beta1=0.5",
    "another view": SMALL
    + "&slice.directions=random&slice.directions.normalization=layer&slice.split=test"
    "&slice.tolerance=0.01&slice.resolution=33&slice.span=0.7",
    "a plane that stays": SMALL + "&at.4.slice.follow=false&at.7.run.optimizer.learning_rate=0.1",
    "an earlier step": SMALL + "&slice.directions=update&seen=6",
}


def arrived(there: Place):
    navigator = Navigator(there)
    (picture,) = deque(navigator.pictures(), maxlen=1)
    return navigator, picture


@pytest.fixture(scope="module")
def shown():
    there = place(PLACES["a change on the way"])
    navigator, picture = arrived(there)
    return there, picture, navigator.session


def made(name, shown):
    return content(kinds()[name]().made(Shown(*shown)))


def same(one: xr.Dataset, other: xr.Dataset) -> None:
    """Equal to the last bit, coordinates and all."""
    for name in other.variables:
        np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=str(name))


# --- to the bit -----------------------------------------------------------------------------------


def run_program(text, folder, monkeypatch):
    """Run a program in this process, and read what it has written."""
    monkeypatch.chdir(folder)
    exec(compile(text, "program.py", "exec"), {"print": lambda *_: None})
    (written,) = folder.glob("*.nc")
    return netcdf.load(written)


@pytest.mark.parametrize("name", PLACES)
def test_the_program_gives_the_slice_to_the_bit(name, tmp_path, monkeypatch):
    there = place(PLACES[name])
    _, picture = arrived(there)
    text = program(there, picture)
    assert "app" not in re.findall(r"^from (\w+)", text, re.MULTILINE)
    same(run_program(text, tmp_path, monkeypatch), picture.slice)


def test_the_program_of_a_run_that_starts_on_another_picture(tmp_path, monkeypatch):
    origin = Origin(place(SMALL), 0.3, -0.25)
    there = Place("spirals", place(SMALL).start, 8, origin=origin)
    _, picture = arrived(there)
    assert "state_at(0.3, -0.25)" in program(there, picture)
    same(run_program(program(there, picture), tmp_path, monkeypatch), picture.slice)
    assert not np.array_equal(picture.slice["loss"], arrived(place(SMALL))[1].slice["loss"])


def test_the_program_of_a_run_that_starts_with_weights_set_by_hand(tmp_path, monkeypatch):
    change = WeightChange("0.bias", (2,), 0.75)
    origin = Origin(place(SMALL), None, None, (change,))
    there = Place("spirals", place(SMALL).start, 8, origin=origin)
    _, picture = arrived(there)
    same(run_program(program(there, picture), tmp_path, monkeypatch), picture.slice)


def test_the_program_runs_by_itself_and_needs_no_app(shown, tmp_path):
    there, picture, _ = shown
    (tmp_path / "program.py").write_bytes(made("python", shown))
    code = "import runpy, sys; runpy.run_path('program.py'); print('app' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("False\n")
    same(netcdf.load(tmp_path / file_name(there, picture, "nc")), picture.slice)


def landscape(command, monkeypatch, folder):
    """Run a command of ours as if it was typed."""
    import argparse
    import shlex

    monkeypatch.chdir(folder)
    words = shlex.split(command)
    assert words[:2] == ["landscape", "picture"]
    parser = argparse.ArgumentParser()
    picture_command.options(parser)
    return list(picture_command.run(parser.parse_args(words[2:])))


@pytest.mark.parametrize("name", ["a change on the way", "another view"])
def test_the_command_gives_the_slice_to_the_bit(name, tmp_path, monkeypatch):
    there = place(PLACES[name])
    _, picture = arrived(there)
    first, *said = landscape(line(there, picture), monkeypatch, tmp_path)
    found = netcdf.load(tmp_path / "spirals_step_12.nc")
    same(found, picture.slice)
    np.testing.assert_array_equal(own_path(found)["alpha"], picture.path["alpha"])
    assert first == "spirals_step_12.nc: step 12"
    assert re.search(r"^  \d+ of \d+ points computed", said[0])
    assert any("points agree" in one or "from the plain evaluation" in one for one in said)
    assert ("range of log10 loss)" in said[0]) == (name == "another view")  # as it is drawn


def test_a_file_of_no_known_kind_is_refused_before_any_work(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"\.nc, \.obj, \.pdf, \.pgf\.zip, \.png"):
        landscape(f"landscape picture '{SMALL}' -o picture.doc", monkeypatch, tmp_path)


# --- files ----------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_screen_with_all_settings(shown, tmp_path):
    there, picture, _ = shown
    (tmp_path / "a.nc").write_bytes(made("netcdf", shown))
    found = netcdf.load(tmp_path / "a.nc")
    same(found, picture.slice)
    for name in ("alpha", "beta", "loss", "distance"):
        np.testing.assert_array_equal(own_path(found)[name], picture.path[name])
    assert place(found.attrs["link"]) == there
    assert json.loads(found.attrs["run"])["batch_size"] == 10
    assert [change["step"] for change in json.loads(found.attrs["changes"])] == [5, 5, 9]
    assert (found.attrs["seen"], found.attrs["step"]) == (12, 12)
    assert found.attrs["captured"] == picture.captured


def test_drawings_are_made_with_their_caption(shown):
    drawing = made("svg", shown).decode()
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawing))
    for told in (
        "The training loss of the network MLP (depth 2, width 8) on two spirals, at step 12 of",
        "Adam (learning rate 0.3), batch size 10; plane: PCA of the trajectory,",
        "explained variance", "points 60", "learning rate set to 0.3 at step 5",
        "225 of 225 points computed", "beta1 set to 0.5 at step 9", "Landscape Lab",
        "early", "late", "start", "last", "lowest on path", "lowest on slice",
    ):  # fmt: skip
        assert told in words, told
    assert "epsilon 1e-08" in words  # all settings, also those as by default
    assert "5000" not in words  # where the run would end says nothing of this picture
    assert made("pdf", shown).startswith(b"%PDF")
    picture = Image.open(io.BytesIO(made("png", shown)))
    assert picture.width == 6.4 * 300
    assert len(np.unique(np.asarray(picture.convert("L")))) > 200


def test_the_sentence_says_how_random_directions_are_scaled():
    for normalization, words in (("filter", "filter-normalized"), ("layer", "layer-normalized")):
        there = place(
            f"{SMALL}&slice.directions=random&slice.directions.normalization={normalization}"
            "&slice.resolution=11"
        )
        drawing = made("svg", (there, arrived(there)[1], None)).decode()
        told = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawing))
        assert f"plane: random ({words}), " in told


def test_runs_that_are_compared_are_drawn_beside_each_other(shown):
    there, picture, session = shown
    runs = [(letter, f"run {letter}", picture) for letter in "ABC"]
    drawing = content(kinds()["svg"]().made(Shown(there, picture, session, runs))).decode()
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawing))
    for told in (
        "A  run A", "B  run B", "C  run C", "The loss of 3 runs on one scale",
        "epsilon 1e-08", "points 60", "225 of 225 points computed",  # settings of all, told once
    ):  # fmt: skip
        assert told in words, told
    assert words.count("epsilon 1e-08") == 1
    assert drawing.count(">training loss<") == 1  # the one bar of colours
    numbers = content(kinds()["netcdf"]().made(Shown(there, picture, session, runs)))
    assert numbers == made("netcdf", shown)


@pytest.mark.parametrize(("mode", "bars"), [("surfaces", 1), ("surfaces_own", 2)])
def test_runs_that_are_compared_in_3d_are_surfaces_from_the_camera_of_the_screen(
    shown, monkeypatch, mode, bars
):
    _, picture, session = shown
    asked = "&display.show=compare&display.camera=40, 30, 5"
    there = place(shown[0].link() + f"{asked}&display.comparison={mode}")
    figures = []
    monkeypatch.setattr(
        plotting, "content", lambda figure, *_: figures.append(figure) or b"a picture"
    )
    runs = [(letter, f"run {letter}", picture) for letter in "AB"]
    assert content(kinds()["pdf"]().made(Shown(there, picture, session, runs))) == b"a picture"
    deep = [axes for axes in figures[0].axes if axes.name == "3d"]
    assert [axes.get_title(loc="left") for axes in deep] == ["A  run A", "B  run B"]
    assert {(axes.azim, axes.elev) for axes in deep} == {(40.0, 30.0)}
    assert len(figures[0].axes) - len(deep) == bars


def test_a_surface_has_the_same_caption_and_the_colours_of_fixed_limits(shown):
    there, picture, session = shown
    deep = place(there.link() + "&display.show=3d&display.limits=0.001,1000")
    drawing = made("svg", (deep, picture, session)).decode()
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawing))
    assert "225 of 225 points computed" in words
    assert ">100<" in drawing  # beside the colours; the losses themselves are all below
    assert "<image" in drawing


def test_a_file_in_three_dimensions_has_the_camera_of_the_screen(shown, monkeypatch):
    there, picture, session = shown
    seen = []
    view = Axes3D.view_init
    monkeypatch.setattr(Axes3D, "view_init", lambda *a, **k: (seen.append(a[1:3]), view(*a, **k)))
    link = there.link() + "&display.show=3d&display.camera=20,50,3"
    made("png", (place(link), picture, session))
    assert seen[-1] == (50, 20)
    page = made("html", (place(link), picture, session)).decode()
    assert '"camera": "20, 50, 3"' in page


def test_the_run_moves_from_its_start_to_the_step_shown(shown):
    _, picture, session = shown
    moving = Image.open(io.BytesIO(made("gif", shown)))
    frames = [np.asarray(frame.convert("RGB"), int) for frame in ImageSequence.Iterator(moving)]
    assert len(frames) == len(session.recorded) == 13
    changed = [(np.abs(frame - frames[0]).max(axis=2) > 60).mean() for frame in frames]
    assert changed[-1] > max(0.003, changed[1])
    assert session.picture().seen == picture.seen  # and looks where it looked


def test_where_the_plane_moves_each_picture_has_its_own_slice():
    there = place(PLACES["an earlier step"])
    navigator, picture = arrived(there)
    news = list(kinds()["gif"]().made(Shown(there, picture, navigator.session)))
    assert [one.done for one in news] == list(range(1, 9))
    assert Image.open(io.BytesIO(news[-1].content)).n_frames == 7  # to the step seen, not the last
    assert navigator.session.picture().seen == 6


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.mark.browser
def test_the_page_opens_without_a_network_and_its_slider_moves_along_the_path(
    shown, chromium, tmp_path
):
    target = tmp_path / "run.html"
    target.write_bytes(made("html", shown))
    context = chromium.new_context(viewport={"width": 900, "height": 850})
    context.set_offline(True)
    page, asked, errors = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(target.as_uri())
    page.locator(".bk-Figure").wait_for()
    page.get_by_text("225 of 225 points computed").wait_for()
    page.get_by_text("step 12 of 12").wait_for()
    page.locator(".noUi-handle").focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.get_by_text("step 7 of 12").wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_text("step 12 of 12").wait_for()
    page.get_by_role("button", name="Play").wait_for()  # it has stopped, and says no longer Pause
    page.get_by_role("button", name="3-D").click()
    surface = page.get_by_role("img", name="Loss surface").and_(page.locator("[data-place]"))
    surface.wait_for()
    page.locator("section").first.wait_for(state="hidden")
    end = surface.get_attribute("data-place")
    page.locator(".noUi-handle").focus()
    page.keyboard.press("Home")
    page.get_by_text("step 0 of 12").wait_for()
    page.wait_for_function(
        "end => document.querySelector('[data-place]').dataset.place !== end", arg=end
    )
    context.close()
    assert asked == [target.as_uri()]
    assert errors == []


# --- the dialog -----------------------------------------------------------------------------------

PAGE = """
import base64

import panel as pn

from landscape_lab.bridge.jupyter import setup, show

setup()

from landscape_lab.components.exporter.exporter import Exporter

DATA = bytes(range(256)) * 99


def make(name, style):
    if name == "png":
        exporter.deliver("a.png", "image/png", PNG, " ".join(f"{k}={v}" for k, v in style.items()))
    elif name == "words":
        exporter.deliver("a.py", "text/x-python", b"print(1)", "print(1)")
    elif name == "long":
        exporter.progress(3, 7)
    elif name == "broken":
        exporter.fail("There is no room.")
    else:
        exporter.deliver("a.bin", "application/octet-stream", DATA)


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
named = {"bytes": "Numbers", "words": "Numbers", "long": "Film", "broken": "Film", "png": "Picture"}
kinds = [{"name": n, "label": n, "help": f"the {n}", "group": g} for n, g in named.items()]
kinds.append({"name": "lost", "label": "lost", "help": "Needs a", "group": "Film", "lacks": True})
exporter = Exporter(kinds, make, lambda: exporter.fail("Cancelled here too."))
button = pn.widgets.Button(name="open", css_classes=["open"])
button.on_click(lambda event: exporter.open())
show(pn.Column(button, exporter.view))
"""


def test_a_film_that_cannot_be_made_here_says_what_it_needs(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))  # no ffmpeg
    assert "mp4" not in kinds()
    offered = {one["name"]: one for one in offered_kinds()}
    assert "ffmpeg" in offered["mp4"]["help"]
    assert [name for name, one in offered.items() if one["lacks"]] == ["mp4"]
    assert main(["picture", "preset=spirals&step=0", "-o", str(tmp_path / "run.mp4")]) == 1
    told = capsys.readouterr().err
    assert "ffmpeg" in told
    assert ".webp" in told


@pytest.mark.browser
def test_the_dialog_hands_the_file_to_the_browser_and_can_be_used_by_keys_alone(chromium, tmp_path):
    script = tmp_path / "exporter.py"
    script.write_text(textwrap.dedent(PAGE))
    with served("panel", tmp_path, script) as url:
        visitor = Visitor(chromium, url, (900, 700)).open(wait_for=".open button")
        page = visitor.page
        visitor.until(lambda: opened(page), "the dialog")
        dialog = page.get_by_role("dialog", name="Export")
        assert dialog.locator("button:focus").inner_text().startswith("bytes")
        with page.expect_download() as news:
            page.keyboard.press("Enter")
        assert news.value.suggested_filename == "a.bin"
        assert Path(news.value.path()).read_bytes() == bytes(range(256)) * 99

        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        dialog.locator("pre", has_text="print(1)").wait_for()
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.keyboard.press("Enter")  # the focus is on the button that copies
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "print(1)"

        dialog.locator("[data-kind=broken]").click()
        dialog.get_by_text("There is no room.").wait_for()
        dialog.locator("[data-kind=long]").click()
        dialog.get_by_text("3 of 7").wait_for()
        assert dialog.locator("[data-kind=words]").is_disabled()
        dialog.get_by_role("button", name="Cancel").click()
        dialog.get_by_text("Cancelled here too.").wait_for()
        assert dialog.locator("[data-kind=lost]").is_disabled()  # as from the start
        assert dialog.locator("[data-kind=words]").is_enabled()

        dialog.locator("[data-style=width]").select_option("own")
        dialog.locator("[data-style=inches]").fill("4.5")
        dialog.locator("[data-style=font]").select_option("serif")
        with page.expect_download() as news:
            dialog.locator("[data-kind=png]").click()
        assert news.value.suggested_filename == "a.png"
        told = dialog.locator("pre.prose").inner_text()
        assert "width=4.5" in told
        assert "font=serif" in told
        assert "dots_per_inch=300" in told
        dialog.locator("[data-action=copy_link]").click()
        dialog.get_by_text("The link is copied.").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == page.url
        dialog.locator("[data-action=copy_picture]").click()
        dialog.get_by_text("The picture is copied.").wait_for()
        kinds_of = "navigator.clipboard.read().then(found => found[0].types)"
        assert page.evaluate(kinds_of) == ["image/png"]
        page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        page.evaluate("document.execCommand = () => false")  # as where the page is not secure
        dialog.locator("[data-action=copy_link]").click()
        assert dialog.get_by_label("Link").input_value() == page.url
        dialog.locator("[data-action=copy_picture]").click()
        dialog.get_by_text("choose Copy image").wait_for()
        assert dialog.locator("img").evaluate("image => image.naturalWidth") == 1
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
        assert visitor.errors == []
        assert visitor.strangers == []


def opened(page):
    """Press the button until a dialog is there: a page is served before it listens."""
    if not page.locator("dialog[open]").count():
        page.locator(".open button").click()
        with contextlib.suppress(Late):
            page.locator("dialog[open]").wait_for(timeout=200)
    return page.locator("dialog[open]").count()


def test_the_table_is_the_slice_by_another_reader(shown):
    text = made("csv", shown).decode()
    table = np.genfromtxt(io.StringIO(text), delimiter=",", names=True)
    loss = shown[1].slice["loss"]
    assert len(table) == loss.sizes["alpha"] * loss.sizes["beta"]
    flat = loss.isel(split=0).transpose("beta", "alpha").values.ravel()
    np.testing.assert_array_equal(table["loss"], flat)


def test_the_json_has_the_slice_the_path_and_the_link(shown):
    found = xr.Dataset.from_dict(json.loads(made("json", shown)))
    np.testing.assert_array_equal(found["loss"].values, shown[1].slice["loss"].values)
    np.testing.assert_array_equal(found["path_alpha"].values, shown[1].path["alpha"].values)
    assert found.attrs["link"] == shown[0].link()


def test_the_surfaces_have_a_corner_for_each_point_of_the_slice_and_of_the_path(shown):
    loss, steps = shown[1].slice["loss"], shown[1].path.sizes["step"]
    points = loss.sizes["alpha"] * loss.sizes["beta"]
    lines = made("obj", shown).decode().splitlines()
    corners = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], float)
    assert points < len(corners) <= points + steps
    surface = made("vtp", shown).decode()
    assert f'NumberOfPoints="{len(corners)}"' in surface
