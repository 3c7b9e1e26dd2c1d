"""The player of recorded runs, in a page that is opened from a file."""

import json

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from browser_support import browser
from landscape_lab.recordings.shipped import shipped
from landscape_lab.recordings.static_pages import folder as site
from landscape_lab.recordings.static_pages.markup import Site

pytestmark = pytest.mark.browser

PLAYER = "Object.values(window.players)[0]"
DRAWN = 'document.querySelector(".flat").getContext("2d").getImageData(0, 0, 900, 300).data.join()'


def painted(page):
    """Wait until what was asked for is drawn."""
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def state(page):
    return page.evaluate(f"{PLAYER}.state")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    site.write(site.files(["spirals", "deep_skips", "divergence"], Site()), folder)
    with browser() as chromium:
        yield folder, chromium


@pytest.fixture(scope="module")
def page(opened):
    """A preset's page from a file; less motion is asked for, so that it waits at its start."""
    folder, chromium = opened
    page = chromium.new_page(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    page.errors, page.asked = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto((folder / "presets" / "spirals.html").as_uri())
    page.wait_for_function("window.players && Object.keys(window.players).length")
    page.evaluate(f'{PLAYER}.view("2d")')
    painted(page)
    yield page
    assert page.errors == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.asked), page.asked


def test_it_waits_at_its_start_where_less_motion_is_asked_for_and_offers_play(page):
    assert state(page)["step"] == 0
    assert page.get_by_role("button", name="Play", exact=True).count() == 2
    assert page.locator(".large").is_visible()


def test_a_point_has_the_value_of_the_slice_and_the_pointer_reads_it_at_once(page):
    found = shipped("spirals")
    a0, a1, b0, b1 = found.extent
    alphas, betas = (np.linspace(low, high, 51) for low, high in ((a0, a1), (b0, b1)))
    points = [[alphas[c], betas[r]] for r in range(0, 51, 5) for c in range(0, 51, 5)]
    read = page.evaluate(f"points => points.map(([a, b]) => {PLAYER}.valueAt(a, b))", points)
    exact = 10 ** found.heights(0)[::5, ::5].ravel()
    np.testing.assert_allclose(read, exact, rtol=1e-5)
    area = page.locator(".flat").bounding_box()
    took = page.evaluate(
        """([x, y]) => {
          const flat = document.querySelector(".flat"), began = performance.now();
          flat.dispatchEvent(new PointerEvent("pointermove", {clientX: x, clientY: y}));
          return performance.now() - began;
        }""",
        [area["x"] + area["width"] / 2, area["y"] + area["height"] / 2],
    )
    assert took < 100
    tip = page.locator("output.tip")
    assert "training loss" in tip.inner_text()
    shown = float(tip.get_attribute("data-value"))
    assert exact.min() <= shown <= exact.max()
    assert float(tip.inner_text().split()[0]) == pytest.approx(shown, rel=6e-3)


def test_it_is_scrubbed_by_keys_and_by_the_time_line(page):
    slider = page.get_by_role("slider", name="Training step")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    painted(page)
    assert state(page)["step"] == 2
    loss = shipped("spirals").train[2]
    assert slider.get_attribute("aria-valuetext").endswith(f"training loss {loss:.3g}")
    before = page.evaluate(DRAWN)
    slider.press("End")
    painted(page)
    assert state(page)["step"] == 60
    assert page.evaluate(DRAWN) != before
    assert page.locator(".reading").inner_text().startswith("step 60 of 60")


def test_it_plays_to_the_end_tells_so_and_rolls_between_the_steps(page):
    page.evaluate(
        f"""() => {{
          window.told = []; window.places = [];
          for (const name of ["step", "ended"]) {PLAYER}.addEventListener(name, e => {{
            window.told.push(name); window.places.push(e.detail.frame);
          }});
          {PLAYER}.seek(0);
        }}"""
    )
    page.locator("button.play").click()
    page.wait_for_function(f"{PLAYER}.state.frame > 0.2 && {PLAYER}.state.playing")
    page.locator(".flat").press(" ")
    assert not state(page)["playing"]
    page.evaluate(f"{PLAYER}.seek(48)")
    page.locator(".flat").press(" ")
    page.wait_for_function('window.told.includes("ended")', timeout=60_000)
    places = page.evaluate("window.places")
    assert any(place % 1 > 0.01 for place in places)
    assert places == sorted(places)
    found = state(page)
    assert (found["step"], found["playing"], found["ended"]) == (60, False, True)
    assert page.locator(".large").inner_text().strip() == "Play again"


def test_a_drag_turns_it_in_3d(page):
    page.get_by_role("button", name="3-D").click()
    canvas = page.locator(".deep canvas").first
    canvas.wait_for()
    painted(page)
    area = canvas.bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 10, steps=3)
    page.mouse.up()
    page.wait_for_function(f"{PLAYER}.state.camera !== ''")
    azimuth = float(state(page)["camera"].split(",")[0])
    assert azimuth != pytest.approx(-58, abs=5)
    assert page.locator(".large").is_hidden()
    page.get_by_role("button", name="2-D").click()


def test_a_drag_of_the_flat_picture_turns_it_in_3d_and_a_press_does_not(page):
    area = page.locator(".flat").bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    before = state(page)["camera"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3, y)
    page.mouse.up()
    page.mouse.move(x + 90, y, steps=3)  # no button is down
    assert state(page)["view"] == "2d"
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 10, steps=4)
    assert state(page)["view"] == "3d"
    page.mouse.move(x + 160, y + 10, steps=4)
    page.mouse.up()
    page.wait_for_function(f"before => {PLAYER}.state.camera !== before", arg=before)
    page.get_by_role("button", name="2-D").click()


