"""Guided tours: what a file may say, how it is told what is wrong, and the strip it is read in."""

import re
import textwrap
from html import unescape

import pytest
import yaml

from browser_support import ROOT, Visitor, browser, served
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.session.session import Session
from landscape_lab.content.tour import FOLDER, GUIDES, step_of, tour, tours
from landscape_lab.state.lab_place import named_by, names_labs
from landscape_lab.state.link import place, toured
from landscape_lab.state.preset import PRESETS

GOOD = """\
---
title: A tour
summary: Two steps.
level: beginner
minutes: 5
---

## First

Some *words*, [a page](https://example.org) and [a place](#preset=moons).

> Question: Which way?
> Answer: Down, <b>always</b>.

```place
preset: spirals
step: 3
run.optimizer.learning_rate: 0.1
```

## Second

<script>alert(1)</script>

```python
## no heading
```
"""


def test_a_tour_is_steps_with_words_an_answer_and_a_link():
    read = tour("mine", GOOD)
    assert (read.title, read.summary, read.level, read.minutes) == (
        "A tour",
        "Two steps.",
        "beginner",
        5,
    )
    first, second = read.steps
    assert (first.title, second.title) == ("First", "Second")
    assert "<em>words</em>" in first.html
    assert '<blockquote class="question"><p>Which way?</p>' in first.html
    assert "Down" not in first.html
    assert "preset: spirals" not in first.html
    assert first.link == "preset=spirals&step=3&run.optimizer.learning_rate=0.1"
    assert place(first.link).scene.run.optimizer.learning_rate == 0.1
    assert (second.link, second.answer_html) == (None, "")
    assert "## no heading" in second.html


def test_an_exercise_is_apart_from_the_question_and_has_an_answer_of_its_own():
    exercise = "> Exercise: Turn back. What happens?\n> Answer: Up. [Try it](#lab=dante)\n\n"
    step = tour("mine", GOOD.replace("## Second", exercise + "## Second")).steps[0]
    assert step.html == tour("mine", GOOD).steps[0].html
    assert "Up." not in step.answer_html
    assert step.exercise_html == (
        '<blockquote class="exercise"><p>Exercise: Turn back. What happens?</p>\n</blockquote>'
    )
    assert step.solution_html == '<p>Up. <a href="#lab=dante">Try it</a></p>\n'


def test_html_of_a_file_is_shown_and_not_obeyed():
    first, second = tour("mine", GOOD).steps
    assert "&lt;script&gt;" in second.html
    assert "<script" not in second.html
    assert first.answer_html == "<p>Down, &lt;b&gt;always&lt;/b&gt;.</p>\n"
    assert '<a href="https://example.org" target="_blank" rel="noopener">' in first.html
    assert '<a href="#preset=moons">' in first.html
    unsafe = tour("mine", GOOD.replace("https://example.org", "javascript:alert(1)"))
    assert "<a href" not in unsafe.steps[0].html.replace('<a href="#', "")


@pytest.mark.parametrize("start", ["https://class.example/app#", "http://localhost:8866/app?", "#"])
def test_a_place_may_be_a_link_copied_from_the_address(start):
    copied = f"{start}preset=spirals&step=7&run.seed=4&tour=other&at=2"
    block = "preset: spirals\nstep: 3\nrun.optimizer.learning_rate: 0.1"
    step = tour("mine", GOOD.replace(block, copied)).steps[0]
    assert step.link == "preset=spirals&step=7&run.seed=4"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("---\ntitle", "title", 1, "front matter"),
        ("title: A tour", "title: @", 2, "key: value"),
        ("title: A tour\n", "", 2, "title, summary, level, minutes"),
        ("level: beginner", "tutor: me", 4, "'tutor'"),
        ("minutes: 5", "minutes: soon", 5, "whole number"),
        ("level: beginner", "level: hard", 4, "one of beginner, intermediate, advanced"),
        ("## First", "First", 8, "here is text before"),
        ("preset: spirals", "preset: spiral", 16, "one of spirals"),
        ("learning_rate: 0.1", "learning_rat: 0.1", 18, "learning_rate"),
        ("learning_rate: 0.1", "learning_rate: fast", 18, "'fast'"),
        ("step: 3", "step 3", 17, "path: value"),
        ("## Second\n", "```place\npreset: game\n```\n", 21, "the second"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_is_accepted(old, new, line, says):
    assert GOOD.count(old) >= 1
    with pytest.raises(FileFormatError) as caught:
        tour("mine", GOOD.replace(old, new, 1))
    assert str(caught.value).startswith(f"line {line}: "), caught.value
    assert says in str(caught.value)


def test_a_broken_file_stands_in_the_list_with_its_error_and_breaks_no_other(tmp_path, monkeypatch):
    (tmp_path / "good.md").write_text(GOOD)
    (tmp_path / "bad.md").write_text(GOOD.replace("spirals", "nowhere"))
    (tmp_path / "odd.md").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    found = tours()
    assert found["good"].error == ""
    assert found["bad"].error.startswith("bad.md, line 16: preset must be one of")
    assert found["odd"].error.startswith("odd.md cannot be read as text")
    assert set(tours(GUIDES)) < set(found)
    with pytest.raises(SpecError, match="1 to 2"):
        step_of(found, "good", 3)
    with pytest.raises(SpecError, match="one of"):
        step_of(found, "nowhere", 1)


def test_a_folder_that_is_not_there_is_said_in_the_list(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "missing"))
    assert "missing" in tours()[FOLDER].error


