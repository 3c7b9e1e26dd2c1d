"""The app as a visitor meets it: Voila and `panel serve` in a headless browser."""

import os
import signal
from contextlib import contextmanager
from urllib.parse import unquote

import psutil
import pytest

from browser_support import CANVASES, ROOT, Visitor, browser, served
from landscape_core.foundation.registry import entries
from landscape_lab.panels.base import SidePanel

OPACITIES = """figure => {
  const found = [];
  for (let node = figure; node; node = node.assignedSlot ?? node.parentElement
       ?? (node.getRootNode() instanceof ShadowRoot ? node.getRootNode().host : null)) {
    found.push(Number(getComputedStyle(node).opacity));
  }
  return found;
}"""

HANDED_OVER = """() => {
  const [{detail}] = performance.getEntriesByName("landscape-handed-over"), axes = [];
  const views = [...Bokeh.index];
  for (const view of views) {
    views.push(...view.child_views ?? []);
    if (view.model.type !== "Figure") continue;
    const figure = view.el.getBoundingClientRect(), {left, top, width, height} = view.frame.bbox;
    axes.push({left: figure.left + left, top: figure.top + top, width, height});
  }
  return [detail, axes.reduce((one, other) => other.width > one.width ? other : one)];
}"""
"""What was last seen of the recorded run, and where the axes of the live landscape are."""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def voila(cache):
    with served("voila", cache) as url:
        yield url


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """The address under `panel serve`, where a page more costs no kernel."""
    with served("panel", tmp_path_factory.mktemp("cache")) as url:
        yield url


@contextmanager
def guest_of(chromium, url, link=""):
    """One more page, which asks nobody else and has no errors; closed in the end."""
    guest = Visitor(chromium, url).open(link)
    yield guest
    assert guest.strangers == []
    assert guest.errors == []
    guest.page.close()


@pytest.fixture(scope="module")
def visitor(chromium, voila):
    """One page in Voila, opened once, after the recorded run; each test leaves it at rest."""
    guest = Visitor(chromium, voila)
    watch_recorded_run(guest, 60)
    return guest


NOTE_COVER = """() => {
    const stage = window.landscapeStage, give = stage.give
    stage.give = function () {
        const {style} = this.place
        window.coverTop ??= parseFloat(style.top) - parseFloat(style.getPropertyValue("--above"))
        give.call(this)
    }
}"""
"""Notes down to where the recorded run has covered the page: not the words above the picture."""


def watch_recorded_run(guest, step):
    """Open a page, go to a step of the recorded run, and wait until the live one shows it."""
    guest.page.goto(guest.url, wait_until="commit")
    guest.page.wait_for_function("() => window.landscapeStage")
    guest.page.locator("#stage canvas.flat").hover(position={"x": 300, "y": 200})
    assert guest.page.locator("#stage output.tip").get_attribute("data-value")
    assert not guest.page.locator(".bar[data-frame]").count()  # Python has drawn nothing yet
    guest.page.evaluate(NOTE_COVER)
    guest.page.evaluate("step => window.landscapeStage.player.seek(step)", step)
    guest.page.locator("#stage").wait_for(state="detached", timeout=90_000)


def check_hand_over(guest, step):
    """That the live page shows the step, and its axes lie where those of the recording were."""
    detail, axes = guest.page.evaluate(HANDED_OVER)
    assert detail["step"] == guest.step() == step
    assert detail["area"] == pytest.approx(axes, abs=1.5)
    landscape = guest.page.locator(".landscape").bounding_box()
    assert guest.page.evaluate("coverTop") == pytest.approx(landscape["y"], abs=1.5)


@pytest.fixture(autouse=True)
def _no_stranger_and_no_error(request):
    yield
    if "visitor" in request.fixturenames:
        seen = request.getfixturevalue("visitor")
        assert seen.strangers == []
        assert seen.errors == []


def test_the_live_page_takes_the_place_of_the_recorded_run_in_voila(visitor):
    check_hand_over(visitor, 60)


def test_the_live_page_of_a_server_goes_to_the_step_at_which_the_recorded_run_stands(
    chromium, panel
):
    guest = Visitor(chromium, panel)
    watch_recorded_run(guest, 20)
    check_hand_over(guest, 20)
    assert guest.strangers == []
    assert guest.errors == []
    guest.page.context.close()


