"""The browser components: what Python packs, and what a real browser makes of it.

The pages are small and served by `panel serve`; that they live in Voila too is what the tests of
the whole app show.
"""

import json
import math
import os
import re
import signal
import textwrap

import numpy as np
import psutil
import pytest

from browser_support import Visitor, browser, said, served
from landscape_lab.components.surface.pictured import packed
from landscape_lab.components.surface.surface import Surface
from landscape_lab.components.timeline.timeline import Timeline, TimelineModel
from landscape_lab.figures import theme

HEADER = 14

ALPHA, BETA = np.linspace(-1, 1, 7), np.linspace(-2, 2, 5)
BOWL = BETA[:, None] ** 2 + ALPHA[None, :] ** 2
PATH = np.array([[-0.9, 1.5, 3.06], [0.0, 0.5, 0.25], [0.1, 0.1, 0.02]])


def test_a_picture_is_one_buffer_of_float32_in_the_order_that_the_browser_reads():
    message = packed(BOWL, ALPHA, BETA, PATH, (0.0, 0.0, 0.0), (0.0, 5.0))
    numbers = np.frombuffer(message, dtype="<f4")
    assert numbers.size == HEADER + BOWL.size + PATH.size
    assert numbers[:12].tolist() == [5, 7, 3, 0, 5, -1, 1, -2, 2, 0, 0, 0]
    np.testing.assert_array_equal(
        numbers[HEADER:][: BOWL.size].reshape(5, 7), BOWL.astype(np.float32)
    )
    np.testing.assert_array_equal(
        numbers[HEADER + BOWL.size :].reshape(3, 3), PATH.astype(np.float32)
    )


def test_what_is_not_finite_arrives_as_it_is():
    heights = BOWL.copy()
    heights[0, 0], heights[1, 2], heights[4, 6] = np.nan, np.inf, -np.inf
    numbers = np.frombuffer(packed(heights, ALPHA, BETA, PATH, None, (0.0, 5.0)), dtype="<f4")
    sent = numbers[HEADER:][: BOWL.size].reshape(5, 7)
    assert np.isnan(sent[0, 0])
    assert (sent[1, 2], sent[4, 6]) == (np.inf, -np.inf)
    assert np.isnan(numbers[9:12]).all()  # and there is no lowest point


def test_a_float64_beyond_float32_is_sent_as_infinite_without_a_warning():
    numbers = np.frombuffer(packed(BOWL + 1e300, ALPHA, BETA, PATH, None, (0.0, 5.0)), dtype="<f4")
    assert np.isposinf(numbers[HEADER:][: BOWL.size]).all()


def test_a_path_may_be_empty():
    numbers = np.frombuffer(
        packed(BOWL, ALPHA, BETA, np.empty((0, 3)), None, (0.0, 5.0)), dtype="<f4"
    )
    assert (numbers[2], numbers.size) == (0, HEADER + BOWL.size)


def test_the_surface_has_the_colours_of_all_landscapes():
    colors = Surface().view.colors
    assert (colors[0], colors[-1]) == (theme.LANDSCAPE[0], theme.LANDSCAPE[-1])
    assert set(colors) <= set(theme.LANDSCAPE)


@pytest.fixture
def sent(monkeypatch):
    """What a browser would be sent by the time line."""
    messages = []
    monkeypatch.setattr(TimelineModel, "_send_msg", lambda _, data: messages.append(data))
    return messages


def test_the_time_line_sends_only_what_is_new(sent):
    line = Timeline(lambda step: None)
    line.set([0, 1, 2], 2, playing=False, loss=0.5)
    line.set([0, 1, 2], 2, playing=False, loss=0.5)
    line.set([0, 1, 2], 1, playing=False, loss=float("nan"))
    line.set([0, 1, 2], 1, playing=False, loss=float("nan"))
    line.set([0, 1, 2, 3, 4], 4, playing=False, loss=0.25)
    line.set([0, 2, 4, 6], 6, playing=False, loss=0.25)  # every second step is kept from here on
    line.set([0], 0, playing=False, loss=0.25)
    assert sent == [
        {
            "seen": 2,
            "playing": False,
            "loss": 0.5,
            "called": "train loss",
            "kept": 0,
            "steps": [0, 1, 2],
        },
        {"seen": 1, "loss": None},
        {"seen": 4, "loss": 0.25, "kept": 3, "steps": [3, 4]},
        {"seen": 6, "kept": 1, "steps": [2, 4, 6]},
        {"seen": 0, "kept": 1, "steps": []},
    ]


