"""The page without a browser: what a press leads to, and where the page then stands."""

import re
import threading
import time

import pytest
import xarray as xr

from landscape_core.models.weight_change import WeightChange
from landscape_core.storage.store import Store
from landscape_lab.figures.camera import Camera
from landscape_lab.page.controller import Page
from landscape_lab.state import link as link_module
from landscape_lab.state.form_model import assign, plain_value
from landscape_lab.state.link import place
from landscape_lab.state.scene import Scene
from landscape_lab.worker import thread
from waiting import until

RATE = "run.optimizer.learning_rate"
LINK = "preset=spirals&step=12&slice.resolution=11"


@pytest.fixture(autouse=True)
def _nobody_draws(monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.01)


@pytest.fixture
def page(tmp_path):
    page = Page(LINK, store=Store(tmp_path))
    page.ready()
    at_rest(page)
    yield page
    page.close()


def at_rest(page):
    until(lambda: page.picture is not None and not page.run.busy)


def link_of(page):
    return page.layout.link.view.value


def without_strategy(link):
    """The link without how the picture was evaluated, which the clock decides."""
    return re.sub(r"&strategy=\w+", "", link)


def test_looking_back_and_changing_a_setting_goes_on_from_there(page):
    page.seek(5)
    at_rest(page)
    assert page.picture.seen == 5
    assert without_strategy(link_of(page)) == LINK + "&seen=5"
    page.choose(RATE, 0.5)
    at_rest(page)
    assert (page.picture.seen, page.picture.readings.step) == (5, 5)
    assert without_strategy(link_of(page)).endswith(f"at.5.{RATE}=0.5")
    page.step()
    at_rest(page)
    assert page.picture.readings.step == 6
    page.navigation.undo()
    at_rest(page)
    assert page.picture.curves.sizes["step"] == 13
    assert page.scene.run.optimizer.learning_rate == 0.02
    page.navigation.redo()
    at_rest(page)
    assert page.scene.run.optimizer.learning_rate == 0.5


def test_a_page_that_nobody_looks_at_holds_its_run_and_has_no_thread_until_it_is_used(page):
    page.play()
    until(lambda: page.picture.readings.step > 14)
    page.rest()
    until(lambda: not [one for one in threading.enumerate() if one.name == "worker"])
    assert not page.playing
    step = page.picture.readings.step
    page.step()
    at_rest(page)
    assert page.picture.readings.step > step


def test_play_after_looking_back_shows_again_what_was_and_then_goes_on(page):
    page.seek(3)
    at_rest(page)
    page.play()
    until(lambda: page.picture.readings.step > 14)
    page.play(playing=False)
    at_rest(page)
    assert page.picture.curves["step"].values[:13].tolist() == list(range(13))


def test_a_place_of_the_picture_is_looked_at_left_and_started_from(page):
    held = page.picture
    alpha, beta = float(held.slice["alpha"][3]), float(held.slice["beta"][8])
    page.look_at(alpha, beta)
    until(lambda: page.picture.point is not None)
    at_rest(page)
    loss = page.picture.point.values["train_loss"]
    page.leave_point()
    at_rest(page)
    assert page.picture.point is None
    page.look_at(alpha, beta)
    until(lambda: page.picture.point is not None)
    at_rest(page)
    page.navigation.start_here()
    at_rest(page)
    assert page.picture.readings.step == 0
    assert page.picture.readings.values["train_loss"] == pytest.approx(loss, rel=1e-6)
    assert place(link_of(page)).origin.alpha == alpha
    page.navigation.undo()
    at_rest(page)
    assert page.picture.readings.step == 12