def test_the_page_opens_with_a_preset_drawn_and_fits_the_screen(visitor):
    visitor.at_rest()
    assert visitor.step() == 60
    assert visitor.status() == "paused"
    box = visitor.page.evaluate("[document.scrollingElement.scrollHeight, innerHeight]")
    assert box[0] <= box[1]


def test_play_moves_the_run_pause_holds_it_and_step_moves_by_one(visitor):
    visitor.at_rest()
    start, before = visitor.step(), visitor.picture()
    visitor.press("play")
    visitor.until(lambda: visitor.step() > start + 5, "the run to move")
    assert visitor.status() == "running"
    visitor.press("play")
    visitor.until(lambda: visitor.status() == "paused", "the run to be held")
    visitor.at_rest()
    held = visitor.step()
    assert visitor.picture() != before
    visitor.press("step")
    visitor.until(lambda: visitor.step() == held + 1, "one step")
    visitor.at_rest()
    assert visitor.step() == held + 1


@pytest.mark.exhaustive
def test_the_browser_answers_a_picture_with_few_messages(visitor):
    visitor.press("play")
    visitor.until(lambda: visitor.status() == "running", "the run to start")
    start, sent = visitor.frame(), visitor.sent
    visitor.until(lambda: visitor.frame() > start + 20, "pictures")
    pictures, answers = visitor.frame() - start, visitor.sent - sent
    visitor.until(lambda: visitor.step() > 200, "losses of many digits")
    assert visitor.page.locator(".bar").evaluate("b => b.scrollWidth <= b.clientWidth")
    visitor.press("play")
    visitor.at_rest()
    assert (
        answers < 2 * pictures + 10
    )  # that it is drawn; and the questions whether Python is there


def test_the_pictures_are_opaque_again_after_another_preset_has_opened(visitor):
    visitor.at_rest()
    opened = visitor.preset()
    for preset in ("spirals", opened):
        drawn = visitor.frame()
        visitor.open_preset(preset)
        visitor.until(lambda: visitor.frame() > drawn, "the preset to be drawn")  # noqa: B023
        visitor.at_rest()
        visitor.until(lambda: set(opacities(visitor)) == {1.0}, "the pictures to be opaque")


def test_the_surface_moves_while_the_run_plays_and_keeps_its_camera(visitor):
    visitor.press("view-3d")
    canvas = visitor.page.locator("canvas[data-frames]")
    canvas.wait_for(state="visible")
    canvas.focus()
    turned = canvas.get_attribute("data-camera")
    visitor.page.keyboard.press("ArrowLeft")
    visitor.until(lambda: canvas.get_attribute("data-camera") != turned, "the camera to turn")
    camera = canvas.get_attribute("data-camera")
    drawn = int(canvas.get_attribute("data-frames"))
    visitor.press("play")
    visitor.until(
        lambda: int(canvas.get_attribute("data-frames")) > drawn + 5, "the surface to move"
    )
    visitor.press("play")
    visitor.until(lambda: visitor.status() == "paused", "the run to be held")
    assert canvas.get_attribute("data-camera") == camera
    visitor.at_rest()
    visitor.press("view-2d")


@pytest.mark.exhaustive
def test_another_optimizer_starts_from_the_same_weights_and_steps_elsewhere(visitor):
    visitor.at_rest()
    losses = []
    for name in ("heavy_ball", "sgd"):
        visitor.pick("run.optimizer", name)
        visitor.until(lambda: visitor.step() == 0, "the run to start anew")
        visitor.at_rest()
        assert f"run.optimizer={name}" in visitor.page.url
        start = visitor.reading("train_loss")
        visitor.type("run.optimizer.learning_rate", "0.3" if name == "sgd" else "0.1")
        visitor.at_rest()
        before = visitor.picture()
        visitor.press("step")
        visitor.until(lambda: visitor.step() == 1, "a step")
        visitor.at_rest()
        assert visitor.picture() != before
        losses.append((start, visitor.reading("train_loss")))
    assert losses[0][0] == losses[1][0]
    assert losses[0][1] != losses[1][1]


def test_the_batch_size_changes_without_a_reset(visitor):
    visitor.at_rest()
    visitor.press("step")
    visitor.at_rest()
    step = visitor.step()
    visitor.type("run.batch_size", "7")
    visitor.until(lambda: "run.batch_size=7" in visitor.page.url, "the link to name the batch size")
    assert visitor.step() == step
    before = visitor.picture()
    visitor.press("step")
    visitor.until(lambda: visitor.step() == step + 1, "a step with the new batch size")
    visitor.at_rest()
    assert visitor.picture() != before