def test_every_preset_says_what_it_shows():
    files = [yaml.safe_load(path.read_text("utf-8")) for path in PRESETS.glob("*.yaml")]
    assert sorted(file["rank"] for file in files) == list(range(1, len(files) + 1))
    for file in files:
        keys = {"rank", "title", "point", "question", "watch", "shows", "steps", "scene"}
        assert set(file) - {"lab", "show", "picture"} == keys
        assert file["point"].endswith(".")
        assert file["question"].endswith("?")
        assert file["shows"].endswith(".")


def test_our_own_tours_are_whole_and_every_step_stands_where_it_says():
    ours = tours(GUIDES)
    assert list(ours) == ["first_steps", "course", "shapes", "between_minima", "claims"]
    views = set()
    for found in ours.values():
        assert found.error == ""
        assert found.minutes > 0
        for step in found.steps:
            assert 'class="question"' in step.html, step.title
            assert step.link is not None
            if names_labs(step.link):
                assert named_by(step.link).frame is None
                continue
            there = place(step.link).scene
            views.add((there.run, there.slice.replace(resolution=11, max_examples=50)))
    for run, view in views:
        Session(run, view).picture()


def test_each_exercise_of_the_course_is_a_link_to_another_place_and_stays_at_its_step():
    steps = tours(GUIDES)["course"].steps
    assert len(steps) == 12
    for at, step in enumerate(steps, 1):
        (written,) = re.findall(r'href="#([^"]+)"', step.solution_html)
        link, stands = toured(unescape(written))
        assert stands == ("course", at)
        assert "Exercise:" in step.exercise_html
        if names_labs(link):
            there = named_by(link)
            assert there.lab != there.reference, step.title
        else:
            assert place(link).scene != place(step.link).scene
        words = re.sub(r"<[^>]+>", " ", step.html.partition("<blockquote")[0]).split()
        assert len(words) <= 60, step.title


def test_the_page_for_teachers_has_each_step_of_the_course_with_its_minutes():
    text = (ROOT / "docs" / "course.md").read_text("utf-8")
    course = tours(GUIDES)["course"]
    row = re.compile(r"^\| \[(\d+)\. (.+?)\]\(.*#tour=course&at=(\d+)\) \| (\d+) \|", re.M)
    rows = row.findall(text)
    heads = [(str(at), step.title, str(at)) for at, step in enumerate(course.steps, 1)]
    assert [found[:3] for found in rows] == heads
    assert sum(int(minutes) for *_, minutes in rows) == course.minutes


def test_the_tour_in_the_documentation_is_one():
    text = (ROOT / "docs" / "teaching.md").read_text("utf-8")
    shown = text.partition("````markdown\n")[2].partition("````")[0]
    assert [step.link is None for step in tour("momentum", shown).steps] == [False, False]


# --- in a browser ---

PAGE = """
from pathlib import Path

import panel as pn

from landscape_lab.bridge.jupyter import setup, show

setup()

from landscape_lab.components.guide.guide import Guide
from landscape_lab.state.preset import presets
from landscape_lab.content.tour import tours

log = pn.pane.Str("", css_classes=["log"])
note = lambda *words: setattr(log, "object", log.object + str(words))
known = tours() | tours(Path(FOLDER))
guide = Guide(known, lambda *link: note("opened", *link), lambda *step: note("moved", *step))
preset = presets()["flat_minima"]
guide.show_preset(preset.question, preset.watch, preset.shows)
show(
    pn.Row(
        pn.Column(styles={"background": "#f6f8f9", "width": "20vw"}, sizing_mode="stretch_height"),
        pn.Column(
            guide.view,
            pn.Column(styles={"background": "#dfe6ea"}, sizing_mode="stretch_both", min_height=0),
            log,
            sizing_mode="stretch_both",
        ),
        pn.Column(styles={"background": "#f6f8f9", "width": "25vw"}, sizing_mode="stretch_height"),
        sizing_mode="stretch_both",
        styles={"height": "100vh"},
    )
)
"""