def test_weights_set_by_hand_move_the_point_and_a_run_starts_from_them(page):
    change, other = WeightChange("0.bias", (3,), 1.5), WeightChange("2.bias", (0,), -2.0)
    page.set_weight(change)
    until(lambda: page.picture.point is not None)
    at_rest(page)
    page.set_weight(other)
    until(lambda: page.picture.point is not None and len(page.picture.point.changes) == 2)
    at_rest(page)
    assert page.picture.point.distance > 0
    page.set_weight(None)
    until(lambda: page.picture.point.changes == (change,))
    at_rest(page)
    loss = page.picture.point.values["train_loss"]
    page.navigation.start_here()
    at_rest(page)
    assert page.picture.readings.step == 0
    assert page.picture.readings.values["train_loss"] == pytest.approx(loss, rel=1e-6)
    origin = place(link_of(page)).origin
    assert (origin.alpha, origin.weights) == (None, (change,))
    page.navigation.undo()
    at_rest(page)
    assert (page.picture.readings.step, page.picture.point) == (12, None)
    page.set_weight(change)
    page.set_weight(None)
    at_rest(page)
    assert page.picture.point is None
    assert page.run.weights == ()
    page.set_weight(WeightChange("0.bias", (15,), 1.5))
    page.choose("run.problem.architecture.width", 3)
    at_rest(page)
    assert page.scene.run.problem.architecture.width == 3
    assert page.run.weights == ()


def test_a_weight_that_is_refused_leaves_those_that_are_shown(page):
    change = WeightChange("0.bias", (3,), 1.5)
    page.set_weight(change)
    until(lambda: page.picture.point is not None)
    at_rest(page)
    page.set_weight(WeightChange("2.bias", (0,), 1e39))
    until(lambda: page.layout.toolbar.alerting)
    assert page.run.weights == (change,)
    page.set_weight(WeightChange("2.bias", (1,), 0.5))
    until(lambda: len(page.picture.point.changes) == 2)
    at_rest(page)
    assert not page.layout.toolbar.alerting


def test_a_kept_run_is_compared_with_one_that_differs_in_what_was_changed(page):
    page.navigation.keep()
    at_rest(page)
    kept = page.run.update.kept
    assert [one.place.step for one in kept] == [12]
    page.choose("run.batch_size", 7)
    at_rest(page)
    assert page.picture.readings.step == 12
    assert page.scene.run.batch_size == 7
    words = link_of(page)
    assert "run.batch_size=7" in words
    assert "kept=preset%3Dspirals" in words
    for mode in ("side", "surfaces", "own", "difference", "together"):
        page.choose("display.comparison", mode)
        page.choose("display.show", "compare")
        at_rest(page)
    together = page.run.update.together
    assert together.sizes["run"] == 1
    deep = page.layout.canvas.compared.surfaces
    assert [words for _, words, _ in deep.view.titles] == ["batch size 64", "batch size 7"]
    shown = page.layout.canvas.compared.comparison
    assert "batch size 64" in shown.names.text
    assert "batch size 7" in shown.names.text
    there = place(words)
    assert [kept.step for kept in there.kept] == [12]
    again = Page(
        words.replace("&kept", "&display.show=compare&kept", 1), store=page.run.worker.store
    )
    again.ready()
    at_rest(again)
    xr.testing.assert_identical(again.run.update.kept[0].picture.slice, kept[0].picture.slice)
    again.close()
    page.navigation.forget()
    at_rest(page)
    assert page.scene.display.show == "2d"
    assert "kept" not in link_of(page)


def test_a_row_and_a_preset_can_be_restored(page):
    page.choose("run.optimizer", "sgd")
    page.choose(RATE, 0.7)
    page.restore(RATE)
    assert page.scene.run.optimizer.learning_rate == 0.02  # the preset's, which is Adam's
    page.restore("run.optimizer")
    page.navigation.open_preset("")
    at_rest(page)
    assert page.picture.readings.step == 60
    assert not page.layout.toolbar.shown["changed"]


def test_stop_leaves_what_there_is(page):
    page.choose("run.problem.architecture.depth", 20)
    page.choose("slice.resolution", 201)
    page.run.cancel()
    assert not page.run.busy
    page.choose("slice.resolution", 11)
    at_rest(page)
    assert page.picture.slice.sizes["alpha"] == 11


def test_a_file_is_made_of_the_held_picture_even_while_the_run_plays(page):
    made = []
    page.layout.exporter.deliver = lambda *file: made.append(file)
    page.play()
    until(lambda: page.picture.readings.step > 14)
    page.export.make("python")
    until(lambda: made)
    name, _, data, text = made[0]
    assert name.endswith(".py")
    assert text == data.decode()
    assert not page.playing


