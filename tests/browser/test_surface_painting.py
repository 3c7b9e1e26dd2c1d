"""The painter of surfaces on one page without a server: light, lines, path, camera and motion.

What needs no canvas is compared with plain numpy; the page is that of the interactive file.
"""

import io

import numpy as np
import pytest
import xarray as xr
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from browser_support import browser, said
from landscape_lab.components.surface.pictured import pictured
from landscape_lab.components.surface.surface import SCRIPT, alone
from landscape_lab.figures import theme
from landscape_lab.figures.camera import TALL, Camera

CANVAS = "canvas[data-frames]"

PAINTINGS = f"Number(document.querySelector('{CANVAS}').dataset.paintings)"

FRAMES = "() => new Promise(done => { let n = 30; const next = () => --n ? "
FRAMES += "requestAnimationFrame(next) : done(); next(); })"
"""Wait for thirty frames of the browser."""

TOLD = f"document.querySelector('{CANVAS}').dataset.camera"

NAMED = (
    "levels, ticksOf, linesOf, ruled, unpackedAll, shaped, ground, placed, strung, lit, cameraAt, "
    "seenAt, hidden, marginsOf, thrown, glided, mayOrbit, paced, resting, places, HEIGHT, FLOOR, "
    "rollingTime, cornerAt, placeAt, sameHeights, ANSWER, render"
)

SIZE = 700, 540


def valley(columns=21, rows=17):
    """A steep valley with a slice of which a corner is not finite, and a path down its wall."""
    alpha, beta = np.linspace(-2, 3, columns), np.linspace(-1, 1, rows)
    loss = 0.02 + (alpha - 1) ** 2 + 9 * (beta[:, None] + 0.2 * alpha) ** 2
    loss[:2, :3] = np.nan
    slice_ = xr.Dataset(
        {
            "loss": (("split", "beta", "alpha"), loss[None]),
            "computed": (("beta", "alpha"), np.ones(loss.shape, bool)),
        },
        {"split": ["train"], "alpha": alpha, "beta": beta},
    )
    way = np.linspace(0, 1, 7)
    path = xr.Dataset(
        {
            "alpha": ("step", -1.5 + 2.4 * way),
            "beta": ("step", 0.8 - 0.95 * way),
            "loss": ("step", 9.0 - 8.0 * way),  # not those of the slice
        },
        {"step": np.arange(7)},
    )
    return slice_, path


@pytest.fixture(scope="module")
def page():
    with browser() as chromium:
        opened = chromium.new_page(viewport=dict(zip(("width", "height"), SIZE, strict=True)))
        errors = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        content = alone(*valley(), scale="log")
        show = f"<script type=module>{SCRIPT}\nwindow.lab = {{{NAMED}}};</script>"
        opened.set_content(
            f"<!doctype html><html><body style='margin:0'>"
            f"<div style='height:{SIZE[1]}px'>{content}</div>{show}</body></html>"
        )
        opened.locator(CANVAS).wait_for()
        opened.wait_for_function("() => window.lab")
        yield opened
        assert errors == []


def frame_of(page, expression, frame=None):
    """The value of an expression of `lab` and `frame`, the picture of the valley."""
    frame = pictured(*valley(), seen=None, scale="log").frame if frame is None else frame
    numbers = [None if value != value else float(value) for value in np.frombuffer(frame, "<f4")]
    return page.evaluate(
        "numbers => { const frame = lab.unpackedAll(new Float32Array(numbers.map("
        f"v => v === null ? NaN : v)).buffer)[0]; return {expression}; }}",
        numbers,
    )


@pytest.mark.browser
@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [(0.0, 3.7, "linear"), (-2.0, 4.5, "log"), (-1.1, -0.1, "log"), (-0.4, 0.2, "log"),
     (-2.0, -1.3, "linear"), (-9.0, 12.0, "log"), (1e-6, 3e-6, "linear"), (2e6, 9e6, "linear")],
)  # fmt: skip
@pytest.mark.parametrize("cut", [False, True])
def test_lines_and_ticks_are_those_of_the_map_seen_from_above(page, low, high, scale, cut):
    given = [low, high, scale == "log", cut]
    found = page.evaluate("given => lab.levels(...given)", given)
    np.testing.assert_allclose(found, theme.levels(low, high, scale), rtol=1e-12)
    named = page.evaluate("given => lab.ticksOf(...given)", given)
    expected = theme.ticks(low, high, scale, cut=cut)
    np.testing.assert_allclose([at for at, _ in named], list(expected), rtol=1e-12)
    assert [words for _, words in named] == list(expected.values())


