"""The controls by keyboard, by touch, narrow, and for a projector; and what axe-core finds.

The controls stand on a small page of their own, served by `panel serve`; the last tests look at the
whole app.
"""

import json
import textwrap

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser_support import Visitor, browser, served
from landscape_lab.figures.color_schemes import DARK, LIGHT

PAGE = """
import panel as pn

from landscape_lab.bridge.jupyter import setup, show

setup()

from bokeh.plotting import figure

from landscape_lab.components.appearance.appearance import Appearance
from landscape_lab.components.examples.examples import Examples
from landscape_lab.components.form.form import Form
from landscape_lab.components.guide.guide import Guide
from landscape_lab.components.shortcuts.shortcuts import Shortcuts
from landscape_lab.components.timeline.timeline import Timeline
from landscape_lab.components.toolbar.toolbar import Toolbar
from landscape_lab.figures import theme
from landscape_lab.state.show_steps import ShowStep

NAMES = ("play step reset seed speed view preset restore undo redo keep forget export projector "
         "stop start_here leave_point drawn ready 2d 3d compare").split()
PROGRESS = {"what": "refining the picture", "done": 812, "total": 2601, "left": 3.2,
            "training": False}
POINT = {"alpha": 0.31, "beta": -0.2, "values": {"train_loss": 0.42, "test_loss": 0.5}}
STEPS = list(range(0, 122, 2))
log = pn.pane.Str("", css_classes=["log"], margin=0, styles={"color": "var(--ink)"})
projector = False


def act(name, *values):
    global projector
    if name == "ready":
        bar.set({"step": 120, "epoch": 7.5, "time": 1.2, "train_loss": 0.3123, "test_loss": 0.41,
                 "test_accuracy": 0.914, "status": "paused", "preset": "one", "speed": 1,
                 "view": "2d", "can_undo": True, "changed": True, "frame": 1})
        line.set(STEPS, 120, playing=False, loss=0.31)
    elif name != "drawn":
        log.object += " ".join(["", name, *map(str, values)])
    if name == "projector":
        projector = not projector
        bar.set({"projector": projector})
    if name == "keep":
        bar.set({"kept": 1})
    if name == "redo":
        bar.set({"preset": "two"})
    if name == "seed":
        bar.set({"progress": PROGRESS, "point": POINT})
    if name == "undo":
        bar.set({"progress": PROGRESS | {"what": "Training", "training": True}})
    if name == "reset":
        plot.xaxis.axis_label_text_color = theme.INK
    if name == "stop":
        bar.set({"progress": None, "point": None})


def seek(step):
    log.object += f" seek {step}"
    line.set(STEPS, 4 if step == 60 else step, playing=False, loss=0.5)


actions = {name: (lambda *values, name=name: act(name, *values)) for name in NAMES}
TITLES = {"one": "A first valley", "two": "A valley whose title is as long as none should be"}
bar = Toolbar([{"name": name, "title": TITLES[name]} for name in TITLES], actions)
form = Form(lambda path, value: act("choose", path, value), lambda path: act("row", path))
line = Timeline(seek)
plot = figure(name="plot", x_axis_label="x", width=160, height=60)
plot.line([0, 1], [0, 1], color=theme.PATH)
theme.style(plot)
steps = (ShowStep("set", "name", "y", "Set name to y"),)
shows = {"begin": lambda found: guide.point_at({**found[0].plain(), "at": 0, "of": 1}),
         "act": lambda at: (act("acted", at), guide.point_at(None)),
         "stop": lambda: (act("stopped"), guide.point_at(None))}
guide = Guide({}, lambda link: None, lambda tour, step: None, shows=shows)
guide.show_preset("Why is it so?", "Look at it.", "The answer is that it is so. " * 9, None, steps)
PRESETS = [{"name": name, "title": name.title(), "point": "It goes down."} for name in ("a", "b")]
examples = Examples(PRESETS, lambda name: act("example", name))
OPTIONS = [{"value": name, "label": name, "help": "", "group": ""} for name in ("sgd", "adam")]
CARD = {"title": "SGD", "text": "Steps down.", "formula": "a; b", "source": "Somebody, 1951"}
form.show([{"title": "Optimizer", "help": "how it moves", "fields": [
    {"path": "kind", "label": "optimizer", "help": "the rule that moves", "value": "sgd",
     "kind": "choice", "options": OPTIONS, "card": CARD},
    {"path": "rate", "label": "learning rate", "help": "step size", "value": 0.1, "changed": True,
     "kind": "number", "low": 0.001, "high": 1.0, "scale": "log"},
    {"path": "nesterov", "label": "nesterov", "help": "look ahead", "value": True,
     "kind": "switch"},
    {"path": "name", "label": "name", "help": "any text", "value": "x", "kind": "text",
     "detail": True},
]}])
form.set_error("kind", "This is wrong.")
bar.message("Something is to be said.", alert=True)
middle = pn.Row(
    form.view,
    pn.Column(guide.view, examples.view, pn.Column(log, sizing_mode="stretch_both"), line.view,
              sizing_mode="stretch_both"),
    sizing_mode="stretch_both", min_height=0,
)
show(pn.Column(bar.view, middle, Shortcuts(actions).view, Appearance().view,
               pn.pane.Bokeh(plot, visible=False), sizing_mode="stretch_both",
               styles={"height": "100vh"}, margin=0))
"""