def test_the_time_line_sends_seldom_while_a_run_plays_and_all_once_it_is_held(sent):
    sought = []
    line = Timeline(sought.append)
    for step in range(1, 400):
        line.set(range(step), step - 1, playing=True, loss=1.0)
    assert len(sent) < 5
    line.set(range(400), 399, playing=False, loss=1.0)
    shown = []
    for message in sent:
        shown = shown[: message["kept"]] + message["steps"]
    assert shown == list(range(400))
    line.view._handle_msg({"ready": True})  # another browser has come
    whole = {"seen": 399, "playing": False, "loss": 1.0, "called": "train loss"}
    assert sent[-1] == whole | {"kept": 0, "steps": shown}
    line.view._handle_msg({"seek": 12})
    assert sought == [12]


# --- in a browser ---

PAGE = """
import numpy as np
import panel as pn

from landscape_lab.bridge.jupyter import setup, show

setup()

from landscape_lab.components.heartbeat.heartbeat import Heartbeat
from landscape_lab.components.link.link import Link
from landscape_lab.components.surface.surface import Surface

surface, heartbeat, frame = Surface(), Heartbeat(), 0
heartbeat.view.patience = 3.0
links = pn.pane.Str("", css_classes=["links"])


def open_link(text):
    if "late" in text:
        link.set("preset=first&step=1")  # what the page says before it has read the link
    links.object += f"[{text}]"
    link.set(text)


link = Link(open_link)
alpha, beta = np.linspace(-2, 3, 31), np.linspace(-1, 1, 21)


def draw(broken=0):
    global frame
    frame += 1
    turn = 0.1 * frame
    heights = (alpha - np.cos(turn)) ** 2 + 4 * (beta[:, None] - 0.4 * np.sin(turn)) ** 2
    heights[:broken, 0] = np.nan
    heights[:broken, 1] = np.inf
    times = np.linspace(0, turn, 20)
    track = np.stack([np.cos(times), 0.4 * np.sin(times), np.zeros(20)], axis=1)
    surface.draw(heights, alpha, beta, track, (np.cos(turn), 0.4 * np.sin(turn), 0.0), (0.0, 9.0),
                 ("direction one", "direction two", "loss"))


def button(name, action):
    made = pn.widgets.Button(name=name, css_classes=[name])
    made.on_click(lambda event: action())
    return made


playing = pn.state.add_periodic_callback(draw, period=40, start=False)
draw()
show(
    pn.Column(
        pn.Row(
            button("draw", draw),
            button("break", lambda: draw(broken=3)),
            button("play", playing.start),
            button("stop", playing.stop),
            button("name", lambda: link.set("preset=a&step=3")),
            button("busy", lambda: __import__("time").sleep(1.5)),
            links,
            height=40,
        ),
        pn.Column(surface.view, sizing_mode="stretch_both"),
        link.view,
        heartbeat.view,
        styles={"height": "90vh"},
        sizing_mode="stretch_both",
    )
)
"""

CANVAS = "canvas[data-frames]"

COVERED = """() => {
  const covers = () => document.querySelectorAll(".landscape-gone").length;
  window.covered = covers();
  const count = () => { window.covered += covers(); };
  new MutationObserver(count).observe(document.body, {childList: true});
}"""
"""Count in the page whenever it is covered, if only for a moment."""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    script = folder / "components.py"
    script.write_text(textwrap.dedent(PAGE))
    return folder, script


@pytest.fixture(scope="module")
def url(page):
    with served("panel", *page) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture
def visitor(chromium, url):
    seen = Visitor(chromium, url).open(wait_for=CANVAS)
    yield seen
    seen.page.context.close()
    assert seen.strangers == []
    assert seen.errors == []


@pytest.fixture
def canvas(visitor):
    return visitor.page.locator(CANVAS)


def frames(canvas):
    return int(said(canvas, "frames") or 0)


def camera(canvas):
    return json.loads(said(canvas, "camera"))


def told(visitor):
    """What Python says that the link component has told it."""
    return visitor.page.locator(".links").evaluate("pane => (pane.shadowRoot ?? pane).textContent")


def click(visitor, name):
    visitor.page.locator(f".{name} button").click()


