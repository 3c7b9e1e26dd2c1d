"""A "Show me" does its steps one after the other, each when the browser has pointed at it."""

import pytest

from landscape_core.storage.store import Store
from landscape_lab.page.controller import Page
from landscape_lab.state.show_steps import show_steps
from landscape_lab.worker import thread
from waiting import until

LINK = "preset=spirals&step=4&slice.resolution=5"
STEPS = ["keep", {"set": {"run.batch_size": 8}}, {"compare": "own"}, {"train": 6}]


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.01)
    page = Page(LINK, store=Store(tmp_path))
    page.ready()
    until(lambda: page.picture is not None and not page.run.busy)
    yield page
    page.close()


def pointed(page):
    return page.layout.guide.shown.get("pointing")


def acted(page, number):
    """Do a step as the browser does, once it points at it."""
    until(lambda: (pointed(page) or {}).get("at") == number)
    page.layout.guide.view.on_message({"action": "act", "at": number})


def test_the_steps_are_done_in_their_order_and_can_be_undone(page):
    page.demonstration.begin(show_steps(STEPS, page.scene))
    assert pointed(page) == {"path": "", "action": "keep", "words": "Keep this run", "at": 0,
                             "of": 4}  # fmt: skip
    acted(page, 0)
    until(lambda: len(page.run.place.kept) == 1)
    acted(page, 1)
    acted(page, 2)
    assert page.scene.run.batch_size == 8
    until(lambda: (pointed(page) or {}).get("at") == 3)
    display = page.scene.display
    assert (display.show, display.comparison) == ("compare", "own")
    acted(page, 3)
    until(lambda: pointed(page) is None)
    assert not page.demonstration.under_way
    assert page.picture.readings.step == 6
    page.navigation.undo()
    until(lambda: not page.run.busy)
    assert page.scene.display.show == "2d"


def test_it_is_interrupted_and_a_late_step_is_not_done(page):
    page.demonstration.begin(show_steps(STEPS, page.scene))
    page.layout.guide.view.on_message({"action": "act", "at": 2})  # not due
    assert page.scene.display.show == "2d"
    page.layout.guide.view.on_message({"action": "stop"})
    assert pointed(page) is None
    page.layout.guide.view.on_message({"action": "act", "at": 0})
    assert not page.run.place.kept