GRAVE = ("serious", "critical")

SPARE = """bar => {
  const shown = [...bar.children].filter(one => one.offsetWidth), right = shown.pop();
  return right.getBoundingClientRect().left - shown.pop().getBoundingClientRect().right;
}"""
"""Pixels between the buttons of the bar and its readings."""


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("controls")
    script = folder / "controls.py"
    script.write_text(textwrap.dedent(PAGE))
    with served("panel", folder, script) as address:
        yield address


@pytest.fixture
def visit(chromium, url):
    seen = []

    def arrive(size=(1366, 768)):
        visitor = Visitor(chromium, url, size).open()
        visitor.page.locator(".row").first.wait_for(state="attached")
        visitor.page.locator(".timeline[data-steps='61']").wait_for(state="attached")
        seen.append(visitor)
        return visitor

    yield arrive
    for visitor in seen:
        visitor.page.context.close()
        assert visitor.errors == []


def heard(visitor):
    """What Python has been told, as one line."""
    return visitor.page.locator(".log pre").text_content()


def expect(visitor, words):
    visitor.until(lambda: words in heard(visitor), f"{words!r}, told {heard(visitor)!r}")


def violations(page):
    """What axe-core objects to gravely: rule, selector and summary of each place."""
    found = Axe().run(page).response["violations"]
    return [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def focus(visitor):
    """What has the focus, through all shadow roots: its attributes."""
    return visitor.page.evaluate(
        """() => {
          let at = document.activeElement;
          while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
          return at ? {tag: at.tagName, text: at.textContent, ...at.dataset} : {};
        }"""
    )


def tab_to(visitor, name, value, most=120):
    """Press Tab until the focus is where a `data-` attribute has a value."""
    for _ in range(most):
        visitor.page.keyboard.press("Tab")
        if focus(visitor).get(name) == value:
            return
    raise AssertionError(f"no Tab leads to {name}={value}; it ended at {focus(visitor)}")


def sides(page, places):
    """The shorter side of each of these, in pixels."""
    return page.locator(places).evaluate_all(
        "all => all.map(b => b.getBoundingClientRect()).map(r => Math.min(r.width, r.height))"
    )


@pytest.mark.browser
def test_axe_finds_nothing_grave_in_the_controls_in_whatever_state(visit):
    visitor = visit()
    visitor.press("seed")
    visitor.press("keep")
    visitor.page.locator(".about").click()
    visitor.page.locator(".more > summary").click()
    visitor.page.locator(".work").wait_for()
    visitor.still()
    found = violations(visitor.page)
    visitor.page.keyboard.press("p")
    visitor.page.keyboard.press("?")
    visitor.page.locator("dialog[open]").wait_for()
    found += violations(visitor.page)
    visitor.page.keyboard.press("Escape")
    visitor.page.set_viewport_size({"width": 768, "height": 1024})
    visitor.press("settings")
    found += violations(visitor.page)
    visitor.page.emulate_media(color_scheme="dark")
    found += violations(visitor.page)
    visitor.page.keyboard.press("p")
    visitor.page.set_viewport_size({"width": 1366, "height": 768})
    visitor.until(lambda: scheme(visitor) == "dark", "the dark scheme")
    visitor.still()
    found += violations(visitor.page)
    assert found == [], json.dumps(found, indent=1, ensure_ascii=False)


@pytest.mark.browser
def test_a_setting_is_found_by_search_and_an_example_by_its_card(visit):
    visitor = visit()
    keys, page = visitor.page.keyboard, visitor.page
    keys.press("/")
    keys.type("any te")  # words of its help
    page.locator("[data-found='name']").wait_for()
    found = violations(page)
    keys.press("Enter")
    visitor.until(lambda: focus(visitor).get("path") == "name", "the control")
    assert page.locator("[data-path='name']").is_visible()  # in a group that was closed
    page.locator(".bar h1").click()
    keys.press("x")
    page.locator("dialog.examples[open]").wait_for()
    found += violations(page)
    page.locator("[data-example='a']").focus()
    keys.press("ArrowRight")
    keys.press("Enter")
    expect(visitor, "example b")
    assert found == [], json.dumps(found, indent=1, ensure_ascii=False)


@pytest.mark.browser
def test_show_me_points_at_a_control_then_uses_it_unless_a_key_stops_it(visit):
    visitor = visit()
    page = visitor.page
    page.get_by_role("button", name="Show me").click()
    page.locator(".ring:popover-open").wait_for()
    assert page.locator("[data-path='name']").is_visible()
    assert "1 of 1: Set name to y" in page.locator(".guide .text").inner_text()
    expect(visitor, "acted 0")
    page.get_by_role("button", name="Show me").click()
    page.locator(".ring:popover-open").wait_for()
    visitor.page.keyboard.press("Escape")
    expect(visitor, "stopped")
    page.locator(".ring:popover-open").wait_for(state="detached")
    assert heard(visitor).count("acted") == 1


@pytest.mark.browser
def test_a_term_in_the_help_of_a_control_opens_the_glossary_by_key_and_pointer(visit):
    visitor = visit()
    page = visitor.page
    dialog = page.locator("dialog.glossary")
    tab_to(visitor, "path", "rate")
    page.locator(".tip .term", has_text="learning rate").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog.wait_for()
    assert focus(visitor)["text"] == "learning rate"
    assert violations(page) == []
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.keyboard.press("Escape")
    page.locator(".row", has_text="learning rate").hover()
    page.locator(".tip .term", has_text="learning rate").click()
    dialog.wait_for()
    dialog.get_by_role("button", name="Close").click()
    dialog.wait_for(state="hidden")


@pytest.mark.browser
def test_the_list_of_keys_leads_to_the_glossary_which_has_every_term(visit):
    visitor = visit()
    visitor.page.keyboard.press("?")
    visitor.page.get_by_role("button", name="Glossary").click()
    dialog = visitor.page.locator("dialog.glossary")
    dialog.wait_for()
    assert "filter normalization" in dialog.inner_text()
    assert dialog.locator("dt").count() == dialog.locator("dd").count() > 40


@pytest.mark.browser
def test_everything_is_done_by_keys_alone(visit):
    visitor = visit()
    keys = visitor.page.keyboard
    tab_to(visitor, "action", "play")
    keys.press("Enter")
    expect(visitor, "play True")
    tab_to(visitor, "action", "export")
    keys.press("Space")
    expect(visitor, "export")
    tab_to(visitor, "path", "rate")
    keys.press("Control+a")
    keys.type("25")  # beyond its slider
    keys.press("Enter")
    expect(visitor, "choose rate 25")
    keys.press("c")  # the box is left: no letter goes into it
    assert visitor.page.locator("[data-path='rate']").input_value() == "25"
    keys.press("Tab")  # and goes on from there
    assert focus(visitor).get("path") == "nesterov"
    tab_to(visitor, "seek", "first")
    keys.press("Enter")
    expect(visitor, "seek 0")
    keys.press("Tab")  # previous
    keys.press("Tab")
    keys.press("Enter")
    expect(visitor, "seek 2")
    assert visitor.page.locator(".timeline input").get_attribute("aria-valuetext") == (
        "step 2 of 120"
    )


@pytest.mark.browser
def test_two_presses_are_play_and_pause_and_a_long_title_is_whole_or_under_the_pointer(visit):
    visitor = visit()
    play = visitor.page.locator("button[data-action='play']")
    play.evaluate("button => { button.click(); button.click(); }")  # before Python can answer
    expect(visitor, "play True play False")
    play.click()  # Python lets it be
    expect(visitor, "play True play False play True")
    visitor.until(lambda: play.get_attribute("aria-pressed") == "false", "what Python says")
    visitor.page.keyboard.press("y")
    title, named = "A valley whose title is as long as none should be", ".wide .named"
    visitor.until(lambda: visitor.page.locator(named).inner_text() == title, "the title")
    assert title in visitor.page.locator(".wide").get_attribute("title")
    rest = visitor.page.locator(".bar").evaluate(SPARE)
    cut = visitor.page.locator(named).evaluate("one => one.scrollWidth - one.clientWidth")
    assert cut <= 0 or rest < 12  # dots only where no room is left
    assert visitor.page.locator(".bar").evaluate("bar => bar.scrollWidth - bar.clientWidth") <= 0


@pytest.mark.browser
def test_shortcuts_do_what_the_dialog_says_and_stay_out_of_the_way(visit):
    visitor = visit()
    keys = visitor.page.keyboard
    for key, action in {
        "Space": "play", ".": "step", "r": "reset", "z": "undo", "Shift+Z": "redo", "y": "redo",
        "3": "3d", "c": "compare", "k": "keep", "e": "export", "ArrowLeft": "seek 118",
    }.items():  # fmt: skip
        before = heard(visitor).count(action)
        keys.press(key)
        visitor.until(lambda: heard(visitor).count(action) > before, action)  # noqa: B023
    known = heard(visitor)
    keys.press("Control+z")
    visitor.page.locator("[data-path='name']").evaluate("i => i.closest('details').open = true")
    visitor.page.locator("[data-path='name']").focus()
    keys.press("Control+a")
    keys.type("r z.")
    visitor.page.locator("[data-slider='rate']").focus()
    visitor.page.locator(".bar h1").click()
    keys.press("?")
    visitor.page.locator("dialog[open]").wait_for()
    keys.press("r")
    keys.press("Escape")
    visitor.page.locator("dialog[open]").wait_for(state="detached")
    keys.press("s")  # the settings
    assert focus(visitor)["tag"] == "SUMMARY"
    keys.press("2")
    expect(visitor, " 2d")
    assert heard(visitor) == known + " choose name r z. 2d"


@pytest.mark.browser
def test_the_handle_follows_the_hand_and_only_then_the_picture(visit):
    visitor = visit()
    slider = visitor.page.locator(".timeline input")
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    visitor.page.clock.install()
    visitor.page.mouse.move(box["x"] + box["width"] - 8, y)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + 20, y, steps=40)
    visitor.page.mouse.move(box["x"] + box["width"] / 2, y)
    assert slider.input_value() == "30"
    expect(visitor, "seek 60")  # and Python shows step 4 instead
    said = visitor.page.locator(".said")
    visitor.until(lambda: said.inner_text().startswith("step 60 of 120"), "the hand's step")
    visitor.page.clock.run_for(1700)  # longer than the time line waits for a picture
    assert slider.input_value() == "30"
    visitor.page.mouse.up()
    visitor.until(lambda: slider.input_value() == "2", "the picture's step")
    assert "step 4 of 120 · train loss 0.500" in said.inner_text()
    assert "earlier step" in said.inner_text()
    assert heard(visitor).endswith("seek 60")
    assert heard(visitor).count("seek") < 20  # of 41 moves


