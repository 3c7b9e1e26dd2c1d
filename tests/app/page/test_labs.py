"""Labs on a page without a browser: gallery, seeds, settings, links and files."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import pytest
import xarray as xr

from landscape_core import labs
from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.registry import entries, find
from landscape_core.labs.base import Lab
from landscape_core.storage.store import Store
from landscape_lab.components.gallery.gallery import Gallery
from landscape_lab.page.controller import Page
from landscape_lab.page.lab_files import FORMS, content, program
from landscape_lab.state.lab_place import LabPlace, gallery, named_by, opening
from landscape_lab.state.place import SAFE
from landscape_lab.worker import thread
from waiting import until

pytestmark = pytest.mark.filterwarnings("ignore:This lab is not kept")  # nor need it be

LINK = "lab=constant_target&lab.target=2.0&seeds=6"


@dataclass(frozen=True, kw_only=True)
class Quick(Lab):
    """A lab that takes no time."""

    label: ClassVar[str] = "Quick"
    family: ClassVar[str] = "Curvature"
    question: ClassVar[str] = "Is a number drawn below its bound?"
    claim: ClassVar[str] = "It is <always>."
    shows: ClassVar[str] = "A line."
    source: ClassVar[str] = "Nobody, 2026"
    seconds: ClassVar[float] = 1.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion("number", "at most", 1.0)
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = "Nothing."
    pictures: ClassVar = (Curves(title="Line", x="step", y=("line",), frame=""),)

    height: Annotated[float, Knob(0.0, 2.0, "height of the line")] = 0.5

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        for known in (1, 2, 3):
            line = np.where(np.arange(3) < known, self.height, np.nan)
            effect = self.height if known == 3 else np.nan
            yield xr.Dataset({"line": ("step", line), "effect": effect}, {"step": np.arange(3)})


@pytest.fixture(autouse=True)
def _nobody_draws(monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.01)


@pytest.fixture
def page(tmp_path):
    page = Page(store=Store(tmp_path))
    yield page
    page.close()


@pytest.fixture
def opened(page):
    page.labs.go(LabPlace(Quick(), 6))
    rest(page)
    return page


def rest(page):
    until(lambda: page.labs.dataset is not None and not page.labs.busy)


def bar(page):
    return page.labs.view.bar.shown


def address(page):
    return page.layout.link.view.value


def test_the_gallery_takes_the_place_of_the_landscape_and_gives_it_back(page):
    page.ready()
    until(lambda: page.picture is not None and not page.run.busy)
    before = address(page)
    page.layout.guide.view.on_message({"action": "labs"})
    assert page.labs.shown
    assert not page.layout.toolbar.view.visible
    assert address(page) == "labs=all"
    assert page.labs.view.gallery.view.visible
    page.leave_labs()
    until(lambda: not page.run.busy)
    assert page.layout.toolbar.view.visible
    assert not page.layout.shows_labs
    assert address(page) == before


def test_every_lab_is_in_the_gallery_once_with_its_question():
    found = [lab for family in gallery() for lab in family["labs"]]
    assert sorted(lab["name"] for lab in found) == sorted(entries(Lab))
    for lab in found:
        assert lab["question"] == find(Lab, lab["name"]).question


def test_a_lab_without_a_thumbnail_has_a_card_all_the_same():
    labs_of = [
        {"name": name, "title": name, "question": "?", "seconds": 1} for name in ("games", "x")
    ]
    shown = Gallery([{"family": "All", "labs": labs_of}], print, print)
    ((first, second),) = (family["labs"] for family in shown.view.families)
    assert first["picture"].startswith("<svg")
    assert second["picture"] == ""


def test_the_card_of_a_lab_shows_its_run_once_that_has_a_verdict(opened):
    gallery_ = opened.labs.view.gallery
    opened.labs.open_gallery()
    assert gallery_.runs == {}
    opened.labs.go(LabPlace(Quick(), 6))
    opened.labs.play()
    rest(opened)
    opened.labs.open_gallery()
    (run,) = gallery_.runs.values()
    assert run["verdict"] == "PASS, 6 seeds"
    assert run["picture"].startswith("<svg")


def test_opening_a_lab_shows_a_first_picture_and_play_ends_with_the_verdict(opened):
    page = opened
    assert bar(page)["question"] == Quick.question
    assert bar(page).get("verdict") is None
    page.labs.play()
    rest(page)
    assert bar(page)["done"] == 6
    verdict = bar(page)["verdict"]
    assert verdict["word"] == verdict["expected"] == "PASS"
    assert "6 of 6 seeds; median 0.5" in verdict["text"]


def test_words_of_a_lab_are_text_and_no_markup(opened):
    texts = [str(one.object) for one in opened.labs.view.view.select() if hasattr(one, "object")]
    assert any("&lt;always&gt;" in text for text in texts)


def test_a_computed_lab_is_there_at_once(tmp_path):
    name = "constant_target"
    lab = find(Lab, name)()
    store = Store(tmp_path)
    parts = next(lab.work(0))
    for seed in range(lab.seeds):
        store.put(labs.key(lab, seed), parts.assign(effect=0.1))
    page = Page(store=store)
    page.labs.open(name)
    rest(page)
    assert bar(page)["done"] == lab.seeds
    assert bar(page)["verdict"]["word"] == "PASS"
    page.close()


def test_a_setting_gives_another_verdict_and_can_be_restored(opened):
    page = opened
    page.labs.choose("height", "1,5")
    rest(page)
    page.labs.play()
    rest(page)
    assert bar(page)["verdict"]["word"] == "NOT REPRODUCED"
    (section,) = json.loads(page.labs.view.form.view.sections)
    assert [field["changed"] for field in section["fields"]] == [True]
    page.labs.restore("height")
    rest(page)
    assert page.labs.place.lab == Quick()
    page.labs.choose("height", 7)
    assert "height" in page.labs.view.form.view.errors
    assert page.labs.place.lab == Quick()


def test_seeds_are_counted_fresh_ones_are_new_and_again_computes_all(opened):
    page = opened
    page.labs.count(8)
    rest(page)
    assert page.labs.place.seeds == list(range(8))
    page.labs.fresh()
    rest(page)
    assert page.labs.place.seeds == list(range(5000, 5008))
    page.labs.fresh()
    rest(page)
    assert page.labs.dataset["seed"].values.tolist() == list(range(5008, 5016))
    page.labs.again()
    rest(page)
    assert bar(page)["done"] == 8


def test_a_pause_keeps_the_picture_and_another_page_is_not_touched(tmp_path):
    pages = [Page(store=Store(tmp_path)) for _ in range(2)]
    for page in pages:
        page.labs.open("constant_target")
        until(lambda page=page: page.labs.dataset is not None)
    pages[0].labs.play()
    pages[0].labs.play(playing=False)
    assert not pages[0].labs.playing
    assert pages[0].labs.dataset is not None
    pages[0].labs.choose("target", 3.0)
    assert pages[1].labs.place == opening("constant_target")
    pages[0].labs.rest()
    for page in pages:
        page.close()


@pytest.fixture
def held(opened, monkeypatch):
    """A page whose lab waits for `held.set()` before anything more is computed."""
    going, work = threading.Event(), Quick.work

    def waiting(lab, seed):
        going.wait(20)
        yield from work(lab, seed)

    monkeypatch.setattr(Quick, "work", waiting)
    yield opened, going
    going.set()


def pale(page):
    return page.labs.view.bar.shown["stale"]["lab"]


@pytest.mark.parametrize("change", [
    lambda page: page.labs.choose("height", 1.5),
    lambda page: page.labs.count(7),
    lambda page: page.labs.fresh(),
    lambda page: page.labs.go(LabPlace(Quick(height=1.5), 6)),
])  # fmt: skip
def test_pictures_of_other_settings_stay_pale_and_are_no_files_when_work_is_paused(held, change):
    page, going = held
    failed = []
    page.labs.view.exporter.fail = failed.append
    assert not pale(page)
    change(page)
    page.labs.play(playing=False)
    assert not page.labs.busy
    assert pale(page)
    page.labs.make_file("nc")
    assert "computed yet" in failed[0]
    going.set()
    page.labs.play()
    rest(page)
    assert not pale(page)
    assert bar(page)["verdict"] is not None


def test_a_step_under_way_is_not_begun_anew_and_makes_no_setting_play(held):
    page, going = held
    begun = []
    work = Quick.work
    Quick.work = lambda lab, seed: begun.append(seed) or work(lab, seed)  # undone with `held`
    for _ in range(5):
        page.labs.step()
    until(lambda: begun)
    page.labs.step()
    going.set()
    rest(page)
    assert begun == [0]
    assert bar(page)["done"] == 1
    going.clear()
    page.labs.step()
    page.labs.choose("height", 0.7)
    assert not page.labs.playing
    going.set()
    rest(page)
    assert bar(page)["done"] < 6


@pytest.mark.parametrize("count", [0, -1, 201, 10**12, 2.5, "7", True])
def test_a_number_of_seeds_that_a_page_does_not_compute_is_refused_with_a_sentence(opened, count):
    before = opened.labs.place
    opened.labs.view.bar.view.on_message({"action": "count", "value": count})
    assert "seeds must be a whole number from 1 to 200" in bar(opened)["message"]
    assert opened.labs.place == before


def test_a_link_opens_a_lab_and_a_reload_finds_it(page):
    page.open("#" + LINK)
    assert page.labs.place.lab.target == 2.0
    assert address(page) == LINK
    page.ready()  # the bar of the landscape has come later
    assert page.labs.shown
    assert not page.run.started
    page.open("labs=all")
    assert page.labs.place is None
    page.leave_labs()
    assert page.run.started
    until(lambda: page.picture is not None)


@pytest.mark.parametrize(
    "link",
    ["lab=none_such", "lab=constant_target&lab.nothing=1", "lab=constant_target&seeds=0",
     "lab=constant_target&first=-1", "lab=constant_target&lab.target=99",
     "lab=constant_target&preset=spirals", "lab=", "lab=constant_target&seeds=",
     "lab=constant_target&lab.target="],
)  # fmt: skip
def test_a_link_that_cannot_be_read_leads_to_the_gallery_and_says_why(page, link):
    page.open(link)
    assert page.labs.place is None
    assert address(page) == "labs=all"
    with pytest.raises(SpecError):
        named_by(link)


@pytest.mark.parametrize("name", sorted(entries(Lab)))
def test_the_link_of_every_lab_leads_to_it(name):
    there = LabPlace(opening(name).lab, 7, 1000)
    assert named_by(there.link()) == there
    assert " " not in there.link() + SAFE


def test_keys_are_those_of_the_lab_while_it_is_shown(opened):
    shortcuts = opened.layout.shortcuts.view
    shortcuts.on_message({"action": "undo"})
    assert not opened.run.started
    shortcuts.on_message({"action": "play"})
    rest(opened)
    assert bar(opened)["verdict"] is not None
    assert not opened.run.started


def test_another_seed_is_looked_at(opened):
    opened.labs.look_at(seed=3)
    assert bar(opened)["seed"] == 3


@pytest.mark.parametrize("form", FORMS)
def test_files_of_a_lab_have_their_content(opened, form):
    place = opened.labs.place
    data = content(form, place.lab, place.seeds, opened.labs.dataset)
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "nc": (b"CDF", b"\x89HDF"), "svg": b"<?xml",
              "py": b'"""'}  # fmt: skip
    assert data.startswith(starts[form])


def test_the_program_of_a_lab_is_one_that_runs_it():
    lab = find(Lab, "constant_target")(target=2.0)
    written = program(lab, [1000, 1001])
    compile(written, "program", "exec")
    assert "labs.run('constant_target', seeds=range(1000, 1002), target=2.0)" in written


def test_the_first_of_several_pictures_is_sent_before_the_others_are_made(page, monkeypatch):
    page.labs.go(opening("games"))
    later, shown = [], page.labs.view.pictures
    monkeypatch.setattr(page.run.queue, "soon", later.append)
    until(lambda: later)
    assert [type(pane).__name__ for pane in shown.objects[:2]] == ["Bokeh", "Spacer"]
    first, count = shown.objects[0], len(shown.objects)
    assert "number" not in bar(page)
    later.pop()()
    assert shown.objects[0] is first
    assert {type(pane).__name__ for pane in shown.objects} == {"Bokeh"}
    assert len(shown.objects) == count
    assert bar(page)["number"]
    assert not later
