"""Pictures of labs in a browser: every kind is drawn, and grows without being built anew."""

from pathlib import Path

import pytest

from browser_support import ROOT, Visitor, browser, served
from landscape_lab.components.appearance import appearance
from landscape_lab.figures.bokeh.marked_sides import FOLDED, TURNED

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PAGE = """
import sys

sys.path.insert(0, {support!r})

import lab_cases
import panel as pn

from landscape_lab.bridge.jupyter import setup, show

setup()

from landscape_lab.figures.bokeh.marked_figure import MarkedFigure
from landscape_lab.figures.lab_pictures.reading import declared, panels


def every(known):
    found = lab_cases.dataset(known)
    return [panel for picture in declared(found) for panel in panels(found, picture)]


views, state = [MarkedFigure(panel) for panel in every(1)], {{"known": 1}}
words = pn.pane.Str("1", css_classes=["known"])


def grow(event):
    state["known"] += 1
    for view, panel in zip(views, every(state["known"])):
        view.update(panel)
    words.object = str(state["known"])


button = pn.widgets.Button(name="Grow")
button.on_click(grow)
panes = [pn.pane.Bokeh(view.figure, width=300, height=240) for view in views]
show(pn.Column(button, words, pn.FlexBox(*panes)))
"""

FIGURES = """() => {
  const found = [], look = node => {
    for (const child of node.querySelectorAll("*")) {
      if (child.tagName === "CANVAS" && child.width > 100) found.push(child);
      if (child.shadowRoot) look(child.shadowRoot);
    }
  };
  look(document);
  return found;
}"""

COUNT = f"() => ({FIGURES})().length"
KEEP = f"() => {{ window.before = ({FIGURES})(); }}"
STAYED = f"() => window.before.length && window.before.every(one => ({FIGURES})().includes(one))"


TURN = """([code, width, type]) => {
  const names = ["natural gradient", "Newton", "SGD"], logged = type === "LogScale";
  const axis = {
    major_label_overrides: new Map(names.map((word, i) => [logged ? 10 ** i : i, word])),
    major_label_text_font_size: "11px", setv: values => Object.assign(axis, values)};
  const ends = [-0.5, 2.5].map(end => logged ? 10 ** end : end);
  const plot = {x_range: {start: ends[0], end: ends[1]}, x_scale: {type}, inner_width: width};
  new Function("plot", "axis", code)(plot, axis);
  return axis.major_label_orientation;
}"""

FOLD = """([code, height]) => {
  const axis = {axis_label: "median of the\\nlast quarter", axis_label_text_font_size: "12px",
                setv: values => Object.assign(axis, values)};
  new Function("plot", "axis", code)({inner_height: height}, axis);
  return axis.axis_label;
}"""

ROWS = """code => new Function(`${code}; return replacedRows(
  {color: ["#ffffff", "#1d2a33"], x: [1, 2]},
  {"#ffffff": "#12181d", "#1d2a33": "#e7edf1"}, "#ffffff").color`)()"""


SPARED = """async code => {
  let written = 0, asked = 0;
  class Sheet { el = {textContent: ""}; _update(css) { written++; this.el.textContent = css; } }
  class Visuals { _get_css_value(name) { asked++; return `${name} ${asked}`; } }
  const modules = {"core/dom": {InlineStyleSheet: Sheet}, "core/visuals/visual": {VisualProperties: Visuals}};
  const bokeh = {require: name => modules[name]}, spare = new Function(`${code}; return spareStyles`)();
  spare(bokeh); spare(bokeh);
  const sheet = new Sheet(), one = new Visuals(), other = new Visuals();
  for (const css of ["a", "a", "b", "a"]) sheet._update(css);
  const at_once = [one, one, other].map(visuals => visuals._get_css_value("line-color"));
  await null;
  const later = one._get_css_value("line-color");
  spare({require: name => { throw new Error(name); }});
  return {written, css: sheet.el.textContent, at_once, later};
}"""  # noqa: E501


def test_styles_of_figures_are_written_and_asked_for_only_as_often_as_they_can_change():
    with browser() as opened:
        code = Path(appearance.__file__).with_name("figure_styles.js").read_text("utf-8")
        found = opened.new_page().evaluate(SPARED, code)
    assert (found["written"], found["css"]) == (3, "a")
    assert found["at_once"] == ["line-color 1", "line-color 1", "line-color 2"]
    assert found["later"] == "line-color 3"


def test_words_on_axes_fit_their_room_and_white_lines_stay_white():
    with browser() as opened:
        page = opened.new_page()
        for scale in ("LinearScale", "LogScale"):
            assert page.evaluate(TURN, [TURNED, 400, scale]) == "horizontal"
            assert page.evaluate(TURN, [TURNED, 200, scale]) > 0.3
        assert page.evaluate(FOLD, [FOLDED, 300]) == "median of the last quarter"
        assert page.evaluate(FOLD, [FOLDED, 100]) == "median of the\nlast quarter"
        code = Path(appearance.__file__).with_name("figure_colors.js").read_text("utf-8")
        assert page.evaluate(ROWS, code) == ["#ffffff", "#e7edf1"]


@pytest.mark.exhaustive
def test_every_kind_of_picture_is_drawn_and_grows_in_place(tmp_path):
    source = tmp_path / "pictures.py"
    source.write_text(PAGE.format(support=str(ROOT / "tests" / "support")), encoding="utf-8")
    with served("panel", tmp_path / "cache", source) as url, browser() as opened:
        visitor = Visitor(opened, url).open(wait_for=".known")
        visitor.until(lambda: visitor.page.evaluate(COUNT) >= 15, "the figures")
        visitor.painted()  # else the button may move under the pointer
        visitor.page.evaluate(KEEP)
        for known in range(2, 8):
            visitor.page.get_by_role("button", name="Grow").click()
            visitor.page.locator(".known", has_text=str(known)).wait_for()
        visitor.painted()
        assert visitor.page.evaluate(STAYED)
        assert visitor.errors == []
        assert visitor.strangers == []