@pytest.mark.browser
def test_work_and_points_are_told_without_moving_anything(visit):
    visitor = visit()
    visitor.page.locator(".message button").click()
    visitor.page.locator(".message").wait_for(state="hidden")
    visitor.painted()
    box = visitor.page.locator(".timeline").bounding_box()
    visitor.press("undo")
    status = visitor.page.locator(".status b")
    visitor.until(lambda: status.inner_text() == "training", "the status")
    visitor.press("seed")
    visitor.until(lambda: status.inner_text() == "paused", "the status")
    work = visitor.page.locator(".work")
    work.wait_for()
    assert "Refining the picture, 31 %, about 3 s left" in work.inner_text()
    point = visitor.page.locator("div.point").inner_text()
    assert "At α 0.31, β −0.20 · train loss 0.420 · test loss 0.500" in point
    assert visitor.page.locator(".timeline").bounding_box() == box
    for action in ("start_here", "leave_point", "stop"):
        visitor.press(action)
        expect(visitor, action)
    work.wait_for(state="hidden")


@pytest.mark.browser
def test_notices_cover_neither_the_words_above_the_picture_nor_the_picture(visit):
    visitor = visit()
    visitor.press("seed")
    message, point, work = (
        visitor.page.locator(name) for name in (".message", "div.point", ".work")
    )
    for notice in (message, point, work):
        notice.wait_for()
    assert point.bounding_box()["height"] <= 40

    def apart():
        bar, guide, line = (
            visitor.page.locator(name).bounding_box() for name in (".bar", ".guide", ".timeline")
        )
        above = message.bounding_box()
        below = [one.bounding_box() for one in (point, work)]
        return (
            above["y"] >= bar["y"] + bar["height"] - 1
            and above["y"] + above["height"] <= guide["y"] + 1
            and all(
                line["y"] - 46 <= box["y"]
                and box["y"] + box["height"] <= line["y"] + 1
                and box["x"] >= line["x"]
                and box["x"] + box["width"] <= line["x"] + line["width"] + 1
                for box in below
            )
        )

    visitor.until(apart, "the notices to stand beside the picture")
    visitor.page.locator(".guide").get_by_text("Answer").first.click()
    visitor.until(apart, "the notices to follow")