@pytest.mark.browser
def test_the_nearest_line_is_found_by_level_and_those_of_the_map_are_strongest(page):
    lines = np.array(page.evaluate("lab.ruled(-2, 1, true)"))
    strong = lines[lines[:, 1] == 255, 0]
    np.testing.assert_allclose(strong, (theme.levels(-2.0, 1.0, "log") + 2) / 3, atol=1e-12)
    texels = np.array(page.evaluate("[...lab.linesOf(-2, 1, true, 256)]")).reshape(256, 4)
    at = (256 * texels[:, 0] + texels[:, 1]) / 65535
    middle = (np.arange(256) + 0.5) / 256
    nearest = np.abs(lines[:, 0][None] - middle[:, None]).argmin(axis=1)
    np.testing.assert_allclose(at, lines[nearest, 0], atol=1e-4)
    assert (texels[:, 2] == lines[nearest, 1]).all()


@pytest.mark.browser
def test_a_wall_takes_the_sun_from_what_lies_behind_it_and_sky_from_what_lies_beside_it(page):
    shares = "n => { const z = new Float32Array(n * n); for (let r = 0; r < n; r++) z[r * n + 10]"
    shares += " = 1; const {shares} = lab.lit(z, n, n, lab.HEIGHT); return [...shares]; }"
    found = np.array(page.evaluate(shares, 21)).reshape(21, 21, 2)
    sky, sun = found[10, :, 0], found[10, :, 1]
    # The sun stands in the west: the wall's shadow lies on the columns behind it.
    assert sun[8] == 1
    assert sun[10] == 1
    assert sun[12] == pytest.approx(0, abs=1e-6)
    assert sun[20] > sun[12]
    assert sky[10] == 1
    assert sky[9] < sky[7] < sky[3]
    assert sky[9] == pytest.approx(sky[11], abs=1e-6)


@pytest.mark.browser
def test_points_of_a_path_that_lie_on_one_pixel_are_one_corner_and_its_ends_stay(page):
    steps, past = 400, 300
    turn = np.linspace(0, 6, steps)
    path = np.stack([0.5 + 1e-3 * np.cos(turn), 0.5 + 1e-3 * np.sin(turn), turn], axis=1)
    path[0] = -0.5, -0.5, 0  # from here to where it stays
    given = {
        "steps": steps,
        "past": past,
        "a0": -1,
        "a1": 1,
        "b0": -1,
        "b1": 1,
        "low": 0,
        "high": 1,
    }
    corners, here = page.evaluate(
        """([frame, path]) => {
          const whole = {...frame, times: [], path: new Float32Array(path)}, under = () => 0;
          const {corners, here} = lab.strung(whole, lab.placed(whole, under), under, .1);
          return [[...corners], here]; }""",
        [given, path.ravel().tolist()],
    )
    corners = np.array(corners).reshape(-1, 4)
    assert len(corners) < 40
    for corner, step in ((0, 0), (here, past - 1), (-1, steps - 1)):
        np.testing.assert_allclose(corners[corner, :2], path[step, :2], atol=1e-6)
    for x, y in path[1:, :2]:  # nothing is left out that could be seen
        assert np.hypot(corners[:, 0] - x, corners[:, 1] - y).min() < 0.004