def pixels(visitor, canvas):
    """How many colours of the landscape the surface's picture has, and the share that is white."""
    import io

    from PIL import Image

    picture = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
    colors = np.asarray(picture).reshape(-1, 3)
    return len(np.unique(colors // 16, axis=0)), (colors.min(axis=1) > 250).mean()


@pytest.mark.browser
def test_the_surface_is_painted_by_webgl_and_fills_its_place(visitor, canvas):
    assert said(canvas, "renderer") == "webgl2"
    assert said(canvas, "points") == str(31 * 21)
    box = canvas.bounding_box()
    assert box["width"] > 1300
    assert box["height"] > 500
    colors, white = pixels(visitor, canvas)
    assert colors > 60
    assert 0.2 < white < 0.9


@pytest.mark.browser
def test_every_picture_that_is_sent_is_painted(visitor, canvas):
    before, current = frames(canvas), said(canvas, "current")
    click(visitor, "draw")
    visitor.until(lambda: frames(canvas) == before + 1, "the next picture")
    assert said(canvas, "current") != current


@pytest.mark.browser
def test_the_camera_is_the_users_and_survives_new_pictures(visitor, canvas):
    first = camera(canvas)
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visitor.page.mouse.move(x, y)
    visitor.page.mouse.down()
    visitor.page.mouse.move(x + 80, y - 40, steps=4)
    visitor.page.emulate_media(reduced_motion="reduce")  # the camera does not glide on
    visitor.page.mouse.up()
    visitor.until(lambda: camera(canvas)["turn"] != first["turn"], "the camera to turn")
    visitor.page.mouse.wheel(0, 200)
    visitor.until(lambda: camera(canvas)["far"] > first["far"], "the camera to go back")
    turned, count = camera(canvas), frames(canvas)
    assert turned["turn"] == pytest.approx(first["turn"] - 80 * 0.008)
    assert turned["lift"] == pytest.approx(first["lift"] - 40 * 0.008)
    for number in range(1, 4):
        click(visitor, "draw")
        # Of pictures that come between two paintings only the last is painted: wait for each.
        visitor.until(lambda: frames(canvas) == count + number, "the next picture")  # noqa: B023
        assert camera(canvas) == turned
    canvas.dblclick()
    visitor.until(lambda: camera(canvas) == first, "the camera to be reset")


@pytest.mark.exhaustive
@pytest.mark.browser
@pytest.mark.parametrize(
    ("key", "what", "sign"),
    [
        ("ArrowLeft", "turn", -1),
        ("ArrowRight", "turn", 1),
        ("ArrowUp", "lift", 1),
        ("ArrowDown", "lift", -1),
        ("+", "far", -1),
        ("-", "far", 1),
    ],
)
def test_keys_move_the_camera_and_nought_resets_it(visitor, canvas, key, what, sign):
    first = camera(canvas)
    canvas.focus()
    visitor.page.keyboard.press(key)
    visitor.until(lambda: sign * (camera(canvas)[what] - first[what]) > 0, "the camera to move")
    visitor.page.keyboard.press("0")
    visitor.until(lambda: camera(canvas) == first, "the camera to be reset")


@pytest.mark.browser
def test_the_camera_passes_neither_the_floor_nor_the_zenith(visitor, canvas):
    canvas.focus()
    for key, limit in (("ArrowUp", math.radians(86)), ("ArrowDown", math.radians(3))):
        for _ in range(20):
            visitor.page.keyboard.press(key)
        visitor.until(lambda limit=limit: math.isclose(camera(canvas)["lift"], limit), "the limit")


@pytest.mark.browser
def test_what_is_not_finite_is_counted_in_words_and_left_out_of_the_surface(visitor, canvas):
    assert said(canvas, "holes") == "0"
    colors = pixels(visitor, canvas)[0]
    click(visitor, "break")
    visitor.until(lambda: said(canvas, "holes") == "6", "the holes")
    assert pixels(visitor, canvas)[0] > 0.5 * colors  # the rest is still there
    words = visitor.page.locator(f"{CANVAS} + canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, 24 * devicePixelRatio)"
        ".data.some(v => v > 0)"
    )
    assert words  # a line of text above the picture
    click(visitor, "draw")
    visitor.until(lambda: said(canvas, "holes") == "0", "the holes to be gone")


@pytest.mark.browser
def test_the_surface_follows_the_size_of_its_place(visitor, canvas):
    wide = canvas.bounding_box()
    visitor.page.set_viewport_size({"width": 1000, "height": 500})
    visitor.until(lambda: canvas.bounding_box()["width"] <= 1000, "the canvas to shrink")
    shape = "c => [c.width / c.clientWidth, c.height / c.clientHeight]"
    visitor.until(lambda: np.ptp(canvas.evaluate(shape)) < 0.02, "the pixels to be square again")
    assert canvas.bounding_box()["height"] < wide["height"]


@pytest.mark.browser
def test_a_stream_of_pictures_is_painted_without_a_backlog(visitor, canvas):
    click(visitor, "play")
    start = frames(canvas)
    visitor.until(lambda: frames(canvas) > start + 20, "the pictures")
    click(visitor, "stop")
    click(visitor, "break")  # once it is painted, all before it is
    visitor.until(lambda: said(canvas, "holes") != "0", "the last picture")
    count = frames(canvas)
    click(visitor, "draw")
    visitor.until(lambda: said(canvas, "holes") == "0", "one more")
    assert frames(canvas) == count + 1


@pytest.mark.browser
def test_the_link_is_read_from_the_address_and_written_to_it(chromium, url, visitor):
    assert "[" not in told(visitor)
    length = visitor.page.evaluate("history.length")
    click(visitor, "name")
    visitor.until(lambda: visitor.page.url.endswith("#preset=a&step=3"), "the link")
    assert visitor.page.evaluate("history.length") == length
    visitor.page.evaluate("location.hash = 'preset=b'")
    visitor.until(lambda: "[preset=b]" in told(visitor), "the page to be told")

    guest = Visitor(chromium, url).open("#preset=c&run.seed=5", wait_for=CANVAS)
    guest.until(lambda: "[preset=c&run.seed=5]" in told(guest), "the page to be told")
    for hidden, link in (
        ("preset=c&kept=preset%3Da%26step%3D3", "preset=c&kept=preset%3Da%26step%3D3"),
        ("preset%3Dd%26step%3D4", "preset=d&step=4"),
    ):
        guest.page.evaluate("text => { location.hash = text }", hidden)
        guest.until(lambda link=link: f"[{link}]" in told(guest), "the page to be told")
    guest.page.context.close()


@pytest.mark.browser
def test_what_is_written_before_a_link_is_opened_is_no_entry_of_the_history(chromium, url):
    guest = Visitor(chromium, url).open("#preset=late&step=2", wait_for=CANVAS)
    guest.until(lambda: "[preset=late&step=2]" in told(guest), "the page to be told")
    length = guest.page.evaluate("history.length")
    guest.page.evaluate("location.hash = 'preset=late&step=3'")
    guest.until(lambda: "[preset=late&step=3]" in told(guest), "the page to be told")
    assert guest.page.url.endswith("#preset=late&step=3")
    assert guest.page.evaluate("history.length") == length + 1  # the one of the new address
    guest.page.go_back()
    guest.until(lambda: guest.page.url.endswith("#preset=late&step=2"), "the way back")
    guest.page.go_forward()
    guest.until(lambda: guest.page.url.endswith("#preset=late&step=3"), "the way forward")
    guest.page.context.close()
    assert guest.errors == []


@pytest.mark.browser
def test_an_address_that_cannot_be_decoded_is_handed_on_as_it_is(chromium, url):
    guest = Visitor(chromium, url).open("#100%25%", wait_for=CANVAS)
    guest.until(lambda: "[100%25%]" in told(guest), "the page to be told")
    assert guest.errors == []
    guest.page.context.close()


@pytest.mark.browser
def test_a_page_that_python_answers_is_never_covered(visitor):
    visitor.page.evaluate(COVERED)
    visitor.hears("pong")
    click(visitor, "busy")
    for _ in range(2):
        visitor.hears("pong")
    assert not visitor.page.evaluate("window.covered")


@pytest.mark.browser
@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(True, id="later", marks=pytest.mark.exhaustive),
        pytest.param(False, id="before its first answer"),
    ],
)
def test_a_page_whose_python_has_gone_says_so_and_offers_to_reload(chromium, page, answered):
    with served("panel", *page) as address:
        guest = Visitor(chromium, address).open(wait_for=CANVAS)
        if answered:
            guest.hears("pong")
        port = re.search(r":(\d+)/", address)[1]
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if "landscape_lab.hosting.front" in words and port in words:
                os.kill(process.pid, signal.SIGKILL)
        cover = guest.page.locator(".landscape-gone[role=alert]")
        cover.wait_for(timeout=60_000)
        assert cover.locator("button").inner_text() == "Reload"
        guest.page.context.close()
