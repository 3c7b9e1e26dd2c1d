"""Where a page stands: links that say so, and runs that lead there to the bit."""

from collections import deque
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.models.weight_change import WeightChange
from landscape_core.slices.strategies.loop import Loop
from landscape_lab.page.comparison import differing
from landscape_lab.state import link as link_module
from landscape_lab.state.form_model import assign
from landscape_lab.state.history import History
from landscape_lab.state.link import opening, place
from landscape_lab.state.navigator import Navigator
from landscape_lab.state.place import Change, Origin
from landscape_lab.state.preset import presets

RATE = "run.optimizer.learning_rate"


def small(name="spirals"):
    there = opening(name)
    scene = assign(there.start, "slice.resolution", 11)
    return replace(there, start=assign(scene, "run.problem.dataset.points", 80), step=12)


def arrived(there):
    navigator = Navigator(there, strategy=Loop())
    return navigator, deque(navigator.pictures(), maxlen=1)[0]


@pytest.mark.parametrize("name", presets())
def test_every_preset_has_a_link_that_opens_it(name):
    assert place(opening(name).link()) == opening(name)
    assert len(opening(name).link()) < 60


def changed_on_the_way():
    there = small().wanting(assign(small().scene, RATE, 0.3))
    later = replace(there, step=20)
    later = later.wanting(assign(later.scene, "run.batch_size", 7))
    fixed = assign(assign(later.scene, "slice.directions", "random"), "slice.follow", False)
    return replace(later.wanting(fixed), step=25)


def test_changes_on_the_way_are_part_of_the_link():
    there = changed_on_the_way()
    assert [(change.step, change.path) for change in there.changes] == [
        (12, RATE), (20, "run.batch_size"), (20, "slice.follow"),
    ]  # fmt: skip
    assert place(there.link()) == there
    assert "at.12.run.optimizer.learning_rate=0.3" in there.link()


def test_a_link_leads_to_what_was_on_the_screen_to_the_bit():
    navigator = Navigator(small(), strategy=Loop())
    deque(navigator.travel(), maxlen=0)
    session = navigator.session
    assert navigator.change_settings(assign(navigator.place.scene, RATE, 0.3))
    for pace in (1, 4, 3):
        session.advance(pace)
        session.picture()
    assert navigator.change_settings(assign(navigator.place.scene, "run.batch_size", 7))
    assert navigator.change_settings(assign(navigator.place.scene, "slice.directions", "random"))
    assert navigator.change_settings(assign(navigator.place.scene, "slice.follow", False))
    for _ in range(5):
        session.advance(1)
        session.picture()
    shown = deque(session.refine(), maxlen=1)[0]
    assert navigator.here() == changed_on_the_way()
    _, found = arrived(place(navigator.here().link()))
    xr.testing.assert_identical(shown.slice, found.slice)
    xr.testing.assert_identical(shown.path, found.path)
    xr.testing.assert_identical(shown.curves, found.curves)


def test_a_run_starts_at_a_point_of_another_picture():
    navigator, shown = arrived(changed_on_the_way())
    alpha, beta = float(shown.slice["alpha"][2]), float(shown.slice["beta"][7])
    origin = Origin(replace(navigator.here(), seen=20), alpha, beta)
    there = replace(small(), step=0, origin=origin)
    assert place(there.link()) == there
    _, begun = arrived(there)
    back, _ = arrived(origin.place)
    expected = back.session.inspect(alpha, beta).point.values["train_loss"]
    assert begun.readings.values["train_loss"] == pytest.approx(expected, rel=1e-6)
    assert begun.readings.values["train_loss"] == pytest.approx(
        float(shown.slice["loss"].sel(split="train")[7, 2]), rel=1e-5
    )


@pytest.mark.parametrize("at", [(None, None), (0.25, -0.5)])
def test_weights_set_by_hand_are_part_of_the_link_and_where_a_run_starts(at):
    changes = (WeightChange("0.weight", (1, 0), 0.1), WeightChange("2.bias", (0,), -3.0))
    navigator, _ = arrived(small())
    origin = Origin(navigator.here(), *at, changes)
    there = replace(small(), step=0, origin=origin)
    assert place(there.link()) == there
    _, begun = arrived(there)
    back, _ = arrived(origin.place)
    expected = back.session.inspect(*at, changes).point.values["train_loss"]
    assert begun.readings.values["train_loss"] == pytest.approx(expected, rel=1e-6)