FITS = "e => e.scrollHeight <= e.clientHeight + 1 && e.scrollWidth <= e.clientWidth + 1"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guide")
    (folder / "bad.md").write_text("no tour")
    script = folder / "strip.py"
    page = textwrap.dedent(PAGE).replace("FOLDER", repr(str(folder)))
    script.write_text(page)
    with served("panel", folder, script) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture
def visitor(chromium, url):
    seen = Visitor(chromium, url).open(wait_for=".guide .ask")
    yield seen
    seen.page.context.close()
    assert seen.strangers == []
    assert seen.errors == []


def told(visitor):
    return visitor.page.locator(".log").evaluate("pane => (pane.shadowRoot ?? pane).textContent")


def at(visitor, place):
    visitor.page.locator(f".guide[data-at='{place}']").wait_for()


@pytest.mark.browser
def test_a_preset_asks_and_tells_what_it_shows_when_asked(visitor):
    page = visitor.page
    ask, answer = page.locator(".ask"), page.locator(".answer")
    assert page.locator(".text b").inner_text().endswith("?")
    assert not answer.is_visible()
    ask.press("Enter")
    assert answer.is_visible()
    assert ask.get_attribute("aria-expanded") == "true"


@pytest.mark.browser
def test_a_tour_is_found_read_and_left_by_keys_alone(visitor):
    page = visitor.page
    page.locator(".more").press("Enter")
    assert "line 1: a tour begins with front matter" in page.locator(".broken").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator(".list").is_visible()
    page.locator(".more").press("Enter")
    page.locator("[data-tour=first_steps]").press("Enter")
    at(visitor, "first_steps 1")
    visitor.until(lambda: "('opened', 'preset=first_slope&step=0')" in told(visitor), "the place")
    page.locator(".back").press("Enter")  # there is nothing before the first step
    page.locator(".next").press("Enter")
    at(visitor, "first_steps 2")
    assert page.locator(".guide").evaluate("g => g.getRootNode().activeElement.className") == "next"
    page.locator(".ask").press("Enter")
    assert page.locator(".answer").is_visible()
    page.locator(".dots button").last.press("Enter")
    at(visitor, "first_steps 6")
    page.locator(".next").press("Enter")  # now it says Finish
    at(visitor, "")
    moves = [("first_steps", "1"), ("first_steps", "2"), ("first_steps", "6"), ("", "0")]
    visitor.until(
        lambda: re.findall(r"\('moved', '(\w*)', (\d)\)", told(visitor)) == moves, "every move"
    )


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1024, 768), (768, 1024)])
def test_words_are_never_cut_off_and_take_a_third_of_the_height_at_most(chromium, url, size):
    seen = Visitor(chromium, url, size).open(wait_for=".guide .ask")
    page, text, strip = seen.page, seen.page.locator(".text"), seen.page.locator(".guide")
    assert text.evaluate(FITS)
    page.locator(".more").click()
    page.locator("[data-tour=shapes]").click()
    for step in (1, 4, 9):
        page.locator(".dots button").nth(step - 1).click()
        at(seen, f"shapes {step}")
        assert text.evaluate(FITS), step
        page.locator(".ask").click()
        box = strip.bounding_box()
        assert box["height"] <= 0.35 * size[1]
        last = page.locator(".answer").bounding_box()  # its end is in sight
        assert last["y"] + last["height"] <= box["y"] + box["height"] + 1
    page.locator(".more").click()
    page.locator("[data-tour=course]").click()
    page.locator(".dots button").nth(11).click()
    at(seen, "course 12")
    assert text.evaluate(FITS)
    assert page.locator(".exercise").is_visible()
    page.get_by_role("button", name="Answer to the exercise").click()
    shown = [answer.is_visible() for answer in page.locator(".answer").all()]
    assert shown == [False, True]  # the answer to the question stays folded
    page.context.close()
    assert seen.errors == []


@pytest.mark.browser
@pytest.mark.exhaustive
@pytest.mark.parametrize("size", [(1024, 768), (768, 1024)])
def test_no_step_of_the_course_is_cut_off(chromium, url, size):
    seen = Visitor(chromium, url, size).open(wait_for=".guide .ask")
    page, text = seen.page, seen.page.locator(".text")
    page.locator(".more").click()
    page.locator("[data-tour=course]").click()
    for step in range(1, 13):
        page.locator(".dots button").nth(step - 1).click()
        at(seen, f"course {step}")
        assert text.evaluate(FITS), step
    page.context.close()
    assert seen.errors == []
