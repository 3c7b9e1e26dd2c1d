"""What is on the screen obeys the settings and the run: seen in screenshots of the whole page."""

import io
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from browser_support import Visitor, browser, served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

SMALL = "#preset=spirals&step=30&slice.resolution=21"

PATH = """() => {
  const [view] = Bokeh.index.query(one => one.model.name === "landscape");
  if (!view) return null;
  const {x_scale, y_scale} = view.frame;
  const path = view.model.renderers.find(one => "near_x" in (one.data_source?.data ?? {}));
  const {x, y} = path.data_source.data;
  return Array.from(x, (value, i) => [x_scale.compute(value), y_scale.compute(y[i])]);
}"""
"""The pixels of the path's points on the canvas of the landscape from above."""

WATCH = f"""() => {{
  const path = {PATH};
  window.watched = [];
  const look = () => {{
    window.watched.push(path());
    window.watching = requestAnimationFrame(look);
  }};
  look();
}}"""

PALE = """() => {
  const inner = node => {
    for (const child of node.querySelectorAll("*")) {
      if (child.classList.contains("bk-Figure")) return child;
      const found = child.shadowRoot && inner(child.shadowRoot);
      if (found) return found;
    }
  };
  const up = node => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host;
  const opacity = () => {
    let least = 1;
    for (let node = inner(document); node; node = up(node))
      least = Math.min(least, Number(getComputedStyle(node).opacity));
    return least;
  };
  window.shades = [];
  const from = performance.now();
  const look = () => {
    window.shades.push([performance.now() - from, opacity()]);
    requestAnimationFrame(look);
  };
  look();
}"""
"""Note in every frame how opaque the landscape is, and after how many milliseconds."""


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served("panel", tmp_path_factory.mktemp("cache")) as url:
        yield url


def rest(visitor):
    """Wait until nothing is computed, and all is painted."""
    form = visitor.page.locator(".form")
    visitor.until(
        lambda: form.get_attribute("aria-busy") == "false" and visitor.frame() > 0, "rest", 120
    )
    visitor.still()
    visitor.painted()


def opened(chromium, url, link=SMALL):
    visitor = Visitor(chromium, url)
    visitor.page.goto(url + link, wait_until="commit")
    visitor.page.locator(".bar[data-frame]").first.wait_for(timeout=300_000)
    visitor.until(lambda: visitor.step() > 0 or "step=0" in link, "the run to come there")
    rest(visitor)
    return visitor


def shot(visitor):
    """The page as it is seen, (rows, columns, 3)."""
    visitor.page.mouse.move(5, 5)
    visitor.painted()
    return np.asarray(Image.open(io.BytesIO(visitor.page.screenshot())).convert("RGB"), int)


def landscape(visitor):
    """What is seen where the landscape is."""
    box = visitor.page.locator(".landscape").bounding_box()
    left, top = round(box["x"]), round(box["y"])
    seen = shot(visitor)
    return seen[top : top + round(box["height"]) - 60, left : left + round(box["width"])]


def saturation(seen):
    """How colourful the most colourful tenth of the pixels is, 0 to 255."""
    return float(np.percentile(seen.max(axis=2) - seen.min(axis=2), 90))


def different(one, other):
    """The fraction of pixels that are seen to differ."""
    if one.shape != other.shape:
        return 1.0
    return float((np.abs(one - other).max(axis=2) > 24).mean())


def test_a_pause_moves_no_pixel_of_the_path_and_its_link_shows_the_same_picture(chromium, server):
    visitor = opened(chromium, server)
    visitor.press("play")
    visitor.page.evaluate(WATCH)
    start = visitor.step()
    visitor.until(lambda: visitor.step() > start + 8, "the run to move")
    visitor.press("play")
    visitor.until(lambda: visitor.status() == "paused", "the run to be held")
    rest(visitor)
    watched = visitor.page.evaluate("cancelAnimationFrame(window.watching), window.watched")
    held = np.array(visitor.page.evaluate(PATH))
    live = [np.array(path) for path in watched if len(path) == len(held)]
    assert len({len(path) for path in watched}) > 3
    assert np.abs(live[0] - held).max() <= 2
    guest = opened(chromium, server, "#" + visitor.page.url.partition("#")[2])
    np.testing.assert_allclose(np.array(guest.page.evaluate(PATH)), held, atol=0.5)
    assert different(landscape(guest), landscape(visitor)) < 0.002
    assert guest.errors == visitor.errors == []
    guest.page.close()
    visitor.page.close()


@pytest.mark.exhaustive
def test_a_picture_of_other_settings_is_pale_at_once_and_back_leads_to_the_preset_before(
    chromium, server
):
    visitor = opened(chromium, server)
    full = saturation(landscape(visitor))
    visitor.page.evaluate(PALE)
    visitor.type("run.seed", "7")
    visitor.until(lambda: "run.seed=7" in visitor.page.url, "the link to name the seed")
    rest(visitor)
    shades = visitor.page.evaluate("window.shades")
    assert min(shade for _, shade in shades) < 0.5
    assert saturation(landscape(visitor)) > 0.8 * full
    step = visitor.step()
    visitor.open_preset("curved_valley")
    visitor.until(lambda: preset(visitor) == "curved_valley", "the preset's link")
    rest(visitor)
    visitor.page.go_back()
    visitor.until(lambda: preset(visitor) == "spirals", "the way back")
    rest(visitor)
    visitor.until(lambda: visitor.step() == step, "the run of before")
    assert visitor.page.locator("input[data-path='run.seed']").input_value() == "7"
    assert visitor.errors == []
    visitor.page.close()