def test_a_value_out_of_range_is_refused_at_its_control(visitor):
    visitor.at_rest()
    visitor.type("run.batch_size", "5000")
    error = visitor.page.locator(".row .error")
    error.wait_for()
    assert "at most the number of training examples, 300" in error.inner_text()
    visitor.type("run.batch_size", "50")
    visitor.until(lambda: error.count() == 0, "the message to go")


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("slice.directions", "random", "slice.directions=random"),
        ("slice.directions.normalization", "layer", "slice.directions.normalization=layer"),
        *(
            pytest.param(path, value, f"{path}={value}", marks=pytest.mark.exhaustive)
            for path, value in (
                ("run.problem.architecture", "residual_mlp"),
                ("run.problem.dataset", "moons"),
            )
        ),
    ],
)
def test_a_choice_changes_the_picture_and_the_configuration(visitor, path, value, word):
    visitor.at_rest()
    before, drawn = visitor.picture(), visitor.frame()
    visitor.pick(path, value)
    visitor.until(lambda: visitor.frame() > drawn, "a new picture")
    visitor.at_rest()
    visitor.until(lambda: word in visitor.page.url, "the link to name the choice")
    assert visitor.picture() != before


@pytest.mark.exhaustive
@pytest.mark.parametrize("panel", sorted(set(entries(SidePanel)) - {"boundary"}))
def test_other_figures_can_stand_beside_the_landscape(visitor, panel):
    def beside():
        return visitor.page.screenshot(clip={"x": 1026, "y": 60, "width": 340, "height": 700})

    visitor.at_rest()
    before = beside()
    visitor.pick("display.side_panel", panel)
    if panel == "convexity":  # of the network that is chosen by now, all points take a minute
        visitor.type("display.side_panel.resolution", "3")
    visitor.until(lambda: beside() != before, "other figures")
    visitor.until(lambda: f"display.side_panel={panel}" in unquote(visitor.page.url), "the link")
    visitor.at_rest()
    other = beside()
    visitor.pick("display.side_panel", "boundary")
    visitor.until(lambda: beside() != other, "the boundary again")
    visitor.at_rest()


@pytest.mark.exhaustive
def test_a_run_that_diverges_says_so_and_keeps_its_picture(visitor):
    visitor.page.goto("about:blank")
    visitor.open(
        "#preset=divergence&run.optimizer.learning_rate=100&run.problem.loss=squared_error"
    )
    visitor.press("play")
    visitor.until(lambda: visitor.status() == "diverged", "the run to diverge")
    message = visitor.page.locator(".message.alert")
    message.wait_for()
    assert "diverged at step" in message.inner_text()
    visitor.at_rest()
    assert visitor.step() > 0
    visitor.press("reset")
    visitor.until(lambda: visitor.status() == "ready", "the run to be reset")
    visitor.at_rest()


@pytest.mark.exhaustive
def test_changing_controls_while_a_run_goes_on_gives_one_going_run(chromium, panel):
    with guest_of(chromium, panel) as guest:
        guest.press("play")
        guest.until(lambda: guest.status() == "running", "the run to start")
        for value in ("0.05", "0.01", "0.03"):
            guest.type("run.optimizer.learning_rate", value)
        guest.pick("run.problem.architecture.activation", "tanh")
        guest.until(lambda: guest.step() < 40, "the new network to start from its beginning")
        step = guest.step()
        guest.until(lambda: guest.step() > step + 3, "the new network to train")
        guest.press("play")
        guest.until(lambda: guest.status() == "paused", "the run to be held")
        guest.at_rest()


def test_a_link_opens_the_same_view(chromium, panel):
    link = "#preset=curve_fitting&step=25&run.seed=3&display.scale=linear"
    with guest_of(chromium, panel, link) as guest:
        guest.at_rest()
        assert guest.step() == 25
        assert guest.page.locator("input[data-path='run.seed']").input_value() == "3"
        assert guest.page.locator("select[data-path='display.scale']").input_value() == "linear"