def test_a_link_with_a_weight_that_there_is_not_is_refused_as_it_is_gone_to():
    words = "from=preset%3Dspirals%26step%3D0&weight=9.weight%5B0%5D%3D1.0"
    there = place(f"preset=spirals&step=0&{words}")
    with pytest.raises(SpecError, match="changed weight"):
        arrived(there)
    with pytest.raises(SpecError, match="changed weight"):
        place("preset=spirals&step=0&from=preset%3Dspirals&weight=whatever")


def test_a_step_looked_at_is_part_of_the_link():
    there = replace(small(), seen=5)
    assert place(there.link()) == there
    navigator, shown = arrived(there)
    assert shown.seen == 5
    assert navigator.session.step == 12
    assert np.array_equal(shown.path["step"], range(13))


def test_kept_runs_are_part_of_the_link():
    there = replace(
        small("divergence"),
        kept=(small(), changed_on_the_way()),
    )
    assert place(there.link()) == there


def test_another_network_begins_anew_and_another_rate_goes_on():
    there = small()
    other = there.wanting(assign(there.scene, "run.problem.architecture.width", 5))
    assert (other.step, other.changes) == (0, ())
    assert not other.follows(there)
    faster = there.wanting(assign(there.scene, RATE, 0.5))
    assert faster.changes == (Change(12, RATE, 0.5),)
    assert faster.follows(there)
    again = faster.wanting(assign(faster.scene, RATE, 0.6))
    assert again.changes == (Change(12, RATE, 0.6),)
    drawn = faster.wanting(assign(faster.scene, "display.scale", "linear"))
    assert drawn.changes == faster.changes
    begun = replace(there, step=0)
    assert begun.wanting(assign(begun.scene, RATE, 0.5)).changes == ()


def test_going_back_to_an_earlier_step_takes_the_settings_of_now_along():
    there = replace(changed_on_the_way(), step=40)
    back = there.back(15)
    assert back.scene == there.scene
    assert back.step == 15
    assert back.changes[0] == Change(12, RATE, 0.3)
    assert {change.step for change in back.changes[1:]} == {15}


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("preset=nowhere", "preset must be one of"),
        ("step=-3", "step must be a whole number"),
        (f"step={'9' * 5000}", "step must be a whole number, 0 or larger, of at most 18 digits"),
        ("from=preset%3Dspirals&alpha=nan&beta=0", "alpha must be a finite number"),
        ("run=optimizers", "a setting of run must be specified by its field names"),
        ("slice=picture", "a setting of slice must be specified by its field names"),
        ("at.x.run.batch_size=3", r"at\.x must be a whole number"),
        (
            "at.5.run.problem.dataset=moons",
            "a change must be a setting that can change during a run",
        ),
        ("at.5.run.batch_size=3&at.2.run.batch_size=4", "a change must be at step 5 or later"),
        ("from=step%3D3&alpha=1", "beta must be a number"),
        ("weight=0.bias[0]=1", "weight must be in a link with `from`"),
        ("alpha=1&beta=0", "alpha must be in a link with `from`"),
        ("&".join(["kept=step%3D3"] * 4), "kept must be at most 3"),
        ("nonsense=1", "a setting must be one of"),
        ("view.span=2", "a setting must be slice.span, as the link is of an earlier version"),
        ("at.5.view.span=2", "a setting must be slice.span, as the link is of an earlier"),
        ("display.aside=off_plane", "must be display.side_panel, as the link is of an earlier"),
        ("display.height=log", "must be display.scale, as the link is of an earlier version"),
    ],
)
def test_a_link_that_cannot_be_read_says_why(link, said):
    with pytest.raises(SpecError, match=said):
        place(link)