@pytest.mark.browser
def test_the_path_lies_on_the_surface_between_its_points_too_and_tells_where_its_losses_differ(
    page,
):
    made = frame_of(
        page,
        "(() => { const mesh = lab.shaped(frame, 5), under = lab.ground(mesh),"
        " {corners, plumbs, here} = lab.strung(frame, lab.placed(frame, under), under, .02);"
        " return {corners: [...corners], plumbs: [...plumbs], here, holes: mesh.holes,"
        " on: [...Array(corners.length / 4).keys()].map(i => under(corners[4 * i],"
        " corners[4 * i + 1]))}; })()",
    )
    corners = np.array(made["corners"]).reshape(-1, 4)
    assert len(corners) > 60
    assert made["here"] == len(corners) - 1
    np.testing.assert_allclose(corners[:, 2], made["on"], atol=1e-6)
    assert (np.diff(corners[:, 3]) > 0).all()
    assert made["holes"] == 6
    # Each plumb line joins the loss of the path with the surface at the same place.
    plumbs, (slice_, path) = np.array(made["plumbs"]).reshape(-1, 2, 4), valley()
    np.testing.assert_allclose(plumbs[:, 0, :2], plumbs[:, 1, :2])
    low, high = theme.limits(np.log10(slice_["loss"].values[0]))
    own = np.clip((np.log10(path["loss"].values) - low) / (high - low), 0, 1) * TALL - 0.5
    for (_, _, height, time), (_, _, foot, _) in plumbs:
        assert height == pytest.approx(own[round(6 * time)], abs=1e-5)
        assert abs(height - foot) > 0.02 * TALL


@pytest.mark.browser
@pytest.mark.parametrize("lift", [20, 24, 42, 80])
@pytest.mark.parametrize("size", [(704, 548), (1366, 600), (390, 400)])
def test_the_box_fills_its_place_from_every_side_and_is_never_cut(page, lift, size):
    corners = np.array(
        page.evaluate(
            "([lift, w, h]) => [...Array(12).keys()].map(k => { const seen = lab.cameraAt({turn:"
            " k * Math.PI / 6, lift: lift * Math.PI / 180, far: 4.45}, w, h, lab.marginsOf(1, w));"
            " return [-1, 1].flatMap(x => [-1, 1].flatMap(y => [lab.FLOOR, lab.HEIGHT - .5].map("
            "z => lab.seenAt(seen, x, y, z)))); })",
            [lift, *size],
        )
    )
    across, up = corners[..., 0] / size[0], corners[..., 1] / size[1]
    assert across.min() > 0
    assert across.max() < 1
    assert up.min() > 0
    assert up.max() < 1
    widest = max(np.ptp(across, axis=1).max(), np.ptp(up, axis=1).max())
    assert widest > 0.72  # of the place; words take the rest


@pytest.mark.browser
def test_the_camera_glides_a_little_and_turns_by_itself_only_when_nobody_does_anything(page):
    thrown = "([speed, ago]) => lab.thrown(speed, ago)"
    assert page.evaluate(thrown, [0.002, 200]) == 0
    assert 0 < page.evaluate(thrown, [0.002, 10]) < 0.5
    assert page.evaluate(thrown, [9, 10]) < 0.5
    assert page.evaluate("[0, 50, 500].map(lab.glided)") == pytest.approx(
        [0, 1 - np.exp(-50 / 110), 1], abs=0.02
    )
    may = {"idle": 20_000, "busy": False, "seen": True, "still": False}
    for change, expected in (
        ({}, True), ({"idle": 19_000}, False), ({"busy": True}, False), ({"seen": False}, False),
        ({"still": True}, False),
    ):  # fmt: skip
        assert page.evaluate("lab.mayOrbit", may | change) is expected
    assert page.evaluate("lab.paced(.75, 60)") < 0.75 < page.evaluate("lab.paced(.75, 10)")
    assert page.evaluate("lab.paced(.5, 60)") == 0.5
    assert page.evaluate("[10, 200, 9000].map(lab.resting)") == [300, 800, 1000]


@pytest.mark.browser
def test_the_sign_of_the_run_rolls_along_the_path_from_where_it_was(page):
    assert page.evaluate("[10, 60, 9000].map(gap => lab.rollingTime(gap, false))") == [0, 60, 300]
    assert page.evaluate("lab.rollingTime(60, true)") == 0
    corners = [0, 0, 0, 0, 0.5, 0, 1, 0.5, 0.5, 0.5, 2, 1]  # x, y, z and time of three
    at = "([corners, here, place]) => lab.cornerAt(corners, here, place)"
    for place, here, expected in (
        ([0.25, 0.01], 2, 0.5),
        ([0.5, 0.1], 2, 1.2),
        ([0.5, 0.1], 1, 1),  # what is ahead does not count: too far, it stands
        ([0.9, 0.9], 2, 2),
        ([0, 0], 0, 0),
    ):
        assert page.evaluate(at, [corners, here, place]) == pytest.approx(expected)
    places = page.evaluate("corners => [1.5, 2].map(at => lab.placeAt(corners, at))", corners)
    assert places == [[0.5, 0.25, 1.5], [0.5, 0.5, 2]]