def test_panel_serve_shows_the_same_page(chromium, panel):
    with guest_of(chromium, panel) as guest:
        guest.at_rest()
        drawn = guest.frame()
        guest.open_preset("spirals")
        guest.until(lambda: guest.frame() > drawn, "the preset to be drawn")
        guest.at_rest()
        guest.until(lambda: set(opacities(guest)) == {1.0}, "the pictures to be opaque")
        start = guest.step()
        guest.press("play")
        guest.until(lambda: guest.step() > start + 5, "the run to move")
        guest.press("play")
        guest.until(lambda: guest.status() == "paused", "the run to be held")


SIGN = """() => {
  const plot = Bokeh.documents.map(one => one.get_model_by_name("landscape")).find(Boolean);
  const {canvas_view, frame} = Bokeh.index.find_one(plot);
  const {left, top} = canvas_view.events_el.getBoundingClientRect();
  const {x, y} = plot.renderers.map(one => one.data_source?.data).find(data => data?.rolls);
  return [left + frame.x_scale.compute(x[0]), top + frame.y_scale.compute(y[0])];
}"""
"""Where the sign of the run is on the page, in pixels."""


ENDS = """() => {
  const plot = Bokeh.documents.map(one => one.get_model_by_name("landscape")).find(Boolean);
  const sides = [plot.x_range, plot.y_range];
  return [sides.flatMap(one => [one.start, one.end]),
          sides.flatMap(one => [one.reset_start, one.reset_end])];
}"""
"""The ends of the axes that are shown, and those that Python has put."""


def test_the_sign_of_the_run_rolls_and_is_dragged_and_hovering_shows_the_network_there(
    chromium, panel
):
    link = "#preset=spirals&step=20&slice.resolution=11&slice.horizon=20"
    with guest_of(chromium, panel, link) as guest:
        guest.at_rest()
        before_glide = guest.page.evaluate(ENDS)
        boundary = guest.page.locator(".side .bk-Figure").last
        x, y = guest.page.evaluate(SIGN)
        before = boundary.evaluate(CANVASES)
        guest.page.mouse.move(x - 60, y - 40)
        guest.page.mouse.move(x - 60, y - 43)
        guest.until(lambda: boundary.evaluate(CANVASES) != before, "the network under the mouse")
        hovered = boundary.evaluate(CANVASES)
        guest.page.mouse.move(5, 5)
        guest.until(lambda: boundary.evaluate(CANVASES) != hovered, "the run's network again")
        assert guest.page.locator(".rolling-ball").count() == 0
        guest.press("play")
        guest.page.locator(".rolling-ball").wait_for(state="attached")
        guest.until(lambda: guest.step() > 20, "the horizon to be passed")
        guest.press("play")
        guest.at_rest()
        shown, wanted = guest.page.evaluate(ENDS)  # the axes have glided to another extent
        assert shown == wanted != before_glide[1]
        assert guest.page.locator(".rolling-ball").count() == 0
        x, y = guest.page.evaluate(SIGN)
        guest.page.mouse.move(x, y)
        guest.page.mouse.down()
        guest.page.mouse.move(x - 60, y - 40, steps=4)
        guest.page.mouse.up()
        guest.until(lambda: "from=" in guest.page.url, "a run that starts there")
        guest.at_rest()
        assert guest.step() == 0
        guest.press("undo")
        guest.until(lambda: "from=" not in guest.page.url, "the run before")


def test_a_dead_kernel_is_said_and_offers_a_reload(visitor, cache):
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if "ipykernel_launcher" in words and str(cache) in _environment(process):
            os.kill(process.pid, signal.SIGKILL)
    visitor.page.locator(".landscape-gone button").wait_for(timeout=60_000)
    visitor.errors.clear()  # the browser tells of the connection that is lost


def opacities(visitor):
    """How opaque every figure that is visible is, with all that it lies in."""
    figures = visitor.page.locator(".bk-Figure").all()
    return [
        opacity
        for figure in figures
        if figure.is_visible()
        for opacity in figure.evaluate(OPACITIES)
    ]


def _environment(process):
    try:
        return process.environ().get("LANDSCAPE_CACHE", "")
    except psutil.Error:
        return ""


@pytest.mark.exhaustive
def test_the_notebook_that_binder_opens_shows_the_same_page(chromium, cache):
    with (
        served("voila", cache, ROOT / "notebooks" / "app.ipynb") as url,
        guest_of(chromium, url) as guest,
    ):
        guest.at_rest()
        guest.press("step")
        guest.until(lambda: guest.step() > 0, "a step of the run")