@pytest.mark.browser
def test_comparing_waits_for_a_run_that_is_kept(visit):
    visitor = visit()
    compare = visitor.page.locator("[data-action='view-compare']")
    assert compare.get_attribute("aria-disabled") == "true"
    assert compare.get_attribute("title").startswith("Keep a run first (K)")
    for word in ("Step", "Reset", "Keep", "Export"):
        assert visitor.page.locator(".bar button span", has_text=word).is_visible()
    compare.click(force=True)
    visitor.press("keep")
    visitor.until(lambda: compare.get_attribute("aria-disabled") == "false", "a run kept")
    compare.click()
    expect(visitor, "view compare")
    assert heard(visitor).count("view compare") == 1


@pytest.mark.browser
def test_the_help_of_a_row_is_read_by_pointer_keys_and_touch(visit, chromium, url):
    visitor = visit()
    rate, tip = visitor.page.locator("[data-path='rate']"), visitor.page.locator(".tip")
    assert visitor.page.locator(f"#{rate.get_attribute('aria-describedby')}").text_content() == (
        "learning ratestep size"
    )
    rate.focus()
    tip.filter(has_text="step size").wait_for()
    visitor.page.keyboard.press("Escape")
    tip.filter(has_text="step size").wait_for(state="hidden")
    visitor.page.locator("label", has_text="nesterov").hover()
    tip.filter(has_text="look ahead").wait_for()
    shown, form = tip.filter(has_text="look ahead"), visitor.page.locator(".form").bounding_box()
    box = shown.bounding_box()
    assert box["x"] >= form["x"]
    assert box["x"] + box["width"] <= form["x"] + form["width"]  # it covers no picture
    visitor.page.locator(".dot:visible").click()
    expect(visitor, "row rate")
    visitor.page.locator(".about").click()
    visitor.page.locator("div.card").wait_for()
    visitor.page.keyboard.press("Escape")
    visitor.page.locator("div.card").wait_for(state="hidden")

    context = chromium.new_context(viewport={"width": 768, "height": 1024}, has_touch=True)
    page = context.new_page()
    page.goto(url)
    page.locator("[data-action='settings']").tap()
    page.locator("label", has_text="nesterov").tap()
    page.locator(".tip", has_text="look ahead").wait_for()
    assert page.locator("[data-path='nesterov']").is_checked()
    least = min(sides(page, ".bar button:visible, .timeline button, .bar select:visible"))
    context.close()
    assert least >= 44


