"""What a page cannot do it says in a sentence; what a visitor may not name it does not look up."""

import logging

import panel as pn
import pytest

from landscape_core.storage.store import Store
from landscape_lab.bridge import hosted
from landscape_lab.page import run as run_module
from landscape_lab.page.controller import Page
from landscape_lab.page.last_catch import DEBUG, caught
from landscape_lab.worker import thread
from waiting import until

NETWORK = "run.problem.architecture"
REFUSED = "no visitor of a served page names files of the server"


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "mode", lambda: "server")
    pn.extension()
    monkeypatch.setattr(thread, "PATIENCE", 0.01)
    made = Page("preset=spirals&step=3&slice.resolution=11", store=Store(tmp_path))
    made.ready()
    at_rest(made)
    yield made
    made.close()


def at_rest(page):
    until(lambda: page.picture is not None and not page.run.busy)


def test_a_command_that_fails_is_told(monkeypatch, caplog):
    told = []

    def failing(number):
        raise KeyError(number)

    command = caught(failing, told.append)
    command(3)
    assert told == ["Something failed: KeyError: 3"]
    assert not caplog.records
    monkeypatch.setenv(DEBUG, "1")
    with caplog.at_level(logging.ERROR):
        command(4)
    assert "Traceback" in caplog.text


def test_a_tour_that_there_is_not_is_told(page):
    page.layout.guide.view.on_message({"action": "tour", "name": "none", "step": 1})
    assert "tour must be one of" in page.layout.toolbar.shown["message"]


@pytest.mark.parametrize("file", ["/etc/passwd", "/no/such/file"])
def test_a_visitor_names_no_file_in_the_form_of_a_served_page(page, file, monkeypatch):
    monkeypatch.setattr(page.run, "submit", lambda **_: None)  # there are no directions yet
    page.choose("slice.directions", "given")
    page.choose("slice.directions.file", file)
    assert REFUSED in page.layout.form.view.errors["slice.directions.file"]
    assert page.scene.slice.directions.file == ""


@pytest.mark.parametrize("file", ["/etc/passwd", "/no/such/file"])
def test_a_link_of_a_served_page_names_no_file(page, file):
    page.navigation.open(f"slice.directions=given&slice.directions.file={file}")
    assert REFUSED in page.layout.toolbar.shown["message"]
    assert page.scene.slice.directions != "given"


def test_a_network_too_large_is_refused_at_its_control_and_the_run_stays(page):
    page.choose(f"{NETWORK}.depth", 20)
    at_rest(page)
    before = page.picture
    page.choose(f"{NETWORK}.width", 4096)
    until(lambda: page.layout.form.view.errors)
    (said,) = page.layout.form.view.errors.values()
    assert "million parameters take about" in said
    assert page.scene.run.problem.architecture.width == 16
    assert page.picture.seen == before.seen


def test_a_link_to_a_network_too_large_says_so(page):
    page.navigation.open(f"{NETWORK}.width=4096&{NETWORK}.depth=20")
    shown = page.layout
    until(lambda: shown.form.view.errors or shown.toolbar.shown["message"])
    told = str(shown.form.view.errors) + shown.toolbar.shown["message"]
    assert "million parameters take about" in told


@pytest.mark.parametrize("file", ["/etc/passwd", "/no/such/file"])
def test_a_voila_that_others_reach_has_the_same_rule_as_a_served_page(page, file, monkeypatch):
    monkeypatch.setattr(page.run, "submit", lambda **_: None)
    page.run.host = "voila"
    page.choose("slice.directions", "given")
    monkeypatch.setenv(hosted.VISITORS, "1")
    page.choose("slice.directions.file", file)
    assert REFUSED in page.layout.form.view.errors["slice.directions.file"]
    monkeypatch.delenv(hosted.VISITORS)
    page.choose("slice.directions.file", "own.npy")
    assert page.scene.slice.directions.file == "own.npy"


def test_in_a_notebook_files_are_the_users_own(page, monkeypatch):
    monkeypatch.setattr(page.run, "submit", lambda **_: None)
    page.run.host = "notebook"
    page.choose("slice.directions", "given")
    page.choose("slice.directions.file", "own.npy")
    assert page.scene.slice.directions.file == "own.npy"