FLAT = """() => {
  const place = document.createElement("div"), held = document.getElementById("recording-spirals");
  place.id = "flat_player";
  place.style.cssText = "position: fixed; inset: 0; z-index: 9; background: #fff";
  document.body.append(place);
  landscapePlayer.createPlayer(
    place, JSON.parse(held.textContent), {view: "2d", autoplay: false});
}"""
"""One more player, of which nobody has seen the surface."""

PAINTINGS = """canvas => {
  window.cameras = [];
  new MutationObserver(() => window.cameras.push(canvas.dataset.camera)).observe(
    canvas, {attributes: true, attributeFilter: ["data-paintings"]});
}"""
"""Keeps the camera of each painting."""


def test_its_surface_is_made_beforehand_and_the_first_picture_of_a_drag_is_turned(opened):
    folder, chromium = opened
    page = chromium.new_page(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    page.goto((folder / "presets" / "spirals.html").as_uri())
    page.evaluate(FLAT)
    canvas = page.locator("#flat_player .deep canvas").first
    page.locator("#flat_player canvas[data-finished]").wait_for(state="attached")
    assert page.locator("#flat_player").get_attribute("data-view") == "2d"
    assert not canvas.is_visible()
    assert canvas.get_attribute("data-paintings") == "1"
    before = json.loads(canvas.get_attribute("data-camera"))
    canvas.evaluate(PAINTINGS)
    page.mouse.move(500, 300)
    page.mouse.down()
    page.mouse.move(580, 310)
    page.wait_for_function("window.cameras.length")
    after = json.loads(page.evaluate("window.cameras[0]"))
    # 80 pixels to the right and 10 down, .008 radians each.
    assert after["turn"] - before["turn"] == pytest.approx(-0.64)
    assert after["lift"] - before["lift"] == pytest.approx(0.08)
    page.mouse.up()
    page.close()


def test_a_small_window_and_another_size_show_all_of_it(page):
    page.set_viewport_size({"width": 390, "height": 844})
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    flat = page.locator(".flat").bounding_box()
    assert flat["width"] > 330
    losses = page.locator(".losses")
    assert losses.evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    ratio = page.evaluate("Math.min(devicePixelRatio, 2)")
    drawn = page.evaluate('document.querySelector(".flat").width')
    assert drawn == pytest.approx(flat["width"] * ratio, abs=2)
    page.set_viewport_size({"width": 1366, "height": 768})


def test_it_plays_by_itself_once_and_a_surface_that_changes_is_drawn_anew(opened):
    folder, chromium = opened
    page = chromium.new_page(viewport={"width": 800, "height": 700})
    page.goto((folder / "presets" / "deep_skips.html").as_uri())
    page.wait_for_function("window.players && Object.keys(window.players).length")
    page.evaluate(f'{PLAYER}.view("2d")')
    page.wait_for_function(f"{PLAYER}.state.frame > 0.5")
    found = shipped("deep_skips")
    for step in (0, 20, 40):
        page.evaluate(f"{PLAYER}.seek({step})")
        middle = page.evaluate(f"{PLAYER}.valueAt(0, 0)")
        assert middle == pytest.approx(10 ** found.heights(step)[12, 12], rel=1e-5)
    words = json.loads(page.evaluate(f"JSON.stringify({PLAYER}.state)"))
    assert words == {**words, "step": 40, "playing": False, "view": "2d"}
    page.evaluate(f"{PLAYER}.destroy()")
    assert page.locator(".stage").count() == 0
    page.close()


def test_the_first_page_says_its_sentence_and_draws_a_thumbnail_of_each_run(opened):
    folder, chromium = opened
    page = chromium.new_page(viewport={"width": 1366, "height": 1400}, reduced_motion="reduce")
    page.goto((folder / "index.html").as_uri())
    page.wait_for_function("window.players && Object.keys(window.players).length")
    painted(page)
    said = page.locator(".sentence").inner_text().split()
    assert said[:5] == ["Every", "point", "is", "a", "network."]
    assert len(said) < 25
    thumbnails = page.locator("[data-thumbnail]")
    assert thumbnails.count() == 3
    colors = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 200, 90).data).size"
    assert all(one.evaluate(colors) > 20 for one in thumbnails.all())
    page.goto((folder / "presets" / "divergence.html").as_uri())  # which rolls uphill
    page.wait_for_function("window.players && Object.keys(window.players).length")
    assert page.locator(".sentence").text_content().strip() == ""
    page.close()


ALL = ("index.html", "presets/spirals.html", "tours/first_steps.html", "labs/dante.html")


@pytest.mark.parametrize(
    ("scheme", "paths"),
    [("light", ALL[::2]), pytest.param("dark", ALL, marks=pytest.mark.exhaustive)],
    ids=["light", "dark"],
)
def test_the_pages_can_be_used_by_all(opened, scheme, paths):
    folder, chromium = opened
    page = chromium.new_page(color_scheme=scheme, reduced_motion="reduce")
    for path in paths:
        page.goto((folder / path).as_uri())
        painted(page)
        found = Axe().run(page)
        assert found.violations_count == 0, (path, found.generate_report())
    page.close()