def preset(visitor):
    return parse_qs(urlsplit(visitor.page.url).fragment).get("preset", [""])[0]


# --- the states that matter, one after the other ---


def turned(visitor):
    """Turn the surface with the hand, and draw near."""
    box = visitor.page.locator("canvas[data-frames]").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visitor.page.mouse.move(*middle)
    visitor.page.mouse.down()
    visitor.page.mouse.move(middle[0] + 120, middle[1] + 30, steps=4)
    visitor.page.mouse.up()
    visitor.until(lambda: "display.camera" in visitor.page.url, "the link to hold the camera")
    link = visitor.page.url
    visitor.page.mouse.wheel(0, -300)
    visitor.until(lambda: visitor.page.url != link, "the link to hold the distance")
    rest(visitor)


def camera(visitor):
    return visitor.page.locator("canvas[data-frames]").get_attribute("data-camera")


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["panel", "voila"])
def test_twelve_states_of_the_page_are_seen_as_they_are(kind, chromium, tmp_path):
    seen, folder = {}, tmp_path / "cache"
    with served(kind, folder) as url:
        visitor = opened(chromium, url, "#preset=spirals&step=60")

        def look(name):
            rest(visitor)
            seen[name] = landscape(visitor)
            Image.fromarray(shot(visitor).astype(np.uint8)).save(tmp_path / f"{name}.png")
            return seen[name]

        full = saturation(look("opened"))
        visitor.press("play")
        start = visitor.step()
        visitor.until(lambda: visitor.step() > start + 10, "the run to move")
        assert saturation(landscape(visitor)) > 0.8 * full
        visitor.press("play")
        visitor.until(lambda: visitor.status() == "paused", "the run to be held")
        look("paused")
        assert different(seen["paused"], seen["opened"]) > 0.02

        # Looked back at, and the last step again.
        visitor.page.locator("button[data-seek='first']").click()
        visitor.until(lambda: visitor.step() == 0, "the first step")
        assert different(look("first step"), seen["paused"]) > 0.005
        visitor.page.locator("button[data-seek='last']").click()
        visitor.until(lambda: visitor.step() > 60, "the last step")
        assert different(look("last step"), seen["paused"]) < 0.002

        # A point of the picture is told below it.
        area = visitor.page.locator(".bk-Figure").first.bounding_box()
        visitor.page.mouse.click(area["x"] + 0.4 * area["width"], area["y"] + 0.4 * area["height"])
        notice = visitor.page.locator(".point")
        notice.wait_for()
        rest(visitor)
        assert "PC1" in notice.inner_text()
        assert notice.bounding_box()["y"] >= area["y"] + area["height"] - 1
        look("point")
        visitor.press("leave_point")

        # In three dimensions; the link holds the camera; another preset has its own.
        visitor.press("view-3d")
        visitor.page.locator("canvas[data-frames]").wait_for()
        look("surface")
        turned(visitor)
        assert different(look("turned"), seen["surface"]) > 0.05
        guest = opened(chromium, url, "#" + visitor.page.url.partition("#")[2])
        visitor.until(  # both are painted in full once they rest
            lambda: different(landscape(guest), landscape(visitor)) < 0.02, "the same surface"
        )
        guest.page.close()
        home = camera(visitor)
        visitor.open_preset("curved_valley")
        visitor.until(lambda: preset(visitor) == "curved_valley", "the preset")
        rest(visitor)
        visitor.press("view-3d")
        visitor.until(lambda: camera(visitor) != home, "the usual camera")
        assert saturation(look("another preset")) > 0.3 * full
        visitor.press("view-2d")

        # Compared; while another batch size is computed the pictures are pale.
        visitor.open_preset("spirals")
        visitor.until(lambda: preset(visitor) == "spirals", "the preset")
        rest(visitor)
        visitor.press("keep")
        visitor.until(lambda: "kept=" in visitor.page.url, "the run to be kept")
        rest(visitor)
        visitor.type("run.batch_size", "16")
        visitor.until(lambda: "run.batch_size=16" in visitor.page.url, "the batch size")
        rest(visitor)
        visitor.press("view-compare")
        visitor.until(lambda: "display.show=compare" in visitor.page.url, "the comparison")
        look("compared")
        visitor.page.evaluate(PALE)
        visitor.type("run.batch_size", "300")
        line = visitor.page.get_by_text("This picture shows batch size 16")
        line.wait_for(timeout=3000)
        rest(visitor)
        first = next(time for time, shade in visitor.page.evaluate("shades") if shade < 0.9)
        assert first < 1000, f"pale after {first:.0f} ms"
        assert line.count() == 0
        assert different(look("compared again"), seen["compared"]) > 0.01

        # The start, a wild run, a game.
        visitor.press("view-2d")
        visitor.press("reset")
        visitor.until(lambda: visitor.step() == 0, "the start")
        look("start")
        wild = "preset=divergence&step=30&run.optimizer=adam&run.optimizer.learning_rate=100"
        visitor.page.evaluate("link => { location.hash = link; }", wild)
        visitor.until(lambda: visitor.step() == 30, "the wild run")
        look("wild")
        assert visitor.page.get_by_text("A random plane").count() == 0
        assert visitor.page.get_by_text("weights become very large").count() == 0
        visitor.open_preset("game")
        visitor.until(lambda: preset(visitor) == "game", "the game")
        look("game")
        assert visitor.page.get_by_text("test loss").count() == 0 or not any(
            one.is_visible() for one in visitor.page.get_by_text("test loss").all()
        )
        assert visitor.errors == []
        assert len(seen) >= 12