def test_undo_goes_back_change_by_change_and_redo_forth(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("landscape_lab.state.history.time.monotonic", lambda: now[0])
    history, places = History(), [replace(small(), step=step) for step in range(5)]
    assert history.undo(places[0]) is None
    history.add(places[0], RATE)
    now[0] += 0.2
    history.add(places[1], RATE)  # the same slider, still dragged
    now[0] += 5
    history.add(places[2], RATE)
    assert history.undo(places[3]) is places[2]
    assert history.undo(places[2]) is places[0]
    assert not history.can_undo
    assert history.redo(places[0]) is places[2]
    history.add(places[4])
    assert not history.can_redo


def test_what_differs_between_runs_is_named_and_the_rest_goes_without_saying():
    one = small()
    other = one.wanting(assign(one.scene, "run.optimizer", "sgd"))
    later = one.wanting(assign(one.scene, RATE, 0.3))
    words = differing([one, replace(other, step=12), later])
    assert words == [
        "optimizer Adam, learning rate 0.02",
        "optimizer SGD, learning rate 0.02",
        "optimizer Adam, learning rate 0.02, from step 12 0.3",
    ]
    assert differing([one, one]) == ["the same settings"] * 2
    assert differing([one, replace(one, seen=3)]) == ["step 12", "step 3"]


def of_many_changes(number):
    """A link such as a slider makes that is dragged while a run plays."""
    words = [f"at.{step}.{RATE}={0.1 + step / 4096}" for step in range(number)]
    return "&".join(["preset=spirals", f"step={number}", *words])


def nested(depth):
    """The place of a run that starts at a point of a run that starts at a point of another…"""
    there = small()
    for _ in range(depth):
        there = replace(there, origin=Origin(there, 0.25, -0.5))
    return there


def test_a_link_is_refused_by_its_length_before_it_is_read():
    with pytest.raises(SpecError, match=f"at most {link_module.LONGEST} characters long; got 7"):
        place("preset=spirals&run.seed=" + 7 * 10**6 * "1" + "&no_such_setting=1")


@pytest.mark.parametrize("within", ["", "kept=", "kept=preset%3Dspirals&kept=", "from="])
def test_a_link_is_refused_by_its_number_of_changes_wherever_they_are(within):
    link = of_many_changes(link_module.MOST_WORDS)
    link = within + (quote(link) if within else link)
    with pytest.raises(SpecError, match=f"at most {link_module.MOST_WORDS}, .*; got 16"):
        place(link)


def test_a_link_is_refused_by_how_deeply_runs_start_in_one_another():
    deepest = nested(link_module.MOST_ORIGINS)
    assert place(deepest.link()) == deepest
    with pytest.raises(SpecError, match="start in one another must be at most 8; got 9"):
        place(nested(link_module.MOST_ORIGINS + 1).link())


def test_what_a_page_makes_is_read_and_what_would_not_be_is_known_beforehand(monkeypatch):
    monkeypatch.setattr(link_module, "MOST_WORDS", 60)
    link = of_many_changes(52)
    link_module.check_bounds(link, link_module.SPARE)
    assert place(link).link() == link
    with pytest.raises(SpecError, match=r"at most 54, .*; got 55"):
        link_module.check_bounds(of_many_changes(53), link_module.SPARE)
    place(of_many_changes(58))


def test_the_way_through_many_changes_is_as_long_as_they_are_many(monkeypatch):
    made = []

    def counted(*arguments):
        made.append(arguments)
        return assign(*arguments)

    there = place(small().link() + "&at.12.slice.follow=false&" + "&".join(
        f"at.12.{path}" for path in 30 * ["slice.span=1.5", "slice.span=2.0"]
    ))  # fmt: skip
    monkeypatch.setattr("landscape_lab.state.place.assign", counted)
    navigator = Navigator(there, strategy=Loop())
    pictures = sum(1 for _ in navigator.travel())
    assert navigator.place == there
    assert navigator.place.scene == there.scene
    assert len(made) < 4 * len(there.changes)  # of which each makes the scene once, not all again
    assert pictures < 30  # none for each change: 12 steps, and what tells that it goes on


def test_a_tolerance_is_of_the_scale_on_which_the_loss_is_drawn():
    exact, close = place("preset=spirals"), place("preset=spirals&slice.tolerance=0.01")
    assert (
        exact.scene.computed_slice is exact.scene.slice
    )  # drawn otherwise, nothing is computed anew
    assert close.scene.computed_slice.scale == close.scene.display.scale == "log"
    linear = place("preset=spirals&slice.tolerance=0.01&display.scale=linear")
    assert (
        linear.scene.computed_slice
        == linear.scene.slice
        == linear.scene.slice.replace(scale="linear")
    )
    assert "scale" not in close.link()