def test_a_scene_of_ones_own_has_neither_presets_nor_a_link(tmp_path):
    scene = assign(Scene(), "slice.resolution", 11)
    page = Page(store=Store(tmp_path), own=scene)
    page.ready()
    at_rest(page)
    page.play()
    until(lambda: page.picture.readings.step > 3)
    page.reset()
    at_rest(page)
    assert page.picture.readings.step == 0
    assert link_of(page) == ""
    page.close()


def toolbar_of(page):
    return page.layout.toolbar.shown


def test_a_link_of_too_many_changes_is_refused_with_a_reason_and_the_first_preset_opens(page):
    many = "&".join(f"at.{step}.{RATE}=0.1" for step in range(12_000))
    start = time.monotonic()
    page.navigation.open(LINK + "&" + many)
    assert time.monotonic() - start < 2
    assert toolbar_of(page)["message"].startswith("This link could not be opened: ")
    assert "must be at most" in toolbar_of(page)["message"]
    at_rest(page)
    assert "at." not in link_of(page)


def test_a_change_that_no_link_could_hold_is_not_made_and_its_control_says_so(page, monkeypatch):
    monkeypatch.setattr(link_module, "MOST_WORDS", 6)
    page.choose(RATE, 0.5)
    at_rest(page)
    page.step()
    at_rest(page)
    page.choose(RATE, 0.6)
    at_rest(page)
    before = without_strategy(link_of(page))
    assert before.count("at.") == 2
    page.step()
    at_rest(page)
    page.choose(RATE, 0.7)
    at_rest(page)
    assert without_strategy(link_of(page)) == before.replace("step=13", "step=14")
    assert page.scene.run.optimizer.learning_rate == 0.6
    assert "a link that cannot be opened" in page.layout.form.view.errors[RATE]
    place(link_of(page))
    page.reset()
    at_rest(page)
    page.choose(RATE, 0.7)
    at_rest(page)
    assert page.scene.run.optimizer.learning_rate == 0.7


def test_a_run_that_no_link_could_hold_is_neither_kept_nor_started(page, monkeypatch):
    monkeypatch.setattr(link_module, "MOST_WORDS", 5)
    page.navigation.keep()
    at_rest(page)
    assert page.run.place.kept == ()
    assert "a link that cannot be opened" in toolbar_of(page)["message"]
    monkeypatch.setattr(link_module, "MOST_WORDS", 1000)
    monkeypatch.setattr(link_module, "MOST_ORIGINS", 0)
    page.look_at(0.1, 0.2)
    at_rest(page)
    page.navigation.start_here()
    at_rest(page)
    assert page.run.place.origin is None
    assert "start in one another" in toolbar_of(page)["message"]


def test_the_address_of_a_held_picture_names_its_strategy_and_opens_the_same_numbers(
    page, tmp_path
):
    held = page.picture.slice
    until(lambda: place(link_of(page)).strategy == held.attrs["strategy"][0])
    link = link_of(page)
    again = Page(link, store=Store(tmp_path / "another"))
    again.ready()
    at_rest(again)
    xr.testing.assert_equal(again.picture.slice["loss"], held["loss"])
    until(lambda: link_of(again) == link)
    again.close()
    page.choose(RATE, 0.5)
    assert place(link_of(page)).strategy == ""
    at_rest(page)
    page.step()
    at_rest(page)
    until(lambda: place(link_of(page)).strategy == page.picture.slice.attrs["strategy"][0])


def test_another_scale_refines_a_slice_to_a_tolerance_anew(page):
    def unit():
        return page.picture.slice["error"].attrs["units"]

    page.choose("slice.resolution", 33)
    page.choose("slice.tolerance", 0.01)
    at_rest(page)
    assert unit() == "fraction of the range of log10(loss)"
    page.choose("display.scale", "linear")
    at_rest(page)
    until(lambda: unit() == "fraction of the range of the loss")
    exact = page.picture
    page.choose("slice.tolerance", 0.0)
    at_rest(page)
    until(lambda: page.picture is not exact)
    exact = page.picture
    page.choose("display.scale", "log")
    assert not page.run.busy  # every point is computed: only drawn otherwise
    assert page.picture is exact