@pytest.mark.browser
def test_a_surface_is_the_same_only_with_the_same_heights_holes_size_and_range(page):
    same = """changes => {
      const one = {rows: 1, columns: 3, low: 0, high: 1, heights: [0, NaN, .5]};
      return lab.sameHeights({...one, ...changes}, one); }"""
    assert page.evaluate(same, {})
    for changes in ({"columns": 4}, {"high": 2}, {"heights": [0, 0.1, 0.5]}):
        assert not page.evaluate(same, changes)
    assert not page.evaluate("lab.sameHeights({rows: 1}, undefined)")
    filled = "() => lab.sameHeights({rows: 1, heights: [NaN]}, {rows: 1, heights: [1]})"
    assert not page.evaluate(filled)


@pytest.mark.browser
def test_pictures_that_are_compared_are_read_from_one_message(page):
    one = pictured(*valley(), seen=None, scale="log").frame
    other = pictured(*valley(9, 7), seen=2, scale="linear").frame
    numbers = np.frombuffer(one + other, "<f4")
    found = page.evaluate(
        "numbers => lab.unpackedAll(new Float32Array(numbers).buffer).map("
        "f => [f.rows, f.columns, f.steps, f.past, f.logged])",
        np.nan_to_num(numbers).tolist(),
    )
    assert found == [[17, 21, 7, 7, True], [7, 9, 7, 3, False]]
    for count, width, height, last in (
        (1, 700, 500, [0, 0, 1, 1]),
        (2, 1046, 400, [1 / 2, 0, 1 / 2, 1]),
        (3, 1046, 455, [2 / 3, 0, 1 / 3, 1]),
        (4, 900, 800, [1 / 2, 1 / 2, 1 / 2, 1 / 2]),
        (2, 390, 800, [0, 1 / 2, 1, 1 / 2]),
    ):
        every = page.evaluate("given => lab.places(...given)", [count, width, height])
        assert len(every) == count
        found = [every[-1][side] for side in ("left", "top", "width", "height")]
        assert found == pytest.approx(last)


