"""The page's controls as ipywidgets: the same values on both sides, whoever changed them."""

import pytest

from landscape_core.storage.store import Store
from landscape_lab.notebook.controls import Controls
from landscape_lab.page.controller import Page
from landscape_lab.state.form_model import rows
from landscape_lab.worker import thread
from waiting import until


@pytest.fixture(autouse=True)
def _nobody_draws(monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.01)


@pytest.fixture
def page(tmp_path):
    page = Page(store=Store(tmp_path))
    yield page
    page.close()


def test_every_row_of_the_form_is_a_widget(page):
    controls = Controls(page)
    assert list(controls) == [entry.path for entry in rows(page.scene)]
    assert all(hasattr(widget, "value") for widget in controls.values())


def test_a_widget_changes_the_page(page):
    controls = Controls(page)
    controls["run.optimizer.learning_rate"].value = 0.5
    assert page.scene.run.optimizer.learning_rate == 0.5


def test_the_page_changes_its_widgets_and_which_there_are(page):
    controls = Controls(page)
    page.choose("run.optimizer", "sgd")
    assert controls["run.optimizer"].value == "sgd"
    assert "run.optimizer.beta1" not in controls
    page.choose("run.batch_size", 20)
    assert controls["run.batch_size"].value == 20


def test_a_refused_value_leaves_the_scene_and_is_said_at_the_control(page):
    page.ready()
    until(lambda: page.picture is not None)
    page.choose("run.batch_size", 5000)
    until(lambda: "run.batch_size" in page.layout.form.view.errors)
    assert "at most" in page.layout.form.view.errors["run.batch_size"]
    assert page.scene.run.batch_size == 64


def test_the_play_button_plays_and_holds(page):
    controls = Controls(page)
    page.ready()
    until(lambda: page.picture is not None and page.picture.readings.step == 60)
    controls.play.value = True
    until(lambda: page.picture.readings.step > 63)
    controls.play.value = False
    assert not page.playing


def test_closing_a_page_leaves_no_thread(tmp_path):
    import threading

    before = threading.active_count()
    page = Page(store=Store(tmp_path))
    page.ready()
    page.play()
    page.close()
    assert threading.active_count() == before