def test_an_error_names_the_control_not_the_field(page):
    page.choose("slice.batch_norm", "interpolated")
    until(lambda: not page.run.busy and page.layout.form.view.errors)
    (told,) = page.layout.form.view.errors.values()
    assert told.startswith("batch norm must be running, batch or reestimated")


def test_the_line_below_the_picture_names_statistics_and_has_all_of_it_under_the_pointer(page):
    page.choose("run.problem.architecture.normalization", "batch")
    at_rest(page)
    until(lambda: "batch norm running" in page.layout.canvas.quality.text)
    whole, shown = page.layout.canvas.quality.whole, page.layout.canvas.quality.text
    assert "121 of 121 points computed" in whole
    assert "batch norm running (the centre's stored statistics at every point)" in whole
    assert "(the centre" not in shown


def test_the_line_below_the_picture_has_the_first_warning_of_what_may_mislead(page):
    at_rest(page)  # on the plane of the path to come, of which these are the first steps
    assert "warning" not in page.layout.canvas.quality.text
    page.choose("slice.horizon", 0)  # the plane of the path so far, which lies on it
    until(lambda: page.picture.spec.horizon == 0 and not page.run.busy)
    assert "warning" not in page.layout.canvas.quality.text
    page.choose("slice.directions", "random")
    until(lambda: "warning" in page.layout.canvas.quality.text)
    whole, shown = page.layout.canvas.quality.whole, page.layout.canvas.quality.text
    assert "warning: path off the plane" in shown
    assert "warning: The path lies up to" in whole


def shades(page):
    """How opaque the landscape and the loss curves are."""
    stale = page.layout.toolbar.shown.get("stale", {})
    return [0.35 if stale.get(name) else 1 for name in ("landscape", "curves")]


@pytest.mark.parametrize("show", ["2d", "compare"])
def test_a_picture_of_other_settings_is_pale_and_says_which_until_it_obeys(page, show):
    page.navigation.keep()
    at_rest(page)
    page.choose("run.batch_size", 7)
    at_rest(page)
    page.choose("display.show", show)
    at_rest(page)
    assert shades(page) == [1, 1]
    page.choose("run.batch_size", 100)
    assert max(shades(page)) < 0.5
    line = page.layout.canvas.quality.text
    assert "Computing … This picture shows batch size 7" in line
    at_rest(page)
    assert shades(page) == [1, 1]
    assert "This picture" not in page.layout.canvas.quality.text


def test_another_slice_leaves_the_curves_and_a_stopped_one_says_what_is_shown(page):
    page.choose("slice.resolution", 201)
    assert [shade < 0.5 for shade in shades(page)] == [True, False]
    page.run.cancel()
    assert "Not computed. This picture shows resolution 11" in page.layout.canvas.quality.text
    page.choose("slice.resolution", 11)
    at_rest(page)
    assert shades(page) == [1, 1]


def test_every_style_is_set_in_both_states(page):
    canvas = page.layout.canvas
    before = [set(place.styles) for place in (*canvas.landscape, *canvas.side)]
    page.navigation.open(
        "preset=curved_valley&step=2&slice.resolution=11&display.side_panel=boundary"
    )
    assert max(shades(page)) < 0.5
    assert "the preset Two spirals" in canvas.quality.text
    assert [set(place.styles) for place in (*canvas.landscape, *canvas.side)] == before
    at_rest(page)
    assert shades(page) == [1, 1]