@pytest.mark.browser
def test_the_page_paints_the_light_keeps_its_colours_and_comes_home(page):
    canvas = page.locator(CANVAS)
    assert said(canvas, "holes") == "6"
    assert page.evaluate("lab.HEIGHT") == TALL
    assert "training loss" in canvas.get_attribute("aria-label")
    shown = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
    colors = np.asarray(shown).reshape(-1, 3).astype(int)
    assert len(np.unique(colors // 16, axis=0)) > 120
    home = said(canvas, "camera")
    drawn = canvas.screenshot()
    canvas.press("ArrowLeft")
    page.wait_for_function(f"home => {TOLD} !== home", arg=home)
    page.locator("button[data-action='camera-home']").click()
    page.wait_for_function(f"home => {TOLD} === home", arg=home)
    # The losses of the path, which differ from the slice's, are shown when asked for.
    drop = page.locator("button[data-action='plumbs']")
    assert drop.get_attribute("aria-pressed") == "false"
    painted = page.evaluate(PAINTINGS)
    drop.click()
    page.get_by_text("loss after each step").wait_for()
    assert drop.get_attribute("aria-pressed") == "true"
    page.wait_for_function(f"painted => {PAINTINGS} > painted", arg=painted)
    assert canvas.screenshot() != drawn
    # What is at rest is not painted again.
    page.evaluate(FRAMES)
    page.wait_for_function(f"() => document.querySelector('{CANVAS}').width > {SIZE[0]}")
    painted = page.evaluate(PAINTINGS)
    page.evaluate(FRAMES)
    assert page.evaluate(PAINTINGS) == painted
    # A dark page sets the properties, and the picture follows.
    page.evaluate("document.documentElement.style.setProperty('--wash', '#102030')")
    page.wait_for_function(f"painted => {PAINTINGS} > painted", arg=painted)
    dark = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)
    assert dark.mean() < colors.mean() - 2
    found = Axe().run(page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == [
        "document-title",
        "html-has-lang",
    ]  # which the file has, and this page has not


def test_a_camera_that_is_set_is_that_of_the_page():
    assert '"camera": "20, 50, 3"' in alone(*valley(), camera=Camera(20, 50, 3))
    assert '"camera": ""' in alone(*valley())


SURFACE = """() => {
  const heard = {}, on = (name, act) => { heard[name] = act; }, el = document.createElement("div");
  el.style.cssText = "position:fixed;left:0;top:0;width:500px;height:400px;background:white";
  document.body.append(el);
  window.sent = [];
  const model = {
    colors: ["#102030", "#a0b0c0", "#ffffff"], times: ["#ffffff", "#ff8800", "#cc3300"],
    home: [-58, 24, 4.45], camera: "", labels: ["alpha", "beta", "loss"], size: 1, on,
    send_msg: said => window.sent.push(said),
  };
  lab.render({model, el});
  const data = text => new Float32Array(text.map(v => v === null ? NaN : v)).buffer;
  window.own = el.querySelector("canvas");
  window.show = (frame, rolls) => {
    heard["msg:custom"]({data: {rolls}});
    if (frame) heard["msg:custom"]({data: data(frame)});
  };
  window.shown = () => own.dataset.current?.split(",").map(Number);
}"""
"""A surface whose messages the test sends, and hears."""


RESTS = """() => new Promise(done => {
  let before = "", same = 0, left = 600;
  const next = () => {
    same = own.dataset.paintings === before ? same + 1 : 0;
    before = own.dataset.paintings;
    if (same > 90 || !left--) done(same > 90); else requestAnimationFrame(next);
  };
  next();
})"""
"""Whether it is not painted for ninety frames of the browser, of the next six hundred."""


def numbers_of(**looks):
    frame = np.frombuffer(pictured(*valley(), scale="log", **looks).frame, "<f4")
    return [None if value != value else float(value) for value in frame]


def place_of(step):
    """Where the box has a step of the path, along both axes."""
    _, path = valley()
    alpha, beta = (float(path[name][step]) for name in ("alpha", "beta"))
    return 2 * (alpha + 2) / 5 - 1, beta


def sign(page):
    """The sign of the run: its place in the box, and on the page in pixels."""
    across, up = map(float, page.evaluate("own.dataset.place").split(","))
    area = page.evaluate("(({left, top, width, height}) => [left, top, width, height])"
                         "(own.getBoundingClientRect())")  # fmt: skip
    spot = area[0] + across * area[2], area[1] + up * area[3]
    return page.evaluate("shown()"), spot


@pytest.fixture(scope="module")
def own(page):
    """The page with a second surface, of which step 1 is shown."""
    page.evaluate(SURFACE)
    page.evaluate("frame => show(frame, false)", numbers_of(seen=1))
    page.wait_for_function("() => shown()")
    return page


@pytest.mark.browser
def test_while_a_run_goes_on_its_sign_rolls_on_the_surface_and_at_rest_it_stands_where_it_is(own):
    assert sign(own)[0][:2] == pytest.approx(place_of(1), abs=1e-3)
    record = """([frame, rolls]) => new Promise(done => {
      const places = [];
      show(frame, rolls);
      const next = () => { places.push(shown()); places.length < 60 ? requestAnimationFrame(next) : done(places); };
      requestAnimationFrame(next);
    })"""  # noqa: E501
    own.evaluate("frame => show(frame, true)", numbers_of(seen=1))
    own.evaluate(FRAMES)  # longer than it rolls at most
    places = np.array(own.evaluate(record, [numbers_of(seen=3), True]))
    (x1, y1), (x3, y3) = place_of(1), place_of(3)
    share = (places[:, 0] - x1) / (x3 - x1)
    assert share[0] < 0.5
    assert ((share > 0.02) & (share < 0.98)).any()  # it was on its way
    assert (np.diff(share) > -1e-3).all()
    np.testing.assert_allclose(places[:, 1], y1 + share * (y3 - y1), atol=2e-3)  # along the path
    own.wait_for_function("x => Math.abs(shown()[0] - x) < 1e-3", arg=x3)
    # The run is held on the way: it stands at its place at once, and costs nothing.
    own.evaluate("frame => show(frame, true)", numbers_of(seen=5))
    own.evaluate("frame => show(frame, false)", numbers_of(seen=5))
    own.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    assert sign(own)[0][:2] == pytest.approx(place_of(5), abs=1e-3)
    # Where motion is to be reduced, it never rolls.
    own.emulate_media(reduced_motion="reduce")
    own.evaluate(FRAMES)
    places = np.array(own.evaluate(record, [numbers_of(seen=2), True]))
    own.emulate_media(reduced_motion="no-preference")
    assert set(np.round(places[:, 0], 3)) <= {round(place_of(n)[0], 3) for n in (5, 2)}
    own.evaluate("show(null, false)")
    assert own.evaluate(RESTS)
    assert own.evaluate("own.width") > 500  # painted in full


HELD = """frame => new Promise(done => {
  const before = own.dataset.paintings, began = performance.now(), how = {bubbles: true, composed: true};
  own.dispatchEvent(new CustomEvent("landscape", {...how, detail: {asked: "run.optimizer"}}));
  show(frame, false);
  const next = () => own.dataset.paintings === before ? requestAnimationFrame(next)
    : done(performance.now() - began);
  next();
})"""  # noqa: E501
"""Milliseconds from a changed setting, and a picture at once, to the next painting."""


@pytest.mark.browser
def test_in_software_an_older_picture_does_not_delay_the_answer_to_a_changed_setting(own):
    own.evaluate("frame => show(frame, false)", numbers_of(seen=2))
    assert own.evaluate(RESTS)
    assert own.evaluate(HELD, numbers_of(seen=4)) >= own.evaluate("lab.ANSWER")
    assert sign(own)[0][:2] == pytest.approx(place_of(4), abs=1e-3)  # late, but not lost


@pytest.mark.browser
def test_the_sign_of_the_run_is_dragged_to_where_a_run_is_to_start(own):
    own.evaluate("frame => show(frame, false)", numbers_of(seen=2))
    own.wait_for_function("x => Math.abs(shown()[0] - x) < 1e-3", arg=place_of(2)[0])
    (*place, _), (left, top) = sign(own)
    mouse, camera = own.mouse, own.evaluate("own.dataset.camera")
    mouse.move(left + 60, top + 30)
    assert own.evaluate("own.style.cursor") == "grab"
    mouse.move(left, top)
    assert own.evaluate("own.style.cursor") == "pointer"

    def drag(by_x, by_y):
        own.evaluate("sent.length = 0")
        mouse.move(left, top)
        mouse.down()
        mouse.move(left + by_x, top + by_y, steps=4)
        own.evaluate(FRAMES)
        return sign(own)[0][:2]

    asked = "sent.filter(one => !['hover', 'turned'].includes(one.action))"
    carried = drag(40, 30)
    assert np.hypot(*np.subtract(carried, place)) > 0.05
    own.keyboard.press("Escape")
    own.wait_for_function("x => Math.abs(shown()[0] - x) < 1e-3", arg=place[0])
    mouse.move(left + 90, top + 50)
    mouse.up()
    assert "drop" not in [one["action"] for one in own.evaluate(asked)]
    drag(-1000, -1000)  # beside the surface
    mouse.up()
    assert "drop" not in [one["action"] for one in own.evaluate(asked)]
    own.wait_for_function("x => Math.abs(shown()[0] - x) < 1e-3", arg=place[0])
    carried = drag(40, 30)
    mouse.up()
    told = own.evaluate(asked)[-1]
    assert told["action"] == "drop"
    assert [2 * (told["alpha"] + 2) / 5 - 1, told["beta"]] == pytest.approx(carried, abs=1e-3)
    assert own.evaluate("own.dataset.camera") == camera
    # As no run has started there, it goes back; a finger may carry it, too.
    own.wait_for_function("x => Math.abs(shown()[0] - x) < 1e-3", arg=place[0])
    own.evaluate(
        "([x, y]) => [['down', 0], ['move', 30], ['move', 40], ['up', 40]].forEach(([name, by]) =>"
        " own.dispatchEvent(new PointerEvent(`pointer${name}`, {pointerId: 1, button: 0,"
        " pointerType: 'touch', clientX: x + by, clientY: y + by})))",
        [left + 18, top],
    )
    assert [one["action"] for one in own.evaluate(asked)][-1] == "drop"
    own.evaluate("show(null, true)")  # while it rolls, nobody takes hold of it
    drag(40, 30)
    mouse.up()
    assert own.evaluate("own.dataset.camera") != camera