@pytest.mark.browser
def test_the_controls_fit_every_window_and_are_large_enough_to_hit(visit):
    visitor = visit()
    visitor.press("keep")
    expect(visitor, "keep")
    bar, form = visitor.page.locator(".bar"), visitor.page.locator(".form")
    for width, tall, least in ((1366, 768, 52), (1024, 768, 52), (768, 1024, 100)):
        visitor.page.set_viewport_size({"width": width, "height": tall})
        visitor.until(lambda: form.is_visible() == (width >= 900), "the drawer")  # noqa: B023
        visitor.still()
        visitor.until(
            lambda: bar.evaluate("b => b.scrollWidth <= b.clientWidth"), "a bar that fits"
        )
        assert bar.bounding_box()["height"] <= least
        assert min(sides(visitor.page, ".bar button:visible")) >= 32
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.page.keyboard.press("s")
    form.wait_for()
    visitor.page.keyboard.press("Escape")
    form.wait_for(state="hidden")
    assert focus(visitor)["action"] == "settings"


@pytest.mark.browser
def test_a_projector_gets_larger_type_in_black_on_white(visit):
    visitor = visit()
    look = "b => [parseFloat(getComputedStyle(b).fontSize), getComputedStyle(b).color]"
    bar = visitor.page.locator(".bar")
    plain = bar.evaluate(look)[0]
    visitor.page.keyboard.press("p")
    visitor.page.locator("html.projector").wait_for()
    visitor.page.locator(".form").wait_for(state="hidden")  # the picture has its room
    large, color = bar.evaluate(look)
    assert large == pytest.approx(1.35 * plain)
    assert color == "rgb(0, 0, 0)"
    assert bar.evaluate("b => b.scrollWidth <= b.clientWidth")
    visitor.page.keyboard.press("p")
    visitor.until(lambda: bar.evaluate(look)[0] == plain, "the usual size")