def test_the_camera_is_in_the_link_but_no_step_of_undo_and_a_preset_has_its_own(page):
    page.choose(RATE, 0.5)
    at_rest(page)
    page.look_from("10, 20, 3")
    assert "display.camera=10,%2020,%203" in link_of(page)
    assert place(link_of(page)).scene.display.camera == "10, 20, 3"
    page.navigation.undo()
    at_rest(page)
    assert page.scene.run.optimizer.learning_rate == 0.02
    assert page.scene.display.camera == "10, 20, 3"
    page.choose("display.show", "3d")
    assert page.layout.canvas.surface.camera == "10, 20, 3"
    page.look_from("")
    page.layout.canvas.surface.home = Camera(-58, 40, 4.45)  # of this picture
    seen = page.layout.canvas.as_seen(page.run.place)
    assert seen.scene.display.camera == "-58, 40, 4.45"
    assert page.scene.display.camera == ""
    page.look_from("10, 20, 3")
    assert page.layout.canvas.as_seen(page.run.place) == page.run.place
    page.navigation.open(
        "preset=curved_valley&step=2&slice.resolution=11&display.side_panel=boundary"
    )
    at_rest(page)
    assert page.layout.canvas.surface.camera == ""
    assert "camera" not in link_of(page)


def test_a_refused_value_brings_back_the_line_below_the_picture(page):
    line = page.layout.canvas.quality.text
    page.choose("run.batch_size", 5000)
    until(lambda: page.layout.form.view.errors and not page.run.busy)
    assert shades(page) == [1, 1]
    assert page.layout.canvas.quality.text == line


def test_the_bar_has_no_place_for_what_a_problem_does_not_have(page):
    assert "test_loss" not in toolbar_of(page)["absent"]
    page.navigation.open("preset=game&step=2&slice.resolution=11&display.side_panel=boundary")
    at_rest(page)
    assert {"test_loss", "test_accuracy"} <= set(toolbar_of(page)["absent"])
    assert toolbar_of(page)["value_name"] == "value of the game"
    assert page.picture.slice.attrs["value"] == "value of the game"


@pytest.mark.parametrize("data", ["regression_1d", "friedman1"])
def test_data_with_numbers_as_targets_are_shown_with_a_loss_for_them_which_is_said(page, data):
    page.choose("run.problem.loss", "cross_entropy")
    at_rest(page)
    page.choose("run.problem.dataset", data)
    at_rest(page)
    assert plain_value(page.scene.run.problem.dataset) == data
    assert page.picture.run.problem == page.scene.run.problem
    said = page.layout.toolbar.shown
    assert "the loss is now squared error" in said["message"]
    assert not said["alert"]
    assert "run.problem.loss=squared_error" in link_of(page)
    page.choose("run.problem.dataset", "moons")
    at_rest(page)
    assert plain_value(page.picture.run.problem.dataset) == "moons"
    assert not page.layout.toolbar.alerting


def test_a_link_with_data_that_its_loss_does_not_apply_to_is_refused(page):
    page.open("preset=spirals&run.problem.dataset=regression_1d&run.problem.loss=cross_entropy")
    until(lambda: not page.run.busy and page.layout.form.view.errors)
    assert "squared_error" in page.layout.form.view.errors["run.problem.loss"]
    assert plain_value(page.scene.run.problem.dataset) == "spirals"


def test_a_changed_comparison_is_pale_at_once_and_until_the_new_one_is_drawn(page, monkeypatch):
    page.navigation.keep()
    at_rest(page)
    page.choose("run.batch_size", 7)
    at_rest(page)
    canvas, told, drawn = page.layout.canvas, [], []
    mark, draw = canvas.mark, canvas.draw

    def pictures():
        return page.layout.toolbar.shown["stale"]["landscape"]

    def marked(staleness):
        mark(staleness)
        told.append((staleness.words, pictures()))

    def recorded(*given, **named):
        draw(*given, **named)
        drawn.append(pictures())

    monkeypatch.setattr(canvas, "mark", marked)
    monkeypatch.setattr(canvas, "draw", recorded)
    for path, value, words in (
        ("display.show", "compare", "one run"),
        ("display.comparison", "difference", "the comparison (side by side)"),
        ("display.comparison", "together", "the comparison (differences)"),
    ):
        told.clear()
        drawn.clear()
        page.choose(path, value)
        at_rest(page)
        assert told[0] == (f"Computing … This picture shows {words}", True)
        assert drawn[0]
        assert told[-1][0] == ""
        assert not pictures()
