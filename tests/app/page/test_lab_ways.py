"""The ways to and from a lab: tours, presets, links with what is looked at, steps, and its run."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import pytest
import xarray as xr

from landscape_core import labs
from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves
from landscape_core.foundation.errors import FileFormatError
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.registry import entries, find
from landscape_core.labs.base import Lab
from landscape_core.storage.store import Store
from landscape_core.training.run import Training, train
from landscape_lab.content.tour import FOLDER, tour
from landscape_lab.page.controller import Page
from landscape_lab.state.form_model import assign
from landscape_lab.state.lab_place import LabPlace, named_by, opening, place_of_run
from landscape_lab.state.link import place
from landscape_lab.state.preset import PRESETS, presets, read_presets
from landscape_lab.worker import thread
from landscape_lab.worker.lab_work import next_seed
from waiting import until

pytestmark = pytest.mark.filterwarnings("ignore:This lab is not kept")  # nor need it be

SMALL = "preset=spirals&step=3&slice.resolution=7"

TOUR = textwrap.dedent("""\
    ---
    title: Ways
    ---
    ## One
    ```place
    preset: spirals
    step: 3
    slice.resolution: 7
    ```
    ## Two
    ```place
    lab: constant_target
    lab.target: 2.0
    seeds: 3
    seed: 1
    ```
    ## Three
    Words alone.

    > Question: Which way?
    >
    > Answer: Down.
    ## Four
    ```place
    preset: spirals
    step: 4
    slice.resolution: 7
    ```
    ## Five
    ```place
    https://class.example/app#lab=constant_target&seeds=2&tour=other&at=7
    ```
    """)


@dataclass(frozen=True, kw_only=True)
class Growing(Lab):
    """A line that grows, with a slider of its three moments."""

    label: ClassVar[str] = "Growing"
    family: ClassVar[str] = "Curvature"
    question: ClassVar[str] = "Does it grow?"
    claim: ClassVar[str] = "It does."
    shows: ClassVar[str] = "A line."
    source: ClassVar[str] = "Nobody, 2026"
    seconds: ClassVar[float] = 1.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion("number", "at most", 1.0)
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = "Nothing."
    pictures: ClassVar = (Curves(title="Line", x="step", y=("line",), frame="moment"),)

    height: Annotated[float, Knob(0.0, 2.0, "height of the line")] = 0.5
    moments: Annotated[int, Knob(2, 5, "number of moments")] = 3

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        line = self.height + np.arange(3.0) + np.zeros((self.moments, 3)) + seed
        for effect in (np.nan, self.height):
            yield xr.Dataset(
                {"line": (("moment", "step"), line), "effect": effect},
                {"step": np.arange(3), "moment": 10 * np.arange(self.moments)},
            )


@pytest.fixture(autouse=True)
def _nobody_draws(monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.01)


@pytest.fixture
def open_page(tmp_path, monkeypatch):
    folder = tmp_path / "tours"
    folder.mkdir()
    (folder / "ways.md").write_text(TOUR)
    monkeypatch.setenv(FOLDER, str(folder))
    pages = []

    def opened(link=SMALL):
        page = Page(link, store=Store(tmp_path / "store"))
        gallery = page.labs.view.gallery
        gallery.messages, gallery.message = [], lambda text: gallery.messages.append(text)
        pages.append(page)
        page.ready()
        until(lambda: page.labs.shown or (page.picture is not None and not page.run.busy))
        return page

    yield opened
    for page in pages:
        page.close()


@pytest.fixture
def growing(open_page):
    page = open_page()
    page.labs.go(LabPlace(Growing(), 6))
    rest(page)
    return page


def rest(page):
    until(lambda: page.labs.dataset is not None and not page.labs.busy)


def at_rest(page):
    until(lambda: page.picture is not None and not page.run.busy)


def said(page):
    """The message above the gallery."""
    return page.labs.view.gallery.messages[-1]


def bar(page):
    return page.labs.view.bar.shown


def address(page):
    return page.layout.link.view.value


def press(page, **message):
    page.layout.guide.view.on_message(message)


def is_visible(view, within):
    """Whether a view and all that hold it within another are visible."""
    if view is within:
        return view.visible
    held = getattr(within, "objects", [])
    return within.visible and any(is_visible(view, one) for one in held)


def visible(page):
    """Which of guide, form, landscape, toolbar and lab are shown."""
    layout = page.layout
    parts = {
        "guide": layout.guide.view,
        "form": layout.form.view,
        "landscape": layout.canvas.landscape,
        "toolbar": layout.toolbar.view,
        "lab": page.labs.view.view,
    }
    return {name for name, view in parts.items() if is_visible(view, page.view)}


LANDSCAPE = {"guide", "form", "landscape", "toolbar"}


# --- tours ---


def test_a_step_opens_a_lab_below_the_guide_and_the_next_ones_lead_back(open_page):
    page = open_page()
    press(page, action="tour", name="ways", step=1)
    at_rest(page)
    assert visible(page) == LANDSCAPE
    press(page, action="tour", name="ways", step=2)
    rest(page)
    assert visible(page) == {"guide", "lab"}
    assert page.labs.place.lab.target == 2.0
    assert address(page) == "lab=constant_target&lab.target=2.0&seeds=3&seed=1&tour=ways&at=2"
    press(page, action="tour", name="ways", step=3)
    assert visible(page) == {"guide", "lab"}
    assert address(page).endswith("&seed=1&tour=ways&at=3")
    press(page, action="tour", name="ways", step=4)
    at_rest(page)
    assert visible(page) == LANDSCAPE
    assert page.run.place.step == 4
    assert "&step=4&" in address(page)
    assert address(page).endswith("&tour=ways&at=4")
    press(page, action="tour", name="ways", step=5)
    rest(page)
    assert address(page) == "lab=constant_target&seeds=2&tour=ways&at=5"
    press(page, action="close")
    assert visible(page) == {"lab"}
    assert address(page) == "lab=constant_target&seeds=2"
    page.leave_labs()
    at_rest(page)
    assert visible(page) == LANDSCAPE


def test_a_question_of_a_step_takes_the_place_of_that_of_the_lab_whose_answer_is_folded(open_page):
    page = open_page()

    def asked():
        texts = [str(getattr(one, "object", "")) for one in page.labs.view.view.select()]
        folded = any("<summary>What it shows</summary>" in text for text in texts)
        return bar(page)["asked"], folded

    press(page, action="tour", name="ways", step=2)
    assert asked() == (False, False)
    press(page, action="tour", name="ways", step=3)
    assert asked() == (True, True)
    press(page, action="close")
    assert asked() == (False, False)


def test_the_slider_of_a_lab_goes_with_it(growing):
    assert bar(growing)["frame"]["name"] == "moment"
    growing.labs.view.clear()  # as another lab does before its first picture
    assert bar(growing)["frame"] is None


@pytest.mark.parametrize(
    "link",
    ["tour=ways&at=2", "lab=constant_target&lab.target=2.0&seeds=3&seed=1&tour=ways&at=2"],
)
def test_a_link_opens_the_lab_of_a_step_with_its_guide(open_page, link):
    page = open_page(link)
    rest(page)
    assert visible(page) == {"guide", "lab"}
    assert page.run.tour == ("ways", 2)
    assert page.layout.guide.shown["title"] == "Two"
    assert address(page) == "lab=constant_target&lab.target=2.0&seeds=3&seed=1&tour=ways&at=2"
    assert not page.run.started
    press(page, action="tour", name="ways", step=4)
    at_rest(page)
    assert visible(page) == LANDSCAPE
    assert page.run.place.step == 4


def test_a_link_with_a_step_and_another_lab_opens_this_lab(open_page):
    page = open_page("lab=xor_amplification&seeds=1&tour=ways&at=2")
    assert page.labs.place.name == "xor_amplification"
    assert page.run.tour == ("ways", 2)


def test_a_link_with_a_tour_that_is_not_there_leads_to_the_gallery_and_says_why(open_page):
    page = open_page("lab=constant_target&tour=nowhere&at=2")
    assert page.labs.place is None
    assert said(page).startswith("This link could not be opened: tour must be one of")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("lab: constant_target", "lab: constant", 12, "lab must be one of"),
        ("lab.target: 2.0", "lab.target: 99", 13, "between -5 and 5"),
        ("seeds: 3", "seeds: 0", 14, "seeds must be a whole number from 1"),
        ("seed: 1", "seed: 3", 15, "seed must be a whole number from 0 to 2"),
        ("seed: 1", "preset: spirals", 15, "preset"),
    ],
)
def test_a_step_with_a_lab_that_cannot_be_read_is_said_with_its_line(old, new, line, says):

    with pytest.raises(FileFormatError) as caught:
        tour("ways", TOUR.replace(old, new, 1))
    assert str(caught.value).startswith(f"line {line}: ")
    assert says in str(caught.value)


# --- presets ---


def test_a_preset_offers_its_lab_and_the_button_opens_it(open_page):
    page = open_page()
    assert page.layout.guide.shown["lab"] is None
    page.navigation.open_preset("projection")
    words, link = page.layout.guide.shown["lab"]
    assert words == "Try the claim: Trajectories in a plane"
    press(page, action="lab", link=link)
    assert page.labs.place == opening("trajectory_pca")
    assert visible(page) == {"lab"}


def test_labs_of_presets_exist_and_most_presets_of_a_claim_have_one():
    named = {preset.name: preset.lab for preset in presets().values() if preset.lab}
    assert set(named.values()) <= set(entries(Lab))
    assert len(named) >= 8
    assert named["flat_minima"] == "flat_and_sharp"


def test_a_preset_with_a_lab_that_is_not_there_is_left_out_with_a_sentence(tmp_path):
    text = (PRESETS / "game.yaml").read_text("utf-8")
    (tmp_path / "game.yaml").write_text(text.replace("lab: games", "lab: gamse"))
    with pytest.warns(UserWarning, match="game.yaml is left out: lab must be one of .*'gamse'"):
        assert read_presets(tmp_path) == {}


# --- links ---


def test_the_seed_and_the_frame_that_are_looked_at_are_in_the_link(open_page):
    page = open_page("lab=constant_target&seeds=6")
    rest(page)
    page.labs.look_at(seed=3)
    assert address(page) == "lab=constant_target&seeds=6&seed=3"
    page.labs.look_at(frame=1)
    assert address(page) == "lab=constant_target&seeds=6&seed=3"  # not at every move of the slider
    page.labs.view.bar.view.on_message({"action": "settled"})
    assert address(page) == "lab=constant_target&seeds=6&seed=3&frame=1"
    there = named_by(address(page))
    assert (there.shown, there.frame) == (3, 1)
    page.open(address(page))
    rest(page)
    assert (bar(page)["seed"], bar(page)["frame"]["index"]) == (3, 1)
    page.labs.look_at(frame=bar(page)["frame"]["count"] - 1)  # the last one: as it opens
    page.labs.show_link()
    assert address(page) == "lab=constant_target&seeds=6&seed=3"
    page.labs.choose("target", 3.0)
    assert address(page) == "lab=constant_target&lab.target=3.0&seeds=6&seed=3"
    page.labs.count(2)
    assert address(page) == "lab=constant_target&lab.target=3.0&seeds=2&seed=1"
    page.labs.fresh()
    page.labs.play(playing=False)
    assert address(page) == "lab=constant_target&lab.target=3.0&seeds=2&first=5000&seed=5001"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("seed=6", "seed must be a whole number from 0 to 5; got '6'"),
        ("first=10&seed=9", "seed must be a whole number from 10 to 15; got '9'"),
        ("seed=x", "seed must be a whole number"),
        ("frame=-1", "frame must be a whole number"),
        ("frame=1.5", "frame must be a whole number"),
        ("frame=77", "frame must be a whole number from 0 to 43; got '77'"),
    ],
)
def test_a_link_with_a_bad_seed_or_frame_leads_to_the_gallery_and_says_why(open_page, words, says):
    page = open_page()
    page.open(f"lab=constant_target&seeds=6&{words}")
    until(lambda: page.labs.place is None)
    assert address(page) == "labs=all"
    assert said(page).startswith(f"This link could not be opened: {says}")


def test_a_setting_with_fewer_frames_leads_to_the_last_one(growing):
    page = growing
    page.labs.choose("moments", 5)
    rest(page)
    page.labs.look_at(frame=3)
    page.labs.choose("height", 1.0)
    rest(page)
    assert bar(page)["frame"]["index"] == 3
    page.labs.choose("moments", 2)
    rest(page)
    assert page.labs.place.frame is None
    assert bar(page)["frame"]["index"] == 1
    assert "frame" not in address(page)


def test_a_frame_is_refused_where_no_picture_moves(open_page):
    page = open_page("lab=trajectory_pca&frame=0")
    assert page.labs.place is None
    assert "no picture of 'Trajectories in a plane' moves" in said(page)


# --- step ---


def test_a_step_computes_the_next_seed_shows_it_and_holds(growing):
    page = growing
    for done in range(1, 7):
        page.labs.view.bar.view.on_message({"action": "step"})
        rest(page)
        assert not page.labs.playing
        assert bar(page)["done"] == done
        assert bar(page)["seed"] == page.labs.place.shown == done - 1
        assert (bar(page).get("verdict") is None) == (done < 6)
        known = page.labs.dataset["effect"].notnull().values
        assert known.tolist() == [index < done for index in range(6)]
    assert bar(page)["verdict"]["word"] == "PASS"
    assert "seed=5" in address(page)
    page.labs.step()  # all are there: the next one is looked at
    assert bar(page)["seed"] == 0
    assert not page.labs.busy


def test_the_key_of_a_step_is_the_labs_while_it_is_shown(growing):
    growing.layout.shortcuts.view.on_message({"action": "step"})
    rest(growing)
    assert bar(growing)["done"] == 1


def test_a_step_computes_the_first_missing_seed_and_shows_those_that_are_kept(tmp_path):
    there, store = LabPlace(find(Lab, "constant_target")(), 4), Store(tmp_path)
    kept = next(there.lab.work(0)).assign(effect=0.25)
    for seed in (0, 2):
        store.put(labs.key(there.lab, seed), kept)
    *_, (index, progress) = next_seed(there, store, 0)
    assert (index, progress.done, progress.total) == (1, 3, 4)
    found = progress.dataset
    assert found["seed"].values.tolist() == [0, 1, 2, 3]
    assert found["effect"].notnull().values.tolist() == [True, True, True, False]
    assert "verdict" not in found.attrs
    assert found.attrs["unfinished"] == [3]
    with pytest.raises(FileFormatError, match="1 of 4 are not computed yet"):
        labs.verdict(found)
    alone = labs.run(there.lab, [1])["effect"].values[0]
    assert found["effect"].values[1] == alone


# --- the run of a lab ---


def test_the_run_of_a_lab_opens_in_the_landscape_and_is_the_labs(open_page):
    page = open_page()
    lab = find(Lab, "trajectory_pca")(width=4, epochs=12, optimizer="Adam")
    page.labs.go(LabPlace(lab, 3, 20, shown=2))
    until(lambda: page.labs.dataset is not None)
    assert bar(page)["has_run"]
    page.labs.view.bar.view.on_message({"action": "open_run"})
    at_rest(page)
    assert visible(page) == LANDSCAPE
    assert page.scene.run == lab.training_run(22)
    assert page.run.place.preset == "projection"
    assert page.picture.readings.step == lab.training_run(22).steps
    *_, last = train(lab.training_run(22))
    expected = float(Training(lab.training_run(22)).instance.train.loss(last.theta))
    assert page.picture.readings.values["train_loss"] == pytest.approx(expected, rel=1e-4)
    assert place(address(page)).scene.run == lab.training_run(22)
    words = page.layout.guide.shown
    assert words["question"] == "This is the run of the lab “Trajectories in a plane” with seed 22."
    press(page, action="lab", link=words["lab"][1])
    assert page.labs.place == LabPlace(lab, 3, 20, shown=2)


def test_a_lab_whose_run_cannot_be_stated_has_no_button_and_opens_nothing(growing):
    assert not bar(growing)["has_run"]
    growing.labs.open_run()
    assert growing.labs.shown
    assert place_of_run(growing.labs.place) is None


@pytest.mark.parametrize("name", ["trajectory_pca", "flat_and_sharp", "good_saddles"])
def test_the_place_of_a_run_has_a_link_that_leads_to_it(name):
    there = place_of_run(LabPlace(assign(find(Lab, name)(), *CHANGED[name]), 4, 7, shown=3))
    assert there.start.run == there.scene.run
    assert there.start.run.seed == 10
    assert place(there.link()) == there


CHANGED = {
    "trajectory_pca": ("optimizer", "SGD"),
    "flat_and_sharp": ("weight_decay", 0.001),
    "good_saddles": ("activation", "relu"),
}


# --- two pages of one server ---


@pytest.mark.exhaustive
def test_two_pages_do_not_meet_and_may_compute_the_same_lab_at_once(open_page):
    one, two = open_page(), open_page()
    for page in (one, two):
        page.open("lab=constant_target&seeds=2")
    one.labs.play()
    two.labs.play()
    rest(one)
    rest(two)
    expected = labs.repeatable(labs.run("constant_target", seeds=2))
    for page in (one, two):
        assert labs.repeatable(page.labs.dataset).identical(expected)
    before = two.labs.place, two.labs.dataset, address(two), dict(bar(two))
    form = two.labs.view.form.view.sections
    one.labs.choose("target", -1.5)
    one.labs.look_at(seed=1)
    one.labs.play()
    rest(one)
    one.labs.fresh()
    one.labs.play(playing=False)
    one.labs.open_gallery()
    one.leave_labs()
    at_rest(one)
    assert (two.labs.place, two.labs.dataset, address(two), dict(bar(two))) == before
    assert two.labs.dataset is before[1]
    assert two.labs.view.form.view.sections == form
    assert two.labs.shown
    assert not two.run.started or two.picture is not None
    assert bar(two)["verdict"]["text"] == str(before[3]["verdict"]["text"])


@pytest.mark.exhaustive
def test_two_pages_with_other_settings_at_once_have_their_own_numbers(open_page):
    one, two = open_page(), open_page()
    for page, target in ((one, 0.5), (two, -2.0)):
        page.open(f"lab=constant_target&lab.target={target}&seeds=2&first=40")
        page.labs.play()
    for page, target in ((one, 0.5), (two, -2.0)):
        rest(page)
        assert json.loads(page.labs.dataset.attrs["lab"])["target"] == target
        expected = labs.run("constant_target", seeds=[40, 41], target=target)
        assert labs.repeatable(page.labs.dataset).identical(labs.repeatable(expected))