COLORS = """() => {
  const plot = [...Bokeh.documents[0]._all_models.values()].find(m => m.name === "plot");
  const line = plot.renderers[0].glyph.line_color;
  return [plot.border_fill_color, plot.below[0].axis_label_text_color, line.value ?? line];
}"""


NEXT = """bar => bar.dispatchEvent(
  new CustomEvent("landscape", {detail: "appearance", bubbles: true, composed: true}))"""


def scheme(visitor):
    return visitor.page.evaluate("document.documentElement.dataset.scheme")


@pytest.mark.browser
def test_page_and_figures_follow_the_system_and_the_choice_of_the_user(visit):
    visitor = visit()
    ground = "bar => getComputedStyle(bar).backgroundColor"
    assert scheme(visitor) == "light"
    assert visitor.page.evaluate(COLORS) == ["#ffffff", LIGHT.muted, "#ffffff"]
    visitor.page.emulate_media(color_scheme="dark")
    visitor.until(lambda: scheme(visitor) == "dark", "the dark scheme")
    assert visitor.page.locator(".bar").evaluate(ground) == "rgb(18, 24, 29)"
    assert visitor.page.evaluate(COLORS) == [DARK.surface, DARK.muted, "#ffffff"]
    visitor.press("reset")  # what Python changes later is in place too
    visitor.until(lambda: visitor.page.evaluate(COLORS)[1] == DARK.ink, "a dark figure")
    visitor.page.emulate_media(color_scheme="dark", contrast="more")
    visitor.until(lambda: scheme(visitor) == "dark-contrast", "more contrast")
    visitor.page.emulate_media(color_scheme="dark", contrast="no-preference")
    for chosen in ("light", "dark"):
        visitor.page.locator(".bar").evaluate(NEXT)
        visitor.until(lambda: scheme(visitor) == chosen, chosen)  # noqa: B023
        button = visitor.page.locator("[data-action=appearance]")
        assert button.get_attribute("aria-label").startswith(f"Colours: {chosen}")
    visitor.page.emulate_media(color_scheme="light")
    visitor.page.reload()
    visitor.page.locator(".row").first.wait_for(state="attached")
    visitor.until(lambda: scheme(visitor) == "dark", "the choice, which was kept")


# --- the whole app ---


@pytest.mark.browser
@pytest.mark.exhaustive
def test_axe_finds_nothing_grave_in_the_app_and_keys_alone_run_it(chromium, tmp_path):
    with served("panel", tmp_path) as address:
        visitor = Visitor(chromium, address).open()
        visitor.at_rest()
        found = violations(visitor.page)
        assert found == [], json.dumps(found, indent=1, ensure_ascii=False)
        step = visitor.step()
        tab_to(visitor, "action", "play")
        visitor.page.keyboard.press("Enter")
        visitor.until(lambda: visitor.step() > step, "the run to go on")
        visitor.page.keyboard.press("Enter")
        visitor.until(lambda: visitor.status() != "running", "the run to be held")
        tab_to(visitor, "action", "export")
        visitor.page.keyboard.press("Enter")
        visitor.page.locator("dialog[open]").wait_for()
        visitor.page.keyboard.press("Escape")
        tab_to(visitor, "path", "run.optimizer.learning_rate", most=200)
        visitor.page.keyboard.press("Control+a")
        visitor.page.keyboard.type("0.05")
        visitor.page.keyboard.press("Enter")
        visitor.until(lambda: "learning_rate" in visitor.page.url, "the link to tell")
        tab_to(visitor, "seek", "first", most=200)
        visitor.page.keyboard.press("Enter")
        visitor.until(lambda: visitor.step() == 0, "the start to be looked at")
        visitor.page.context.close()
